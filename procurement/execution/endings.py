"""How a contract ends: its term, a termination, or its last account; nothing is ordered nor billed for later days."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid
from procurement.events import move
from procurement.people import Person

REASONS = {
    "term": "Arrivé à son terme",
    "account": "Soldé par son décompte général",
    "interest": "Résilié pour motif d’intérêt général (L2195-3)",
    "fault": "Résilié pour faute du titulaire (L2195-3)",
    "force": "Résilié pour force majeure (L2195-2)",
    "agreed": "Résilié d’un commun accord",
}


def end(
    db: Session, contract: Contract, reason: str, on: date | None, words: str, person: Person, now: datetime
) -> None:
    """End the contract that day. Raises Invalid field by field, Refused where it is not in effect."""
    fresh(db, contract)
    wrong = {}
    if reason not in REASONS:
        wrong["reason"] = "Dites comment le marché finit."
    if on is None or (contract.received_on and on < contract.received_on) or on > paris_day(now):
        wrong["on"] = "La fin va de la prise d’effet à aujourd’hui."
    if reason in ("interest", "fault", "force") and len(words.strip()) < 10:
        wrong["words"] = "Écrivez le motif de la résiliation en une phrase."
    if wrong or on is None:
        raise Invalid(wrong)
    move(
        db, contract.consultation, contract, "ended", person.email, now,
        reason=reason, on=on.isoformat(), words=words.strip()[:1000],
    )  # fmt: skip
    contract.ended_on, contract.end_reason = on, reason
