"""By which day essential data must be published, what is late, and who is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, joinedload

from dce_templates.dossier import parse_dossier
from procurement.contract import Contract
from procurement.execution.amendments import Amendment
from procurement.mail import post
from procurement.people import Role, staff_of
from procurement.publication.essential import FULL, Essential
from procurement.publication.mapping import is_concession
from procurement.rules import rule_table
from procurement.subcontract import ONCE_ACCEPTED, Subcontract

BEFORE = timedelta(days=14)
# How many warnings a record remembers: two for each thing that is late at the same time.
KEPT = 20


def plus_months(day: date, months: int) -> date:
    """The same day so many months later, the last of its month where there is none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def due_on(contract: Contract, essential: Essential) -> date | None:
    """Two months after the holder received the notification; for a concession the day before it starts (None: unknown).

    Articles R2196-1 and R3131-1, arrêtés of 22 December 2022.
    """
    dossier = parse_dossier(contract.consultation.dossier)
    if is_concession(dossier):
        start = essential.said.get("starts_on")
        return date.fromisoformat(start) - timedelta(days=1) if start else contract.received_on
    if contract.received_on is None:
        return None
    return plus_months(contract.received_on, delay(dossier.launched_on))


def delay(launched_on: date) -> int:
    """Months, for a consultation launched that day."""
    return int(rule_table().in_force(launched_on).figures["decp_delay"].value)


@dataclass(frozen=True)
class Expected:
    """One publication that is still to come."""

    contract: Contract
    what: str
    due_on: date
    essential: Essential

    def late(self, today: date) -> bool:
        return self.due_on < today


def expected(db: Session, organisations: Iterable[int] | None = None) -> list[Expected]:
    """What is not published yet, the most urgent first; of these buyers, or of all."""
    mine: list[ColumnElement[bool]] = [] if organisations is None else [Contract.organisation_id.in_(organisations)]
    whole = joinedload(Essential.contract).joinedload(Contract.organisation)
    query = select(Essential).join(Contract).where(Contract.received_on.is_not(None), Essential.state != "published")
    found = [
        Expected(row.contract, "Marché", row.due_on, row)
        for row in db.scalars(query.where(*mine).options(whole))
        if row.due_on is not None
    ]
    return sorted(
        [*found, *_changes(db, mine), *_subcontracts(db, mine)], key=lambda each: (each.due_on, each.contract.id)
    )


def _changes(db: Session, mine: list[ColumnElement[bool]]) -> list[Expected]:
    """Modifications notified and not published; two months too."""
    query = (
        select(Amendment, Essential)
        .join(Contract, Amendment.contract_id == Contract.id)
        .join(Essential, Essential.contract_id == Contract.id)
        .where(Amendment.state == "notified", Amendment.published_at.is_(None), *mine)
        .where(or_(Essential.form == FULL, Essential.state != "published"))
        .options(joinedload(Essential.contract).joinedload(Contract.organisation))
    )
    return [
        Expected(row.contract, f"Modification n° {change.number}", plus_months(change.notified_on, 2), row)
        for change, row in db.execute(query)
        if change.notified_on is not None
    ]


def _of(declared: Subcontract) -> str:
    return "Sous-traitance modifiée, DC4" if declared.replaces_id else "Sous-traitance"


def _subcontracts(db: Session, mine: list[ColumnElement[bool]]) -> list[Expected]:
    """Subcontracts accepted and not published; two months too."""
    query = (
        select(Subcontract, Essential)
        .join(Contract, Subcontract.contract_id == Contract.id)
        .join(Essential, Essential.contract_id == Contract.id)
        .where(Subcontract.state.in_(ONCE_ACCEPTED), Subcontract.published_at.is_(None), *mine)
        .where(or_(Essential.form == FULL, Essential.state != "published"))
        .options(joinedload(Essential.contract).joinedload(Contract.organisation))
    )
    return [
        Expected(row.contract, f"{_of(declared)} n° {declared.number}", plus_months(declared.accepted_on, 2), row)
        for declared, row in db.execute(query)
        if declared.accepted_on is not None
    ]


def warn(db: Session, today: date, now: datetime) -> int:
    """Write once to the buyer's officers before the day, once after it; returns how many messages were queued."""
    queued = 0
    for each in expected(db):
        step = "late" if each.late(today) else "before" if each.due_on - today <= BEFORE else ""
        told, mark = each.essential.warned.split(), f"{step}-{each.what[0]}{each.what.rpartition(' ')[2]}"
        if step and mark not in told and each.essential.state != "waiting":
            each.essential.warned = " ".join([*told, mark][-KEPT:])
            queued += _tell(db, each, step, now)
    return queued


def _tell(db: Session, each: Expected, step: str, now: datetime) -> int:
    reasons = "\n".join(f"– {finding['message']}" for finding in each.essential.findings) or "– Elles sont en attente."
    subject, body = LETTERS[step]
    words = {"number": each.contract.number, "what": each.what, "due": f"{each.due_on:%d/%m/%Y}", "reasons": reasons}
    emails = staff_of(db, each.contract.organisation_id, Role.OFFICER)
    for email in emails:
        post(
            db, to=email, subject=subject.format(**words), body=body.format(**words, ref=each.contract.ref), now=now,
            consultation_id=each.contract.consultation_id,
        )  # fmt: skip
    return len(emails)


_HOW = """
{reasons}

Complétez-les sur la page du marché, « Données essentielles » (/contrats/{ref}/donnees-essentielles).
"""
LETTERS = {
    "before": (
        "Données essentielles du marché {number} : à publier avant le {due}",
        "Les données essentielles du marché {number} ({what}) sont à publier au plus tard le {due}. "
        "Elles ne le sont pas encore, pour ces raisons :\n" + _HOW,
    ),
    "late": (
        "Données essentielles du marché {number} : le délai est passé",
        "Les données essentielles du marché {number} ({what}) devaient être publiées au plus tard le {due}. "
        "Elles ne le sont pas, pour ces raisons :\n" + _HOW,
    ),
}
