"""The opening: after the deadline, not a second before, whoever asks."""

from datetime import datetime

from sqlalchemy.orm import Session

from procurement.candidacy import Candidacy, received
from procurement.consultation import Consultation
from procurement.errors import Refused
from procurement.events import lock, move
from procurement.people import Person
from procurement.pieces import CAPACITY, ask


def open_plis(db: Session, consultation: Consultation, person: Person, now: datetime) -> list[Candidacy]:
    """Open, once; capacity pieces are set waiting for all candidates. The caller unseals with the key it guards."""
    lock(db, consultation)
    if not consultation.closed(now):
        raise Refused("Les plis restent scellés jusqu’à la date limite.", "R2132-9")
    move(db, consultation, consultation, "opened", person.email, now)
    consultation.opened_at = now
    candidacies = received(db, consultation)
    for candidacy in candidacies:
        ask(db, candidacy, CAPACITY, person.email, now)
    return candidacies
