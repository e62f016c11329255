"""The unit prices of a contract, excluding VAT: from the workbook of the offer that won, or from a CSV file.

An invoice's line is compared with the price of its code, revised where the terms say so.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.contract import Contract, fresh
from procurement.errors import Invalid
from procurement.events import record
from procurement.people import Person
from procurement.spreadsheet import delimiter_of, number_of, text_of

NEEDED = ("code", "prix")
MOST_LINES = 2000
PLACES = 6
MOST = Decimal(10**9)


class ContractPrice(Base):
    """One line of the price list. `unit_price` is text of up to six decimals: Money holds cents only."""

    __tablename__ = "contract_price"
    __table_args__ = (UniqueConstraint("contract_id", "code"),)

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(300), default="")
    unit: Mapped[str] = mapped_column(String(40), default="")
    unit_price: Mapped[str] = mapped_column(String(24))


@dataclass(frozen=True)
class Priced:
    """One price as it was read, in euros HT for one `unit`."""

    code: str
    label: str
    unit: str
    price: Decimal


def prices_of(db: Session, contract: Contract) -> list[ContractPrice]:
    """In the order of the list."""
    return list(
        db.scalars(select(ContractPrice).where(ContractPrice.contract_id == contract.id).order_by(ContractPrice.id))
    )


def count_prices(db: Session, contract: Contract) -> int:
    query = select(func.count()).select_from(ContractPrice).where(ContractPrice.contract_id == contract.id)
    return db.scalar(query) or 0


def keep_prices(
    db: Session, contract: Contract, lines: Sequence[Priced], source: str, person: Person, now: datetime
) -> int:
    """Add the new codes and rewrite those that changed; no code is taken away. Returns how many changed.

    `source`: the file's name and sha256, for the register, which keeps each former price. Raises Invalid.
    """
    fresh(db, contract)
    if not lines:
        raise Invalid({"file": "Ce fichier ne contient aucun prix."})
    known = {price.code: price for price in prices_of(db, contract)}
    changed: dict[str, str | None] = {}
    for line in lines:
        row, price = known.get(line.code), f"{line.price.normalize():f}"
        if row is None or row.unit_price != price:
            changed[line.code] = row.unit_price if row else None
        row = row or ContractPrice(contract_id=contract.id, code=line.code)
        row.label, row.unit, row.unit_price = line.label[:300], line.unit[:40], price
        known[line.code] = row
        db.add(row)
    db.flush()
    record(
        db, contract.consultation, "prices.kept", contract.ref, person.email, now, source=source, changed=changed,
    )  # fmt: skip
    return len(changed)


def read_prices(content: bytes) -> list[Priced]:
    """A CSV file with at least the columns « code » and « prix » (and « libelle », « unite »); `;` or `,`.

    Raises Invalid with one sentence on the first wrong line; nothing is kept then.
    """
    rows = csv.DictReader(io.StringIO(text_of(content), newline=""), delimiter=delimiter_of(content), strict=True)
    try:
        rows.fieldnames = [name.strip().lower().replace("é", "e") for name in rows.fieldnames or []]
        if missing := [name for name in NEEDED if name not in rows.fieldnames]:
            said = f"La première ligne du fichier nomme les colonnes : il manque {', '.join(missing)}."
            raise Invalid({"file": said})
        return _lines(rows)
    except csv.Error:
        raise Invalid({"file": f"Ligne {rows.reader.line_num or 1} : ce n’est pas une ligne de fichier CSV."}) from None


def _lines(rows: Iterable[Mapping[Any, Any]]) -> list[Priced]:
    found: dict[str, Priced] = {}
    for number, row in enumerate(rows, 2):
        if number > MOST_LINES + 1:
            raise Invalid({"file": f"Ce fichier a plus de {MOST_LINES} prix."})
        line = _line(number, {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)})
        if line.code in found:
            raise Invalid({"file": f"Ligne {number} : le code « {line.code} » est déjà donné plus haut."})
        found[line.code] = line
    return list(found.values())


def _line(number: int, row: dict[str, str]) -> Priced:
    if not row["code"] or len(row["code"]) > 40:
        raise Invalid({"file": f"Ligne {number} : le code a de 1 à 40 caractères."})
    if "\0" in "".join(row.values()):
        raise Invalid({"file": f"Ligne {number} : un caractère interdit."})
    price = number_of(row["prix"])
    if price is None or not 0 <= price < MOST or price != round(price, PLACES):
        raise Invalid({"file": f"Ligne {number} : « {row['prix'][:30]} » n’est pas un prix en euros."})
    return Priced(row["code"], row.get("libelle", ""), row.get("unite", ""), price)
