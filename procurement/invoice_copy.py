"""A copy of an invoice being checked, without value of deposit: kept once, matched, decided by a person."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, defer, joinedload, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.chorus import wanted_status
from procurement.contract import Contract
from procurement.errors import NotFound, Refused
from procurement.events import record
from procurement.people import Organisation, Person, Role, hold_buyer

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
        Index("ix_invoice_copy_organisation_id_due_on", "organisation_id", "due_on"),
        UniqueConstraint("organisation_id", "portal_id"),
    )
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "received": frozenset({"to_confirm", "approved", "partial", "held", "refused", "sent_back"}),
        "held": frozenset({"completed", "to_confirm", "approved", "partial", "refused", "sent_back"}),
        "completed": frozenset({"to_confirm", "approved", "partial", "refused", "sent_back"}),
        "to_confirm": frozenset({"received", "held", "completed", "approved", "partial"}),
        "approved": frozenset({"paid"}),
        "partial": frozenset({"paid"}),
        "paid": FINAL,
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
    amount_ttc: Mapped[Decimal | None]
    type_code: Mapped[str] = mapped_column(String(3), default="380")
    process: Mapped[str] = mapped_column(String(3), default="")
    issued_on: Mapped[date | None] = mapped_column(Date)
    engagement: Mapped[str] = mapped_column(String(50), default="")
    part: Mapped[str] = mapped_column(String(20), default="")
    received_on: Mapped[date | None] = mapped_column(Date)
    done_on: Mapped[date | None] = mapped_column(Date)
    suspended_on: Mapped[date | None] = mapped_column(Date)
    resumed_on: Mapped[date | None] = mapped_column(Date)
    report: Mapped[dict[str, Any]]
    match: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    uploaded_by: Mapped[str] = mapped_column(String(254))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(254), default="")
    motive: Mapped[str] = mapped_column(String(1000), default="")
    reason_code: Mapped[str] = mapped_column(String(30), default="")
    proposed: Mapped[str] = mapped_column(String(20), default="")
    proposed_by: Mapped[str] = mapped_column(String(254), default="")
    admitted_ht: Mapped[Decimal | None]
    admitted_ttc: Mapped[Decimal | None]
    retention_ttc: Mapped[Decimal | None]
    advance_ttc: Mapped[Decimal | None]
    penalties_ttc: Mapped[Decimal | None]
    mandate: Mapped[str] = mapped_column(String(30), default="")
    paid_on: Mapped[date | None] = mapped_column(Date)
    due_on: Mapped[date | None] = mapped_column(Date)
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

    @property
    def net_ttc(self) -> Decimal | None:
        """Euros to pay: what is admitted, less what is taken off."""
        admitted = self.admitted_ttc if self.admitted_ttc is not None else self.amount_ttc
        if admitted is None:
            return None
        zero = Decimal(0)
        return admitted - (self.retention_ttc or zero) - (self.advance_ttc or zero) - (self.penalties_ttc or zero)

    @property
    def stamp(self) -> str:
        """What a page showed of it: another one as soon as its state, its contract, its sums or its proposal change."""
        shown = (
            self.state, self.contract_id, self.part, self.engagement, self.amount_ttc, self.done_on, self.proposed,
            self.proposed_by, self.motive, self.admitted_ht, self.admitted_ttc, self.retention_ttc, self.advance_ttc,
            self.penalties_ttc,
        )  # fmt: skip
        return hashlib.sha256(repr([str(value) for value in shown]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Facts:
    """What the file says of itself, as far as it can be read."""

    name: str
    sha256: str
    number: str
    seller_siret: str
    amount_ht: Decimal | None
    amount_ttc: Decimal | None = None
    type_code: str = "380"
    process: str = ""
    issued_on: date | None = None
    engagement: str = ""


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
        number=facts.number[:100], seller_siret=facts.seller_siret[:14], amount_ht=facts.amount_ht,
        amount_ttc=facts.amount_ttc, type_code=facts.type_code[:3], process=facts.process[:3],
        issued_on=facts.issued_on, engagement=facts.engagement[:50], report=report, match=match, created_at=now,
        uploaded_by=arrival.by, channel=arrival.channel, portal_id=arrival.portal_id,
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
    hold_buyer(db, copy.organisation_id)
    db.refresh(copy)
    if copy.state not in ("received", "held", "completed"):
        raise Refused("Cette facture est déjà décidée.")
    former = copy.contract
    copy.contract, copy.match, copy.part = contract, match, ""
    said = {"contract": contract.ref, "came_from": former.ref if former else None}
    registers = {each.consultation_id: each.consultation for each in (former, contract) if each is not None}
    for _, consultation in sorted(registers.items()):
        record(db, consultation, "invoicecopy.attached", copy.ref, person.email, now, **said)
    if former is not None:
        former.recount_at = now


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
    """The ledger's lines, oldest first, without the reports, which are heavy."""
    query = select(InvoiceCopy).where(InvoiceCopy.contract_id == contract.id).order_by(InvoiceCopy.id)
    return list(db.scalars(query.options(defer(InvoiceCopy.report), defer(InvoiceCopy.match))))


def invoices_for(db: Session, person: Person, before: int | None, size: int) -> list[InvoiceCopy]:
    """Of every buyer for whom this person does finance, newest first, without the reports."""
    mine = person.organisations(Role.FINANCE)
    query = select(InvoiceCopy).where(InvoiceCopy.organisation_id.in_(mine)).order_by(InvoiceCopy.id.desc())
    query = query.options(joinedload(InvoiceCopy.contract), defer(InvoiceCopy.report), defer(InvoiceCopy.match))
    return list(db.scalars(query.where(InvoiceCopy.id < before).limit(size) if before else query.limit(size)))
