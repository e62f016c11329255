"""Once a day, by one worker: removes what serves nothing any more (procurement/purge.py)."""

import structlog

from api import db as database
from api.context import Context
from api.steps.daily import turn_of_day
from procurement.purge import drafts_to_purge, purge_contests, purge_draft, purge_small

NAME = "purge"
log = structlog.get_logger("mps.purge")


def purge_once(context: Context) -> bool:
    """True when something was removed. A worker that dies in the middle leaves the rest to the next day."""
    now = turn_of_day(context, NAME)
    if now is None:
        return False
    with database.transaction(context.database) as db:
        rows, drafts = purge_small(db, now) + purge_contests(db, now), drafts_to_purge(db, now)
    for key in drafts:
        _purge_draft(context, key)
    log.info("purged", rows=rows, drafts=len(drafts))
    return bool(rows or drafts)


def _purge_draft(context: Context, key: int) -> None:
    """Rows first: files that a dead worker leaves behind are named by no row."""
    with database.transaction(context.database) as db:
        unnamed = purge_draft(db, key, database.now(db))
    for name in unnamed:
        context.storage.delete(name)
