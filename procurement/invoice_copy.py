"""A copy of an invoice being checked, without value of deposit: kept once, matched, decided by a person."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
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
from procurement.events import record, record_all
from procurement.people import Organisation, Person, Role, hold_buyer

FINAL: frozenset[str] = frozenset()
# Nothing is decided yet: what the contract says meanwhile counts.
COMPARED = ("received", "held", "completed", "to_confirm")
UNPAYABLE = ("refused", "sent_back")


class InvoiceCopy(HasRef, Base):
    """An invoice being checked; the report and the match are frozen as they were computed.

    `channel`: upload, api or folder (a copy, without value of deposit), chorus (the invoice itself, from Chorus Pro).
    For the latter, `portal_id` is the portal's number, `portal_at` the instant of its notification, where the delay of
    payment starts (R2192-15); `portal_wanted` is the status that the decision asks for there, sent at `portal_due_at`.
    `replaced`: a copy whose place the deposited invoice took (procurement/twins.py).
    """

    __tablename__ = "invoice_copy"
    __table_args__ = (
        UniqueConstraint("organisation_id", "sha256"),
        Index("ix_invoice_copy_organisation_id_due_on", "organisation_id", "due_on"),
        UniqueConstraint("organisation_id", "portal_id"),
    )
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        "received": frozenset({"to_confirm", "approved", "partial", "held", "refused", "sent_back", "replaced"}),
        "held": frozenset({"completed", "to_confirm", "approved", "partial", "refused", "sent_back", "replaced"}),
        "completed": frozenset({"to_confirm", "approved", "partial", "refused", "sent_back", "replaced"}),
        "to_confirm": frozenset({"received", "held", "completed", "approved", "partial", "replaced"}),
        "approved": frozenset({"paid", "replaced"}),
        "partial": frozenset({"paid", "replaced"}),
        "paid": frozenset({"replaced"}),
        "replaced": FINAL,
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
    def is_credit(self) -> bool:
        """A credit note: its amounts are kept negative."""
        return (self.amount_ht or self.amount_ttc or 0) < 0

    @property
    def net_ttc(self) -> Decimal | None:
        """Euros to pay: what is admitted, less what is taken off; None where it is closed without payment."""
        if self.state in UNPAYABLE:
            return None
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
            self.penalties_ttc, said_by(self.match),
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


@dataclass(frozen=True)
class Examined:
    """A file stored under `key`, what the check and the match gave of it, and the contract found."""

    facts: Facts
    key: str
    contract: Contract | None
    report: dict[str, Any]
    match: dict[str, Any]


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
    one = Examined(facts, key, contract, report, match)
    return keep_arrived(db, organisation, Arrival(channel, person.email), [one], now)[0]


def keep_arrived(
    db: Session, organisation: Organisation, arrival: Arrival, files: Sequence[Examined], now: datetime
) -> list[InvoiceCopy]:
    """The same for whatever came by itself, each file's copy. One that is here becomes the portal's when that comes."""
    db.refresh(organisation, with_for_update=True)
    sha256s = [file.facts.sha256 for file in files]
    query = select(InvoiceCopy).where(InvoiceCopy.organisation_id == organisation.id)
    here = {copy.sha256: copy for copy in db.scalars(query.where(InvoiceCopy.sha256.in_(sha256s)))}
    fresh: dict[str, InvoiceCopy] = {}
    for file in files:
        if twin := here.get(file.facts.sha256):
            _recognise(db, twin, arrival, now)
        elif file.facts.sha256 not in fresh:
            fresh[file.facts.sha256] = _copy(organisation, arrival, file, now)
    db.add_all(fresh.values())
    db.flush()
    for contract, copies in by_contract(fresh.values()):
        lines = [(copy.ref, {"sha256": copy.sha256}) for copy in copies]
        record_all(db, contract.consultation, "invoicecopy.received", lines, arrival.by, now)
    return [(here | fresh)[sha256] for sha256 in sha256s]


def _copy(organisation: Organisation, arrival: Arrival, file: Examined, now: datetime) -> InvoiceCopy:
    facts = file.facts
    return InvoiceCopy(
        organisation_id=organisation.id, contract=file.contract, name=facts.name[:200], sha256=facts.sha256,
        key=file.key, number=facts.number[:100], seller_siret=facts.seller_siret[:14], amount_ht=facts.amount_ht,
        amount_ttc=facts.amount_ttc, type_code=facts.type_code[:3], process=facts.process[:3],
        issued_on=facts.issued_on, engagement=facts.engagement[:50], report=file.report, match=file.match,
        created_at=now, uploaded_by=arrival.by, channel=arrival.channel, portal_id=arrival.portal_id,
        portal_status=arrival.portal_status, portal_at=arrival.portal_at,
    )  # fmt: skip


def by_contract(copies: Iterable[InvoiceCopy]) -> list[tuple[Contract, list[InvoiceCopy]]]:
    """The copies of each contract, contracts by their id: whoever locks several takes them in that order."""
    found: dict[int, tuple[Contract, list[InvoiceCopy]]] = {}
    for copy in copies:
        if copy.contract is not None:
            found.setdefault(copy.contract.id, (copy.contract, []))[1].append(copy)
    return [found[one] for one in sorted(found)]


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
    former, by = copy.contract, person.email
    copy.contract, copy.match, copy.part = contract, match, ""
    said = [(contract, "invoicecopy.attached", {"left": former.ref if former else None})]
    if former is not None and former is not contract:
        said.append((former, "invoicecopy.detached", {}))
        former.recount_at = now
    # Registers are locked in one order, so that two such moves never wait for each other.
    for one, kind, more in sorted(said, key=lambda each: each[0].consultation_id):
        record(db, one.consultation, kind, copy.ref, by, now, contract=contract.ref, **more)


def compared(db: Session, copy: InvoiceCopy, match: Mapping[str, Any], person: Person, now: datetime) -> bool:
    """Keep what was found by comparing again, where nothing is decided. Gives whether it says something else.

    The contracts that it might have belonged to stay as they were found.
    """
    if copy.contract is None or copy.state not in COMPARED:
        return False
    hold_buyer(db, copy.organisation_id)
    db.refresh(copy)
    if copy.state not in COMPARED:
        return False
    former = copy.match
    copy.match = {**match, "candidates": former.get("candidates", match["candidates"])}
    if said_by(match) == said_by(former):
        return False
    record(db, copy.contract.consultation, "invoicecopy.compared", copy.ref, person.email, now, found=match["decision"])
    return True


# What a page shows of one finding.
SHOWN = ("message", "severity", "bt", "reason_code", "chorus", "effect")


def said_by(match: Mapping[str, Any]) -> str:
    """What a comparison says to whoever decides: its findings, its proposal, what is to be paid."""
    findings = [[finding.get(name) for name in SHOWN] for finding in match.get("findings", [])]
    sums = {name: value for name, value in (match.get("payable") or {}).items() if name != "steps"}
    said = [findings, match.get("decision"), match.get("amounts") or {}, sums]
    return json.dumps(said, sort_keys=True, default=str)


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
