"""Once a day, by one worker: what the running contracts owe in data is set down, and reminded in time."""

from api import db as database
from api.context import Context
from api.steps.daily import turn_of_day
from procurement.contract import Contract, paris_day
from procurement.deliveries import Delivery, plan, remind, running, to_remind

NAME = "deliveries"


def follow_once(context: Context) -> bool:
    """True where something was planned or reminded; a transaction for each, so that no contract waits for another."""
    now = turn_of_day(context, NAME)
    if now is None:
        return False
    with database.reading(context.database) as db:
        contracts = running(db)
    added = sum(_planned(context, key) for key in contracts)
    with database.reading(context.database) as db:
        rows = to_remind(db, paris_day(now))
    for key in rows:
        with database.transaction(context.database) as db:
            remind(db, db.get_one(Delivery, key), paris_day(now), database.now(db))
    return bool(added or rows)


def _planned(context: Context, key: int) -> int:
    with database.transaction(context.database) as db:
        return plan(db, db.get_one(Contract, key), database.now(db))
