"""Work that one worker does once a day."""

from datetime import datetime

from sqlalchemy import select

from api import db as database
from api.context import Context
from procurement.counters import Counter, take


def turn_of_day(context: Context, name: str) -> datetime | None:
    """The instant, where nobody did `name` today yet: a read first, so that idle workers write nothing."""
    with database.reading(context.database) as db:
        now = database.now(db)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if db.scalar(select(Counter.id).where(Counter.name == name, Counter.window_start == today)):
            return None
    with database.transaction(context.database) as db:
        return now if take(db, name, 1, today) else None
