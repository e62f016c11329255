"""What is ordered under a contract, piece by piece: tranches, orders (bons de commande), subsequent contracts.

Each is a move with its document. A tranche that is optional is planned until the buyer affirms it; an order or a
subsequent contract is in force from the day the holder received it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from dce_templates.french import euros
from procurement.base import Base, HasRef
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import move, record
from procurement.execution.terms import terms_of
from procurement.people import Person

KINDS = {"tranche": "Tranche", "order": "Bon de commande", "subsequent": "Marché subséquent"}
PREFIXES = {"tranche": "T", "order": "BC", "subsequent": "MS"}
MOST = Decimal(10**10)
# In force, or once was: what counts against the ceiling.
ORDERED = ("affirmed", "ended")


class Part(HasRef, Base):
    """One tranche, order or subsequent contract: its ceiling in euros HT, its days, the document that says it."""

    __tablename__ = "contract_part"
    __table_args__ = (UniqueConstraint("contract_id", "kind", "number"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "planned": frozenset({"affirmed", "dropped"}),
        "affirmed": frozenset({"ended"}),
        "dropped": frozenset(),
        "ended": frozenset(),
    }

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    number: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(300))
    amount_ht: Mapped[Decimal]
    state: Mapped[str] = mapped_column(String(10), default="planned")
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime]
    decided_on: Mapped[date | None] = mapped_column(Date)
    decided_by: Mapped[str] = mapped_column(String(254), default="")

    @property
    def title(self) -> str:
        return f"{KINDS[self.kind]} {self.number}"


def parts_of(db: Session, contract: Contract) -> list[Part]:
    """In the order they were written."""
    return list(db.scalars(select(Part).where(Part.contract_id == contract.id).order_by(Part.id)))


def find_part(db: Session, contract: Contract, ref: str) -> Part:
    found = db.scalar(select(Part).where(Part.contract_id == contract.id, Part.ref == ref))
    if found is None:
        raise NotFound
    return found


def ordered(parts: list[Part]) -> Decimal:
    """Euros HT in force or carried out."""
    return sum((part.amount_ht for part in parts if part.state in ORDERED), Decimal(0))


@dataclass(frozen=True)
class Planned:
    """What is to be ordered, as an officer wrote it; `amount_ht` in euros."""

    kind: str
    number: str
    label: str
    amount_ht: Decimal
    starts_on: date | None = None
    ends_on: date | None = None


def plan_part(db: Session, contract: Contract, said: Planned, person: Person, now: datetime) -> Part:
    """Write a tranche, an order or a subsequent contract down. Raises Invalid field by field."""
    fresh(db, contract)
    if contract.state == "ended":
        raise Refused("Le marché est terminé : rien ne s’y commande plus.")
    if wrong := _wrong(said, parts_of(db, contract)):
        raise Invalid(wrong)
    part = Part(
        contract_id=contract.id, kind=said.kind, number=said.number.strip(), label=said.label.strip(),
        amount_ht=said.amount_ht, starts_on=said.starts_on, ends_on=said.ends_on, created_at=now,
    )  # fmt: skip
    db.add(part)
    db.flush()
    record(
        db, contract.consultation, "part.planned", part.ref, person.email, now,
        of=part.kind, number=part.number, amount_ht=str(part.amount_ht),
    )  # fmt: skip
    return part


def _wrong(said: Planned, known: list[Part]) -> dict[str, str]:
    wrong, number = {}, said.number.strip()
    if said.kind not in KINDS:
        wrong["kind"] = "Choisissez tranche, bon de commande ou marché subséquent."
    if not number or len(number) > 20:
        wrong["number"] = "Le numéro a de 1 à 20 caractères."
    elif any(part.number == number for part in known):  # an invoice and an engagement quote the number alone
        wrong["number"] = "Ce numéro est déjà pris dans ce marché."
    if not 3 <= len(said.label.strip()) <= 300:
        wrong["label"] = "Dites en quelques mots ce qui est commandé."
    if not 0 < said.amount_ht <= MOST:
        wrong["amount_ht"] = "Le montant est positif, de dix milliards d’euros au plus."
    if said.starts_on and said.ends_on and said.ends_on < said.starts_on:
        wrong["ends_on"] = "La fin ne précède pas le début."
    return wrong


def affirm(db: Session, contract: Contract, part: Part, on: date | None, person: Person, now: datetime) -> None:
    """From that day it may be carried out and billed. Raises Refused where the contract's maximum would be passed."""
    fresh(db, contract)
    db.refresh(part)
    if contract.state != "in_effect":
        raise Refused("Le marché n’est pas en vigueur : rien ne se commande.", "R2182-4")
    on = _past(contract, on, now)
    limit = maximum(db, contract)
    total = ordered(parts_of(db, contract)) + part.amount_ht
    if total > limit:
        said = f"Avec cette commande, {euros(total)} HT seraient commandés : c’est plus que le maximum du marché."
        raise Refused(said, "R2162-4")
    move(db, contract.consultation, part, "affirmed", person.email, now, on=on.isoformat())
    part.decided_on, part.decided_by = on, person.email


def maximum(db: Session, contract: Contract) -> Decimal:
    """What may be ordered in all, in euros HT: the framework's maximum, else the contract's amount."""
    from_terms = terms_of(db, contract).ceiling_ht
    return from_terms if from_terms is not None else contract.amount_now


def _past(contract: Contract, on: date | None, now: datetime) -> date:
    if on is None or (contract.received_on and on < contract.received_on) or on > paris_day(now):
        raise Invalid({"on": "La date va de la prise d’effet du marché à aujourd’hui."})
    return on


def settle(
    db: Session, contract: Contract, part: Part, to: str, on: date | None, person: Person, now: datetime
) -> None:
    """Drop a planned tranche, or end one that was carried out. Raises Invalid where the day cannot be."""
    fresh(db, contract)
    db.refresh(part)
    on = _past(contract, on, now)
    move(db, contract.consultation, part, to, person.email, now, on=on.isoformat())
    part.decided_on, part.decided_by = on, person.email


def next_part_number(parts: list[Part], kind: str) -> str:
    """The next number of that kind: T1, T2… for tranches, BC1… for orders, MS1… for subsequent contracts."""
    return f"{PREFIXES[kind]}{sum(1 for part in parts if part.kind == kind) + 1}"
