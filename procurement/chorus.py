"""Chorus Pro for one buyer: its account, what the portal announced and is still to be fetched, what the buyer asks for.

The account's row is the job of reading; each invoice that the portal announces is a row too, inserted once, and is the
job of fetching it: what is interrupted is taken up again, and nothing is taken twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.errors import Invalid
from procurement.invoicing.directory import Directory, Recipient
from procurement.people import Organisation

LEASE = timedelta(minutes=15)
EVERY = timedelta(minutes=15)
STRUCTURE_EVERY = timedelta(days=1)
FIRST_RETRY, LAST_RETRY = timedelta(minutes=1), timedelta(hours=6)
# What may have been written at the portal a little before what was already read.
OVERLAP = timedelta(hours=1)
LONGEST_WINDOW = timedelta(days=31)
MOST_TRIES = 12
# How an approval is told to the supplier, as the buyer's administrator says.
APPROVALS: Mapping[str, str] = {
    "SERVICE_FAIT": "Service fait",
    "MANDATEE": "Mandatée",
    "MISE_EN_PAIEMENT": "Mise en paiement",
}
# Decision of a person → status of Chorus Pro; an approval is as the account says.
STATUSES: Mapping[str, str] = {"sent_back": "A_RECYCLER", "held": "SUSPENDUE", "refused": "REJETEE"}


class ChorusAccount(HasRef, Base):
    """One buyer's technical account and its application of PISTE; secrets are sealed.

    Everything that changed at the portal before `read_until` is known here; `window_to` is the end of the reading that
    was begun. `due_at`: when to read again, None where the reading is stopped.
    """

    __tablename__ = "chorus_account"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), unique=True)
    login: Mapped[str] = mapped_column(String(200))
    password_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    client_id: Mapped[str] = mapped_column(String(200))
    client_secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    approval: Mapped[str] = mapped_column(String(40), default="SERVICE_FAIT")
    read_until: Mapped[datetime]
    window_to: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(String(500), default="")
    read_at: Mapped[datetime | None]
    structure_due_at: Mapped[datetime] = mapped_column(index=True)
    set_by: Mapped[str] = mapped_column(String(254))
    set_at: Mapped[datetime]
    stopped_by: Mapped[str] = mapped_column(String(254), default="")
    stopped_at: Mapped[datetime | None]
    organisation: Mapped[Organisation] = relationship()


class ChorusNotice(Base):
    """One invoice that the portal announced. `due_at`: when to fetch it, None once it is here, or given up.

    `notified_at` is the portal's instant; `copy_id` the invoice once kept.
    """

    __tablename__ = "chorus_notice"
    __table_args__ = (UniqueConstraint("account_id", "portal_id"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("chorus_account.id"))
    portal_id: Mapped[str] = mapped_column(String(40))
    number: Mapped[str] = mapped_column(String(100), default="")
    supplier: Mapped[str] = mapped_column(String(200), default="")
    status: Mapped[str] = mapped_column(String(40))
    status_at: Mapped[datetime]
    found_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(String(500), default="")
    copy_id: Mapped[int | None] = mapped_column(ForeignKey("invoice_copy.id"), index=True)
    account: Mapped[ChorusAccount] = relationship()


class ChorusStructure(Base):
    """What the portal says that a buyer's suppliers must write: the switches of its structure, its open services."""

    __tablename__ = "chorus_structure"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), unique=True)
    portal_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(200), default="")
    engagement_required: Mapped[bool]
    service_required: Mapped[bool]
    either_required: Mapped[bool]
    payment_not_told: Mapped[bool]
    works_only: Mapped[bool]
    services: Mapped[list[Any]] = mapped_column(default=list)
    read_at: Mapped[datetime]


@dataclass(frozen=True)
class Announced:
    """One line of the portal's list."""

    portal_id: str
    number: str
    supplier: str
    status: str
    status_at: datetime


@dataclass(frozen=True)
class Sealed:
    """Both secrets of an account, sealed; None: the one that is kept stays."""

    password: bytes | None
    client_secret: bytes | None


def account_of(db: Session, organisation_id: int) -> ChorusAccount | None:
    return db.scalar(select(ChorusAccount).where(ChorusAccount.organisation_id == organisation_id))


def keep_account(
    db: Session, organisation: Organisation, *, login: str, client_id: str, sealed: Sealed, approval: str,
    since: datetime | None, by: str, now: datetime,
) -> ChorusAccount:  # fmt: skip
    """Make the account, or change it; the reading starts again at once. Raises Invalid field by field.

    `since`: read again what changed at the portal from then on; None: go on from where the reading is.
    """
    account = account_of(db, organisation.id)
    wrong = _wrong(login, client_id, sealed, approval, known=account is not None)
    if since is not None and since > now:
        wrong["since"] = "Cette date est à venir."
    if wrong:
        raise Invalid(wrong)
    if account is None:
        account = ChorusAccount(organisation=organisation, read_until=since or now, structure_due_at=now)
        db.add(account)
    account.read_until = min(account.read_until, since or account.read_until)
    account.login, account.client_id, account.approval = login.strip(), client_id.strip(), approval
    account.password_sealed = sealed.password or account.password_sealed
    account.client_secret_sealed = sealed.client_secret or account.client_secret_sealed
    account.set_by, account.set_at, account.stopped_at, account.stopped_by = by, now, None, ""
    account.due_at = account.structure_due_at = now
    account.attempts, account.problem, account.window_to = 0, "", None
    db.flush()
    return account


def _wrong(login: str, client_id: str, sealed: Sealed, approval: str, *, known: bool) -> dict[str, str]:
    wrong = {}
    if not login.strip() or ":" in login or not login.isprintable() or len(login) > 200:
        wrong["login"] = "Donnez l’identifiant du compte technique, tel que Chorus Pro l’a donné."
    if not client_id.strip() or not client_id.isprintable() or len(client_id) > 200:
        wrong["client_id"] = "Donnez l’identifiant de l’application PISTE (« Client ID »)."
    if sealed.password is None and not known:
        wrong["password"] = "Donnez le mot de passe du compte technique."  # noqa: S105 - a sentence
    if sealed.client_secret is None and not known:
        wrong["client_secret"] = "Donnez le secret de l’application PISTE (« Client Secret »)."  # noqa: S105
    if approval not in APPROVALS:
        wrong["approval"] = "Choisissez le statut qui annonce une approbation."
    return wrong


def stop_account(account: ChorusAccount, by: str, now: datetime) -> None:
    """Read and send nothing more; what was received stays."""
    account.due_at, account.stopped_at, account.stopped_by = None, now, by


def claim_account(db: Session, now: datetime) -> ChorusAccount | None:
    """One account to read, held for a quarter of an hour; the window to read is set, unless one was begun."""
    query = select(ChorusAccount).where(ChorusAccount.due_at <= now).order_by(ChorusAccount.due_at).limit(1)
    account = db.scalar(query.with_for_update(skip_locked=True))
    if account is not None:
        account.due_at = now + LEASE
        account.window_to = account.window_to or min(now, account.read_until + LONGEST_WINDOW)
    return account


def announce(db: Session, account: ChorusAccount, found: Iterable[Announced], now: datetime) -> int:
    """Keep what the portal announces: a row for each new invoice, its new status for a known one. Gives how many."""
    lines = {line.portal_id: line for line in found}
    query = select(ChorusNotice).where(ChorusNotice.account_id == account.id, ChorusNotice.portal_id.in_(lines))
    known = {row.portal_id: row for row in db.scalars(query)}
    for line in lines.values():
        row = known.get(line.portal_id)
        if row is None:
            db.add(ChorusNotice(
                account_id=account.id, portal_id=line.portal_id, number=line.number[:100],
                supplier=line.supplier[:200], status=line.status, status_at=line.status_at, found_at=now, due_at=now,
            ))  # fmt: skip
        elif line.status_at >= row.status_at:
            row.status, row.status_at = line.status, line.status_at
    account.due_at = now + LEASE if account.stopped_at is None else None
    db.flush()
    return len(lines) - len(known)


def window_read(account: ChorusAccount, end: datetime, now: datetime) -> None:
    """The window up to `end` is read whole: the next one starts there; at once where that is not the present.

    Nothing is moved where somebody changed or stopped the account meanwhile.
    """
    if account.window_to != end or account.stopped_at is not None:
        return
    account.read_until, account.window_to = max(account.read_until, end), None
    account.attempts, account.problem, account.read_at = 0, "", now
    account.due_at = now if now - end > EVERY else now + EVERY


def account_failed(account: ChorusAccount, sentence: str, retry_after: int, now: datetime) -> None:
    """The reading goes on later, where it was; never sooner than the portal asks."""
    account.attempts += 1
    account.problem = sentence[:500]
    if account.stopped_at is None:
        account.due_at = now + pause(account.attempts, retry_after)


def pause(attempts: int, retry_after: int) -> timedelta:
    """How long to leave the portal alone after so many failures, and at least what it asks (seconds)."""
    grown: timedelta = min(FIRST_RETRY * 2 ** min(max(attempts - 1, 0), 20), LAST_RETRY)
    return max(grown, timedelta(seconds=min(retry_after, 86400)))


def claim_notices(db: Session, most: int, now: datetime) -> list[ChorusNotice]:
    """Invoices of one account to fetch, oldest first, held for a quarter of an hour."""
    running = select(ChorusAccount.id).where(ChorusAccount.stopped_at.is_(None))
    query = select(ChorusNotice).where(ChorusNotice.due_at <= now, ChorusNotice.account_id.in_(running))
    query = query.options(joinedload(ChorusNotice.account, innerjoin=True).joinedload(ChorusAccount.organisation))
    query = query.order_by(ChorusNotice.due_at, ChorusNotice.id).limit(most)
    rows = list(db.scalars(query.with_for_update(skip_locked=True, of=ChorusNotice)))
    mine = [row for row in rows if row.account_id == rows[0].account_id]
    for row in mine:
        row.due_at = now + LEASE
    return mine


def notice_kept(row: ChorusNotice, copy_id: int, sentence: str = "") -> None:
    """The invoice is here, or its very bytes were already: `sentence` says so."""
    row.copy_id, row.due_at, row.problem = copy_id, None, sentence[:500]


def notice_failed(row: ChorusNotice, sentence: str, retry_after: int, now: datetime) -> None:
    """Tried again later and later; after a dozen times a person must look, and asks again from the page."""
    row.attempts += 1
    row.problem = sentence[:500]
    row.due_at = now + pause(row.attempts, retry_after) if row.attempts < MOST_TRIES else None


def postpone(rows: Iterable[ChorusNotice], retry_after: int, now: datetime) -> None:
    """The portal is not there: no invoice is at fault, none is given up."""
    for row in rows:
        row.due_at = now + pause(1, retry_after)


def missing(db: Session, account: ChorusAccount, most: int) -> list[ChorusNotice]:
    """Announced and not here, or here with something to say: what an administrator is shown."""
    query = select(ChorusNotice).where(ChorusNotice.account_id == account.id)
    query = query.where(ChorusNotice.copy_id.is_(None) | (ChorusNotice.problem != ""))
    return list(db.scalars(query.order_by(ChorusNotice.id.desc()).limit(most)))


def ask_again(db: Session, account: ChorusAccount, now: datetime) -> int:
    """What was given up is tried again. Gives how many."""
    given_up = [
        ChorusNotice.account_id == account.id, ChorusNotice.copy_id.is_(None), ChorusNotice.due_at.is_(None),
    ]  # fmt: skip
    rows = list(db.scalars(select(ChorusNotice).where(*given_up)))
    for row in rows:
        row.due_at, row.attempts = now, 0
    return len(rows)


def claim_structure(db: Session, now: datetime) -> ChorusAccount | None:
    """One account whose structure was not read since a day; marked read, so that no other worker takes it."""
    query = select(ChorusAccount).where(ChorusAccount.structure_due_at <= now, ChorusAccount.stopped_at.is_(None))
    account = db.scalar(query.order_by(ChorusAccount.id).limit(1).with_for_update(skip_locked=True))
    if account is not None:
        account.structure_due_at = now + STRUCTURE_EVERY
    return account


def structure_of(db: Session, organisation_id: int) -> ChorusStructure | None:
    return db.scalar(select(ChorusStructure).where(ChorusStructure.organisation_id == organisation_id))


def directory_of(db: Session, organisation_id: int) -> Directory:
    """What is known here of whom may be billed: this buyer alone, with what the portal asks for it, once read there."""
    row, owner = structure_of(db, organisation_id), db.get_one(Organisation, organisation_id)
    if row is None:
        return Directory({owner.siret: Recipient(read=False)}, whole=False)
    services = frozenset(str(code) for code, _ in row.services)
    asked = Recipient(row.service_required, row.engagement_required, row.either_required, services)
    return Directory({owner.siret: asked}, whole=False)


@dataclass(frozen=True)
class Switches:
    """What the portal asks of the invoices sent to a structure: its number there, its name, its switches, services."""

    portal_id: int
    name: str
    switches: Mapping[str, bool]
    services: Iterable[tuple[str, str]]


def keep_structure(db: Session, organisation_id: int, told: Switches, now: datetime) -> ChorusStructure:
    """What the portal asks from today on; a switch that it does not name is off."""
    row = structure_of(db, organisation_id)
    if row is None:
        row = ChorusStructure(organisation_id=organisation_id)
        db.add(row)
    row.portal_id, row.name, row.read_at = told.portal_id, told.name[:200], now
    row.engagement_required = told.switches.get("numeroEJDoitEtreRenseigne", False)
    row.service_required = told.switches.get("codeServiceDoitEtreRenseigne", False)
    row.either_required = told.switches.get("gestionNumeroEJOuCodeService", False)
    row.payment_not_told = told.switches.get("statutMiseEnPaiementNestPasRemonte", False)
    row.works_only = told.switches.get("estMoaUniquement", False)
    row.services = [list(service) for service in told.services]
    db.flush()
    return row


def wanted_status(db: Session, organisation_id: int, decision: str) -> str:
    """The status of Chorus Pro that tells this decision to the supplier; "" where there is no account."""
    account = account_of(db, organisation_id)
    if account is None:
        return ""
    return STATUSES.get(decision, account.approval)
