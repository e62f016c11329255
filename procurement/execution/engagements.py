"""Engagements: the numbers under which the finance software holds the money, one by one or from its CSV file."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.contract import Contract, fresh
from procurement.errors import Invalid
from procurement.events import record
from procurement.people import Organisation, Person
from procurement.spreadsheet import delimiter_of, text_of

COLUMNS = ("marche", "engagement", "service", "montant_ht", "tranche")
NEEDED = ("marche", "engagement")
MOST_LINES = 100_000
MOST = Decimal(10**13)


class Engagement(Base):
    """One engagement of a contract (BT-13, 50 characters); `amount_ht` where the finance software says it.

    `part`: the number of the tranche or order that it pays for, or "".
    """

    __tablename__ = "engagement"
    __table_args__ = (UniqueConstraint("contract_id", "number"),)

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    number: Mapped[str] = mapped_column(String(50))
    service: Mapped[str] = mapped_column(String(100), default="")
    amount_ht: Mapped[Decimal | None]
    part: Mapped[str] = mapped_column(String(20), default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(254))
    closed_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Line:
    """One line of the finance software's file."""

    contract: str
    number: str
    service: str = ""
    amount_ht: Decimal | None = None
    part: str = ""


def engagements_of(db: Session, contract: Contract) -> list[Engagement]:
    """In the order they came."""
    return list(db.scalars(select(Engagement).where(Engagement.contract_id == contract.id).order_by(Engagement.id)))


def quoted(db: Session, contract: Contract) -> str:
    """The number that the next invoice quotes: the last one open, or ""."""
    return next((e.number for e in reversed(engagements_of(db, contract)) if e.closed_at is None), "")


def open_engagement(db: Session, contract: Contract, line: Line, person: Person, now: datetime) -> Engagement:
    """Add an engagement, or change what is said of it; `line.contract` is not read. Raises Invalid."""
    fresh(db, contract)
    wrong = {}
    if not line.number.strip() or len(line.number.strip()) > 50:
        wrong["engagement"] = "Le numéro d’engagement a de 1 à 50 caractères."
    if len(line.service.strip()) > 100:
        wrong["service"] = "Le code service a 100 caractères au plus."
    if wrong:
        raise Invalid(wrong)
    return _keep(db, contract, line, person, now)


def _keep(db: Session, contract: Contract, line: Line, person: Person, now: datetime) -> Engagement:
    number = line.number.strip()
    query = select(Engagement).where(Engagement.contract_id == contract.id, Engagement.number == number)
    found = db.scalar(query)
    if found is None:
        found = Engagement(contract_id=contract.id, number=number, created_at=now, created_by=person.email)
        db.add(found)
    said = (line.service.strip(), line.amount_ht, line.part.strip())
    if (found.service or "", found.amount_ht, found.part or "") != said or found.closed_at is not None:
        found.service, found.amount_ht, found.part = said
        found.closed_at = None
    contract.keyed = False
    db.flush()
    record(
        db, contract.consultation, "engagement.kept", contract.ref, person.email, now,
        number=number, service=found.service, amount_ht=str(found.amount_ht) if found.amount_ht is not None else None,
    )  # fmt: skip
    return found


def close_engagement(db: Session, contract: Contract, number: str, person: Person, now: datetime) -> None:
    """No invoice may quote it any more. Raises Invalid where the contract has none of that number."""
    fresh(db, contract)
    for found in engagements_of(db, contract):
        if found.number == number and found.closed_at is None:
            found.closed_at = now
            record(db, contract.consultation, "engagement.closed", contract.ref, person.email, now, number=number)
            return
    raise Invalid({"engagement": "Ce marché n’a pas d’engagement ouvert de ce numéro."})


def read_csv(content: bytes) -> list[Line]:
    """The finance software's file: a header with at least « marche » and « engagement », `;` or `,`, UTF-8 or Latin-1.

    Raises Invalid with one sentence on the first wrong line; nothing is kept then.
    """
    rows = csv.DictReader(io.StringIO(text_of(content)), delimiter=delimiter_of(content))
    names = [name.strip().lower() for name in rows.fieldnames or []]
    if missing := [name for name in NEEDED if name not in names]:
        raise Invalid({"file": f"La première ligne du fichier nomme les colonnes : il manque {', '.join(missing)}."})
    rows.fieldnames = names
    return [_line(number, row) for number, row in enumerate(_few(rows), 2)]


def _few(rows: Iterable[dict[str, str]]) -> Iterable[dict[str, str]]:
    for number, row in enumerate(rows):
        if number >= MOST_LINES:
            raise Invalid({"file": f"Ce fichier a plus de {MOST_LINES} lignes : envoyez-le en plusieurs fois."})
        yield row


def _line(number: int, row: dict[str, str]) -> Line:
    said = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not said["marche"] or not said["engagement"]:
        raise Invalid({"file": f"Ligne {number} : le numéro de marché ou d’engagement manque."})
    if len(said["engagement"]) > 50:
        raise Invalid({"file": f"Ligne {number} : le numéro d’engagement a plus de 50 caractères."})
    return Line(
        said["marche"], said["engagement"], said["service"][:100], _amount(number, said["montant_ht"]),
        said["tranche"][:20],
    )  # fmt: skip


def _amount(number: int, text: str) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal("".join(text.replace("€", "").split()).replace(",", "."))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value < MOST or value != round(value, 2):
        raise Invalid({"file": f"Ligne {number} : « {text[:30]} » n’est pas un montant en euros."})
    return value


def keep_lines(
    db: Session, organisation: Organisation, lines: list[Line], person: Person, now: datetime
) -> tuple[int, list[str]]:
    """Keep a whole file for one buyer: (engagements kept, contract numbers that this buyer does not have)."""
    wanted = {line.contract for line in lines}
    query = select(Contract).where(Contract.organisation_id == organisation.id, Contract.number.in_(sorted(wanted)))
    known = {contract.number: contract for contract in db.scalars(query)}
    kept = 0
    for line in lines:
        contract = known.get(line.contract)
        if contract is not None:
            _keep(db, contract, line, person, now)
            kept += 1
    return kept, sorted(wanted - set(known))
