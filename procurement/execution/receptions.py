"""Service fait: what was delivered and accepted, by whom, when; invoices are held to it as soon as there is some."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Date, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid, NotFound
from procurement.events import move, record
from procurement.people import Person

MOST = Decimal(10**10)


class Reception(HasRef, Base):
    """What was done by that day: an amount in euros HT, and a quantity where a price code says of what.

    `quantity` is text ("12.5"): it is counted in the unit of the price.
    """

    __tablename__ = "reception"
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {"done": frozenset({"cancelled"}), "cancelled": frozenset()}

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    state: Mapped[str] = mapped_column(String(10), default="done")
    part: Mapped[str] = mapped_column(String(20), default="")
    on: Mapped[date] = mapped_column("done_on", Date)
    label: Mapped[str] = mapped_column(String(300))
    code: Mapped[str] = mapped_column(String(50), default="")
    quantity: Mapped[str] = mapped_column(String(30), default="")
    amount_ht: Mapped[Decimal]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(254))


def receptions_of(db: Session, contract: Contract) -> list[Reception]:
    """In the order of their days."""
    query = select(Reception).where(Reception.contract_id == contract.id)
    return list(db.scalars(query.order_by(Reception.on, Reception.id)))


def find_reception(db: Session, contract: Contract, ref: str) -> Reception:
    found = db.scalar(select(Reception).where(Reception.contract_id == contract.id, Reception.ref == ref))
    if found is None:
        raise NotFound
    return found


def receive(
    db: Session,
    contract: Contract,
    *,
    on: date | None,
    label: str,
    amount_ht: Decimal,
    part: str,
    code: str,
    quantity: Decimal | None,
    person: Person,
    now: datetime,
) -> Reception:
    """Certify what was done. Raises Invalid field by field."""
    fresh(db, contract)
    wrong = {}
    if on is None or on > paris_day(now):
        wrong["on"] = "La date du service fait est passée ou d’aujourd’hui."
    if not 3 <= len(label.strip()) <= 300:
        wrong["label"] = "Dites en quelques mots ce qui a été livré ou exécuté."
    if not 0 < amount_ht <= MOST:
        wrong["amount_ht"] = "Le montant est positif, de dix milliards d’euros au plus."
    if quantity is not None and not code.strip():
        wrong["code"] = "Dites de quel prix est cette quantité."
    if wrong or on is None:
        raise Invalid(wrong)
    row = Reception(
        contract_id=contract.id, on=on, label=label.strip(), amount_ht=amount_ht, part=part.strip()[:20],
        code=code.strip()[:50], quantity=f"{quantity:f}" if quantity is not None else "", created_at=now,
        created_by=person.email,
    )  # fmt: skip
    db.add(row)
    db.flush()
    record(
        db, contract.consultation, "reception.done", row.ref, person.email, now,
        on=on.isoformat(), amount_ht=str(amount_ht), part=row.part,
    )  # fmt: skip
    return row


def cancel(db: Session, contract: Contract, row: Reception, person: Person, now: datetime) -> None:
    """It was certified by mistake: the line stays, crossed out."""
    fresh(db, contract)
    db.refresh(row)
    move(db, contract.consultation, row, "cancelled", person.email, now)
