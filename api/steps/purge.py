"""Once a day, by one worker: removes what serves nothing any more (procurement/purge.py)."""

from datetime import datetime

import structlog
from sqlalchemy import select

from api import db as database
from api.context import Context
from procurement.counters import Counter, take
from procurement.purge import drafts_to_purge, purge_draft, purge_small

NAME = "purge"
log = structlog.get_logger("mps.purge")


def purge_once(context: Context) -> bool:
    """True when something was removed. A worker that dies in the middle leaves the rest to the next day."""
    now = _turn(context)
    if now is None:
        return False
    with database.transaction(context.database) as db:
        rows, drafts = purge_small(db, now), drafts_to_purge(db, now)
    for key in drafts:
        _purge_draft(context, key)
    log.info("purged", rows=rows, drafts=len(drafts))
    return bool(rows or drafts)


def _turn(context: Context) -> datetime | None:
    """The instant, where nobody purged today yet: a read first, so that idle workers write nothing."""
    with database.reading(context.database) as db:
        now = database.now(db)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if db.scalar(select(Counter.id).where(Counter.name == NAME, Counter.window_start == today)):
            return None
    with database.transaction(context.database) as db:
        return now if take(db, NAME, 1, today) else None


def _purge_draft(context: Context, key: int) -> None:
    """Rows first: files that a dead worker leaves behind are named by no row."""
    with database.transaction(context.database) as db:
        unnamed = purge_draft(db, key, database.now(db))
    for name in unnamed:
        context.storage.delete(name)
