"""A copy of an invoice being checked, without value of deposit: kept once, matched, decided by a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.chorus import wanted_status
from procurement.contract import Contract
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import lock, move, record
from procurement.people import Organisation, Person, Role

FINAL: frozenset[str] = frozenset()


class InvoiceCopy(HasRef, Base):
    """An invoice being checked; the report and the match are frozen as they were computed.

    `channel`: upload, api or folder (a copy, without value of deposit), chorus (the invoice itself, from Chorus Pro).
    For the latter, `portal_id` is the portal's number, `portal_at` the instant of its notification, where the delay of
    payment starts (R2192-15); `portal_wanted` is the status that the decision asks for there, sent at `portal_due_at`.
    """

    __tablename__ = "invoice_copy"
    __table_args__ = (
        UniqueConstraint("organisation_id", "sha256"),
        UniqueConstraint("organisation_id", "portal_id"),
    )
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "received": frozenset({"approved", "partial", "held", "refused", "sent_back"}),
        "held": frozenset({"approved", "partial", "refused", "sent_back"}),
        "approved": FINAL,
        "partial": FINAL,
        "refused": FINAL,
        "sent_back": FINAL,
    }

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    contract_id: Mapped[int | None] = mapped_column(ForeignKey("contract.id"), index=True)
    state: Mapped[str] = mapped_column(String(20), default="received")
    name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    number: Mapped[str] = mapped_column(String(100), default="")
    seller_siret: Mapped[str] = mapped_column(String(14), default="")
    amount_ht: Mapped[Decimal | None]
    report: Mapped[dict[str, Any]]
    match: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    uploaded_by: Mapped[str] = mapped_column(String(254))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(254), default="")
    motive: Mapped[str] = mapped_column(String(1000), default="")
    channel: Mapped[str] = mapped_column(String(10), default="upload")
    portal_id: Mapped[str | None] = mapped_column(String(40))
    portal_status: Mapped[str] = mapped_column(String(40), default="")
    portal_at: Mapped[datetime | None]
    portal_wanted: Mapped[str] = mapped_column(String(40), default="")
    portal_due_at: Mapped[datetime | None] = mapped_column(index=True)
    portal_attempts: Mapped[int] = mapped_column(default=0)
    portal_sent_at: Mapped[datetime | None]
    portal_problem: Mapped[str] = mapped_column(String(500), default="")
    contract: Mapped[Contract | None] = relationship()


@dataclass(frozen=True)
class Ledger:
    """Euros HT, credit notes taken off: what is approved, what waits for a decision, what is left of the amount."""

    amount: Decimal
    approved: Decimal
    in_flight: Decimal

    @property
    def left(self) -> Decimal:
        return self.amount - self.approved - self.in_flight


@dataclass(frozen=True)
class Facts:
    """What the file says of itself, as far as it can be read."""

    name: str
    sha256: str
    number: str
    seller_siret: str
    amount_ht: Decimal | None


@dataclass(frozen=True)
class Arrival:
    """How an invoice came, and who or what brought it; what the portal says of it, where it comes from there."""

    channel: str
    by: str
    portal_id: str | None = None
    portal_status: str = ""
    portal_at: datetime | None = None


def already(db: Session, organisation: Organisation, sha256: str) -> InvoiceCopy | None:
    """The same bytes were dropped before: that one is shown, nothing is added."""
    query = select(InvoiceCopy).where(InvoiceCopy.organisation_id == organisation.id, InvoiceCopy.sha256 == sha256)
    return db.scalar(query)


def already_here(db: Session, organisation_id: int, sha256s: Sequence[str]) -> set[str]:
    """Which of these files are kept."""
    query = select(InvoiceCopy.sha256).where(InvoiceCopy.organisation_id == organisation_id)
    return set(db.scalars(query.where(InvoiceCopy.sha256.in_(sha256s))))


def keep_copy(
    db: Session,
    organisation: Organisation,
    facts: Facts,
    *,
    key: str,
    contract: Contract | None,
    report: dict[str, Any],
    match: dict[str, Any],
    person: Person,
    now: datetime,
    channel: str = "upload",
) -> InvoiceCopy:
    """Keep a checked copy; two uploads of the same bytes at once give one row. Raises NotFound without the role."""
    if not person.has(Role.FINANCE, organisation.id):
        raise NotFound
    arrival = Arrival(channel, person.email)
    return keep_arrived(
        db, organisation, facts, arrival, key=key, contract=contract, report=report, match=match, now=now
    )


def keep_arrived(
    db: Session,
    organisation: Organisation,
    facts: Facts,
    arrival: Arrival,
    *,
    key: str,
    contract: Contract | None,
    report: dict[str, Any],
    match: dict[str, Any],
    now: datetime,
) -> InvoiceCopy:
    """The same for whatever came by itself. A copy already here becomes the portal's invoice when that one comes."""
    db.refresh(organisation, with_for_update=True)
    twin = already(db, organisation, facts.sha256)
    if twin is not None:
        _recognise(db, twin, arrival, now)
        return twin
    copy = InvoiceCopy(
        organisation_id=organisation.id, contract=contract, name=facts.name[:200], sha256=facts.sha256, key=key,
        number=facts.number[:100], seller_siret=facts.seller_siret[:14], amount_ht=facts.amount_ht, report=report,
        match=match, created_at=now, uploaded_by=arrival.by, channel=arrival.channel, portal_id=arrival.portal_id,
        portal_status=arrival.portal_status, portal_at=arrival.portal_at,
    )  # fmt: skip
    db.add(copy)
    db.flush()
    if contract is not None:
        record(db, contract.consultation, "invoicecopy.received", copy.ref, arrival.by, now, sha256=copy.sha256)
    return copy


def _recognise(db: Session, copy: InvoiceCopy, arrival: Arrival, now: datetime) -> None:
    """What was already decided on the copy is told at the portal too."""
    if not arrival.portal_id or copy.portal_id is not None:
        return
    copy.channel, copy.portal_id = arrival.channel, arrival.portal_id
    copy.portal_status, copy.portal_at = arrival.portal_status, arrival.portal_at
    if copy.decided_at is not None:
        ask_portal(db, copy, wanted_status(db, copy.organisation_id, copy.state), now)


def attach_to(
    db: Session, copy: InvoiceCopy, contract: Contract, match: dict[str, Any], person: Person, now: datetime
) -> None:
    """A person says which contract the invoice belongs to; the match is computed again for it."""
    if contract.organisation_id != copy.organisation_id:
        raise NotFound
    lock(db, contract.consultation)
    db.refresh(copy)
    if copy.state not in ("received", "held"):
        raise Refused("Cette facture est déjà décidée.")
    copy.contract, copy.match = contract, match
    record(db, contract.consultation, "invoicecopy.attached", copy.ref, person.email, now, contract=contract.ref)


def decide_copy(db: Session, copy: InvoiceCopy, to: str, motive: str, person: Person, now: datetime) -> None:
    """A person decides; the proposal stays beside. Other than approval asks a motive."""
    contract = copy.contract
    if contract is None:
        raise Refused("Rattachez d’abord cette facture à un marché : sa décision y est conservée.")
    lock(db, contract.consultation)
    db.refresh(copy)
    if to != "approved" and len(motive.strip()) < 10:
        raise Invalid({"motive": "Écrivez le motif en une phrase : le fournisseur le lira."})
    if len(motive.strip()) > 1000:
        raise Invalid({"motive": "Le motif a mille caractères au plus."})
    move(db, contract.consultation, copy, to, person.email, now, motive=motive.strip())
    copy.decided_at, copy.decided_by, copy.motive = now, person.email, motive.strip()
    if copy.portal_id:
        ask_portal(db, copy, wanted_status(db, copy.organisation_id, to), now)


def ask_portal(db: Session, copy: InvoiceCopy, status: str, now: datetime) -> None:
    """Have this status told at the portal ("": no account, nothing to tell). A later one takes its place."""
    copy.portal_wanted, copy.portal_problem, copy.portal_attempts = status, "", 0
    copy.portal_due_at = now if status else None


def find_invoice(db: Session, ref: str, person: Person) -> InvoiceCopy:
    """Finance staff of the buyer; anyone else gets NotFound."""
    copy = db.scalar(select(InvoiceCopy).where(InvoiceCopy.ref == ref))
    if copy is None or not person.has(Role.FINANCE, copy.organisation_id):
        raise NotFound
    return copy


def invoices_of(db: Session, contract: Contract) -> list[InvoiceCopy]:
    """The ledger's lines, oldest first."""
    return list(db.scalars(select(InvoiceCopy).where(InvoiceCopy.contract_id == contract.id).order_by(InvoiceCopy.id)))


def ledger_of(contract: Contract, copies: list[InvoiceCopy]) -> Ledger:
    """The contract's account as its copies tell it; a partial approval counts for the whole until it is paid."""

    def total(*states: str) -> Decimal:
        return sum((c.amount_ht for c in copies if c.state in states and c.amount_ht is not None), Decimal(0))

    return Ledger(contract.amount, total("approved", "partial"), total("received", "held"))


def invoices_for(db: Session, person: Person, before: int | None, size: int) -> list[InvoiceCopy]:
    mine = person.organisations(Role.FINANCE)
    query = select(InvoiceCopy).where(InvoiceCopy.organisation_id.in_(mine)).order_by(InvoiceCopy.id.desc())
    query = query.options(joinedload(InvoiceCopy.contract))
    return list(db.scalars(query.where(InvoiceCopy.id < before).limit(size) if before else query.limit(size)))
