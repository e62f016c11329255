"""What follows once every party has signed an act: kind of act → the function of the module that owns it."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from procurement.act import AMENDMENT, DC4, ENGAGEMENT, Act
from procurement.contract import engagement_signed
from procurement.execution.amendments import agreed_by_act
from procurement.subcontract import accept_signed

# The act, who signed last (actor of the register), when, and the names of those who signed.
Consequence = Callable[[Session, Act, str, datetime, list[str]], None]
# An act of a kind that is not here is signed, and nothing else moves.
CONSEQUENCES: Mapping[str, Consequence] = {
    ENGAGEMENT: engagement_signed,
    DC4: accept_signed,
    AMENDMENT: agreed_by_act,
}


def follow(db: Session, act: Act, actor: str, now: datetime, signers: list[str]) -> None:
    """Do what follows from this act, now that it is signed."""
    if consequence := CONSEQUENCES.get(act.kind):
        consequence(db, act, actor, now, signers)
