"""Writes what the buyer's silence did: a subcontractor whose act was received three weeks ago is accepted (R2193-4)."""

from api import db as database
from api.context import Context
from procurement.subcontract_silence import accept_silent, claim_silent


def accept_one(context: Context) -> bool:
    """One declaration, in one transaction."""
    with database.transaction(context.database) as db:
        now = database.now(db)
        row = claim_silent(db, now)
        if row is None:
            return False
        accept_silent(db, row, now)
        return True
