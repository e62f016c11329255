"""Modifications of a running contract (avenants, décisions): drafted, agreed, notified, then appended to open data.

What is published is never edited: a modification adds to it (arrêtés of 22 December 2022).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from procurement.act import Act, withdraw_act
from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import move, record
from procurement.execution.parties import succeed
from procurement.people import Person

# The case of the code that allows the change (R2194-1 to R2194-8), in the words of the acts' own model.
BASES = {
    "review": "Clause de réexamen (R2194-1)",
    "additional": "Prestations supplémentaires nécessaires (R2194-2)",
    "unforeseen": "Circonstances imprévues (R2194-5)",
    "successor": "Changement de titulaire (R2194-6)",
    "not_substantial": "Modification non substantielle (R2194-7)",
    "minor": "Faible montant (R2194-8)",
}
MOST = Decimal(10**10)


class Amendment(HasRef, Base):
    """One modification: what it adds to the amount (euros HT, may be negative) and to the duration (months).

    `to_siret`, `to_name`: the new holder, where it changes hands. `act_id`: the act that the parties sign, if any.
    """

    __tablename__ = "amendment"
    __table_args__ = (UniqueConstraint("contract_id", "number"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "draft": frozenset({"agreed", "dropped"}),
        "agreed": frozenset({"notified", "dropped"}),
        "notified": frozenset(),
        "dropped": frozenset(),
    }

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="draft")
    basis: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(2000))
    amount_change: Mapped[Decimal]
    months_change: Mapped[int] = mapped_column(default=0)
    review_clause: Mapped[str] = mapped_column(String(300), default="")
    to_siret: Mapped[str] = mapped_column(String(14), default="")
    to_name: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(254))
    agreed_at: Mapped[datetime | None]
    notified_on: Mapped[date | None] = mapped_column(Date)
    published_at: Mapped[datetime | None]
    act_id: Mapped[int | None] = mapped_column(ForeignKey("act.id"), index=True)
    act: Mapped[Act | None] = relationship()


def amendments_of(db: Session, contract: Contract) -> list[Amendment]:
    """In the order of their numbers."""
    return list(db.scalars(select(Amendment).where(Amendment.contract_id == contract.id).order_by(Amendment.number)))


def find_amendment(db: Session, contract: Contract, ref: str) -> Amendment:
    found = db.scalar(select(Amendment).where(Amendment.contract_id == contract.id, Amendment.ref == ref))
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True)
class Change:
    """What is to change, as an officer wrote it."""

    basis: str
    reason: str
    amount: Decimal = Decimal(0)
    months: int = 0
    to_siret: str = ""
    to_name: str = ""
    review_clause: str = ""


def draft_amendment(db: Session, contract: Contract, change: Change, person: Person, now: datetime) -> Amendment:
    """Write a modification down, one at a time. Raises Invalid field by field, Refused while another is open."""
    fresh(db, contract)
    if contract.state != "in_effect":
        raise Refused("Le marché n’est pas en vigueur : il ne se modifie pas.", "R2194-1")
    former = amendments_of(db, contract)
    no_other(former)
    if wrong := _wrong(contract, change):
        raise Invalid(wrong)
    amendment = Amendment(
        contract_id=contract.id, number=max((each.number for each in former), default=0) + 1, basis=change.basis,
        reason=change.reason.strip(), amount_change=change.amount, months_change=change.months,
        review_clause=change.review_clause.strip()[:300], to_siret=change.to_siret,
        to_name=change.to_name.strip()[:300], created_at=now, created_by=person.email,
    )  # fmt: skip
    db.add(amendment)
    db.flush()
    record(
        db, contract.consultation, "amendment.drafted", amendment.ref, person.email, now,
        number=amendment.number, basis=change.basis, amount_change=str(change.amount), months_change=change.months,
    )  # fmt: skip
    return amendment


def no_other(amendments: Iterable[Amendment]) -> None:
    """Raises Refused while one is open."""
    if any(each.state in ("draft", "agreed") for each in amendments):
        raise Refused("Une modification est déjà en cours : notifiez-la ou abandonnez-la d’abord.")


def _wrong(contract: Contract, change: Change) -> dict[str, str]:
    wrong = {}
    if change.basis not in BASES:
        wrong["basis"] = "Dites dans quel cas du code entre cette modification."
    if not 10 <= len(change.reason.strip()) <= 2000:
        wrong["reason"] = "Dites en une phrase ce qui change et pourquoi."
    if abs(change.amount) > MOST or contract.amount_now + change.amount <= 0:
        wrong["amount"] = "Le montant du marché, une fois modifié, reste positif."
    if not -360 <= change.months <= 360:
        wrong["months"] = "La durée change de 360 mois au plus."
    if (change.basis == "successor") != bool(change.to_siret):
        wrong["to_siret"] = "Un nouveau titulaire se nomme dans le cas R2194-6, et dans ce cas seulement."
    elif change.to_siret and not change.to_name.strip():
        wrong["to_name"] = "Écrivez le nom du nouveau titulaire : l’annuaire ne le donne pas."
    if not change.amount and not change.months and not change.to_siret:
        wrong["amount"] = "Dites ce qui change : le montant, la durée ou le titulaire."
    return wrong


def agree(db: Session, contract: Contract, amendment: Amendment, actor: str, now: datetime) -> None:
    """Both parties have signed it, or the buyer decided it alone where the contract lets it."""
    fresh(db, contract)
    db.refresh(amendment)
    if amendment.act is not None:
        raise Refused("Cet avenant se signe dans le service : il est accepté une fois signé de tous.")
    move(db, contract.consultation, amendment, "agreed", actor, now, number=amendment.number)
    amendment.agreed_at = now


def agreed_by_act(db: Session, act: Act, actor: str, now: datetime, signers: list[str]) -> None:
    """Every party has signed its act: the modification is agreed."""
    amendment = db.scalar(select(Amendment).where(Amendment.act_id == act.id))
    if amendment is not None and amendment.state == "draft":
        move(
            db, act.contract.consultation, amendment, "agreed", actor, now,
            number=amendment.number, act=act.ref, signers=signers,
        )  # fmt: skip
        amendment.agreed_at = now


def drop(db: Session, contract: Contract, amendment: Amendment, person: Person, now: datetime) -> None:
    """Give it up; its act, where it waits for signatures, is withdrawn."""
    fresh(db, contract)
    db.refresh(amendment)
    move(db, contract.consultation, amendment, "dropped", person.email, now, number=amendment.number)
    if amendment.act is not None and amendment.act.state == "awaiting_signature":
        withdraw_act(db, amendment.act, person.email, now)


def notify_amendment(
    db: Session, contract: Contract, amendment: Amendment, on: date | None, person: Person, now: datetime
) -> None:
    """The holder received it that day: amount, duration and holder change, and open data gets one more modification."""
    fresh(db, contract)
    db.refresh(amendment)
    if on is None or contract.received_on is None or not contract.received_on <= on <= paris_day(now):
        raise Invalid({"notified_on": "La notification va de la prise d’effet du marché à aujourd’hui."})
    move(
        db, contract.consultation, amendment, "notified", person.email, now,
        number=amendment.number, on=on.isoformat(),
    )  # fmt: skip
    amendment.notified_on = on
    contract.amount_changed = contract.amount_now + amendment.amount_change
    contract.recount_at = now
    contract.months_added += amendment.months_change
    if amendment.to_siret:
        succeed(db, contract, amendment.to_siret, amendment.to_name, on)
