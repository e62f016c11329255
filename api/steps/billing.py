"""Watches the accounts of contracts, and tells finance each day what is late or will be."""

from sqlalchemy import select

from api import db as database
from api.context import Context
from procurement.account import recount, to_recount
from procurement.contract import paris_day
from procurement.counters import Counter, take
from procurement.worklist import remind

NAME = "late_invoices"


def recount_one(context: Context) -> bool:
    """One contract whose account changed, in one transaction; a read first, so that idle workers write nothing."""
    with database.reading(context.database) as db:
        if to_recount(db, database.now(db)) is None:
            return False
    with database.transaction(context.database) as db:
        now = database.now(db)
        contract = to_recount(db, now)
        if contract is not None:
            recount(db, contract, now)
        return contract is not None


def remind_once(context: Context) -> bool:
    """Once a day; the day is taken and the messages written in one transaction: none is lost, none sent twice."""
    with database.reading(context.database) as db:
        now = database.now(db)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if db.scalar(select(Counter.id).where(Counter.name == NAME, Counter.window_start == today)):
            return False
    with database.transaction(context.database) as db:
        return take(db, NAME, 1, today) and remind(db, paris_day(now), now) > 0
