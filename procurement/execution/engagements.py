"""Engagements: the numbers under which the finance software holds the money, one by one or from its CSV file."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column

from procurement.base import Base
from procurement.contract import Contract, fresh
from procurement.errors import Invalid
from procurement.events import record
from procurement.execution.parts import Part, parts_of
from procurement.people import Organisation, Person
from procurement.spreadsheet import delimiter_of, number_of, text_of

COLUMNS = ("marche", "engagement", "service", "montant_ht", "tranche")
NEEDED = ("marche", "engagement")
MOST_LINES = 100_000
MOST = Decimal(10**13)
BATCH = 500
NUMBERS_TOLD = 100


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
    """One line of the finance software's file; `row` is its place there."""

    contract: str
    number: str
    service: str = ""
    amount_ht: Decimal | None = None
    part: str = ""
    row: int = 0


def engagements_of(db: Session, contract: Contract) -> list[Engagement]:
    """In the order they came."""
    return list(db.scalars(select(Engagement).where(Engagement.contract_id == contract.id).order_by(Engagement.id)))


def engagements_by(db: Session, contracts: Sequence[int]) -> dict[int, list[Engagement]]:
    """The same of several contracts, by their id."""
    found: dict[int, list[Engagement]] = {}
    query = select(Engagement).where(Engagement.contract_id.in_(contracts)).order_by(Engagement.id)
    for row in db.scalars(query):
        found.setdefault(row.contract_id, []).append(row)
    return found


@dataclass(frozen=True)
class OfPart:
    """An open engagement that pays for one tranche or order: its number, the part's and what the part is called."""

    number: str
    part: str
    title: str


@dataclass(frozen=True)
class Quoted:
    """What the next invoices quote: the part's own, or `whole` for what is of no part (the last one opened, or "")."""

    whole: str
    parts: tuple[OfPart, ...]


def quoted(db: Session, contract: Contract) -> Quoted:
    """The engagements open today."""
    running = [row for row in engagements_of(db, contract) if row.closed_at is None]
    titles = {part.number: f"{part.title} – {part.label}" for part in parts_of(db, contract)}
    return Quoted(
        next((row.number for row in reversed(running) if not row.part), ""),
        tuple(OfPart(row.number, row.part, titles.get(row.part, row.part)) for row in running if row.part),
    )


def open_engagement(db: Session, contract: Contract, line: Line, person: Person, now: datetime) -> Engagement:
    """Add an engagement, or change what is said of it; `line.contract` is not read. Raises Invalid."""
    fresh(db, contract)
    wrong = {}
    if not line.number.strip() or len(line.number.strip()) > 50:
        wrong["engagement"] = "Le numéro d’engagement a de 1 à 50 caractères."
    if len(line.service.strip()) > 100:
        wrong["service"] = "Le code service a 100 caractères au plus."
    if unknown := _unknown_part(contract, line, {part.number for part in parts_of(db, contract)}):
        wrong["part"] = f"{unknown}."
    if wrong:
        raise Invalid(wrong)
    return _keep(db, contract, line, person, now)


def _unknown_part(contract: Contract, line: Line, known: Collection[str]) -> str:
    part = line.part.strip()
    return f"Le marché {contract.number} n’a ni tranche ni commande « {part} »" if part and part not in known else ""


def _keep(db: Session, contract: Contract, line: Line, person: Person, now: datetime) -> Engagement:
    number = line.number.strip()
    query = select(Engagement).where(Engagement.contract_id == contract.id, Engagement.number == number)
    found, changed = _written(db, db.scalar(query), contract, line, person, now)
    if not changed:
        return found
    record(
        db, contract.consultation, "engagement.kept", contract.ref, person.email, now,
        number=number, service=found.service, amount_ht=str(found.amount_ht) if found.amount_ht is not None else None,
    )  # fmt: skip
    return found


def _written(
    db: Session, found: Engagement | None, contract: Contract, line: Line, person: Person, now: datetime
) -> tuple[Engagement, bool]:
    """The row as the line says it, and whether that changed anything: the same file again changes nothing."""
    said = (line.service.strip(), line.amount_ht, line.part.strip())
    if found is None:
        found = Engagement(contract_id=contract.id, number=line.number.strip(), created_at=now, created_by=person.email)
        db.add(found)
    elif (found.service, found.amount_ht, found.part) == said and found.closed_at is None:
        return found, False
    found.service, found.amount_ht, found.part = said
    found.closed_at = None
    contract.keyed = False
    db.flush()
    return found, True


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
    rows = csv.DictReader(io.StringIO(text_of(content), newline=""), delimiter=delimiter_of(content), strict=True)
    try:
        names = [name.strip().lower() for name in rows.fieldnames or []]
        if missing := [name for name in NEEDED if name not in names]:
            said = f"La première ligne du fichier nomme les colonnes : il manque {', '.join(missing)}."
            raise Invalid({"file": said})
        rows.fieldnames = names
        return [_line(rows.line_num, row) for row in _few(rows)]
    except csv.Error:
        raise Invalid({"file": f"Ligne {rows.reader.line_num or 1} : ce n’est pas une ligne de fichier CSV."}) from None


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
    if "\0" in "".join(said.values()):
        raise Invalid({"file": f"Ligne {number} : un caractère interdit."})
    return Line(
        said["marche"], said["engagement"], said["service"][:100], _amount(number, said["montant_ht"]),
        said["tranche"][:21], number,
    )  # fmt: skip


def _amount(number: int, text: str) -> Decimal | None:
    if not text:
        return None
    value = number_of(text)
    if value is None or not 0 <= value < MOST or value != round(value, 2):
        raise Invalid({"file": f"Ligne {number} : « {text[:30]} » n’est pas un montant en euros."})
    return value


def keep_lines(
    db: Session, organisation: Organisation, lines: list[Line], person: Person, now: datetime
) -> tuple[int, list[str]]:
    """Keep a whole file for one buyer: (lines of its contracts, contract numbers that this buyer does not have).

    One line of the register for each contract that changed, whatever the size of the file. Raises Invalid on the first
    line that names a tranche or order which its contract does not have.
    """
    of: dict[str, list[Line]] = {}
    for line in lines:
        of.setdefault(line.contract, []).append(line)
    known = _contracts(db, organisation, sorted(of))
    _parts_exist(db, known, of)
    for contract in known:
        _keep_lines_of(db, contract, of[contract.number], person, now)
    kept = sum(len(of[contract.number]) for contract in known)
    return kept, sorted(of.keys() - {contract.number for contract in known})


def _contracts(db: Session, organisation: Organisation, numbers: list[str]) -> list[Contract]:
    """In the order of their keys, so that two files never wait for each other."""
    found: list[Contract] = []
    for start in range(0, len(numbers), BATCH):
        wanted = Contract.number.in_(numbers[start : start + BATCH])
        query = select(Contract).where(Contract.organisation_id == organisation.id, wanted)
        found.extend(db.scalars(query.options(joinedload(Contract.consultation))))
    return sorted(found, key=lambda contract: contract.id)


def _parts_exist(db: Session, contracts: Sequence[Contract], of: Mapping[str, Sequence[Line]]) -> None:
    naming = [contract for contract in contracts if any(line.part for line in of[contract.number])]
    numbers: dict[int, set[str]] = {}
    for start in range(0, len(naming), BATCH):
        ids = [contract.id for contract in naming[start : start + BATCH]]
        for contract_id, number in db.execute(select(Part.contract_id, Part.number).where(Part.contract_id.in_(ids))):
            numbers.setdefault(contract_id, set()).add(number)
    wrong = (
        (line.row, said)
        for contract in naming
        for line in of[contract.number]
        if (said := _unknown_part(contract, line, numbers.get(contract.id, ())))
    )
    if first := min(wrong, default=None):
        raise Invalid({"file": f"Ligne {first[0]} : {first[1][0].lower()}{first[1][1:]}."})


def _keep_lines_of(db: Session, contract: Contract, lines: list[Line], person: Person, now: datetime) -> None:
    fresh(db, contract)
    known = {found.number: found for found in engagements_of(db, contract)}
    changed = []
    for line in lines:
        found, new = _written(db, known.get(line.number.strip()), contract, line, person, now)
        known[found.number] = found
        changed += [found.number] if new else []
    if changed:
        record(
            db, contract.consultation, "engagement.imported", contract.ref, person.email, now,
            count=len(changed), numbers=changed[:NUMBERS_TOLD],
        )  # fmt: skip
