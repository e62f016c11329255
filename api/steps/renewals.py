"""Looks at the proofs of running contracts and asks again what is about to run out."""

from api import db as database
from api.context import Context
from procurement.contract import paris_day
from procurement.renewals import claim_renewal, renew


def renew_one(context: Context) -> bool:
    """One contract, in one transaction: nothing is called here, the pieces set waiting are the worker's next step."""
    with database.transaction(context.database) as db:
        now = database.now(db)
        contract = claim_renewal(db, paris_day(now))
        if contract is None:
            return False
        renew(db, contract, now)
        return True
