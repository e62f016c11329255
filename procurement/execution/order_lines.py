"""What an order buys, line by line: so much of one price of the contract's list, at the price it had that day.

The lines are typed or come from a CSV file; they make the order's amount, and are frozen once it is in force.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.contract import Contract, fresh
from procurement.errors import Invalid, Refused
from procurement.events import record
from procurement.execution.parts import MOST, Part
from procurement.execution.prices import prices_of
from procurement.people import Person
from procurement.spreadsheet import delimiter_of, number_of, text_of

MOST_LINES = 500
MOST_QUANTITY = Decimal(10**9)
PLACES = 6
CENT = Decimal("0.01")
HOW = "écrivez « code ; quantité »"


class OrderLine(Base):
    """One line of an order. `quantity` and `unit_price` (euros HT) are text of up to six decimals, as in the list."""

    __tablename__ = "order_line"
    __table_args__ = (UniqueConstraint("part_id", "code"),)

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    part_id: Mapped[int] = mapped_column(ForeignKey("contract_part.id"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(300), default="")
    unit: Mapped[str] = mapped_column(String(40), default="")
    quantity: Mapped[str] = mapped_column(String(24))
    unit_price: Mapped[str] = mapped_column(String(24))
    amount_ht: Mapped[Decimal]


@dataclass(frozen=True)
class Wanted:
    """So much of the price `code`; `row` is its line in what was typed or sent, from 1."""

    row: int
    code: str
    quantity: Decimal


def lines_of(db: Session, part: Part) -> list[OrderLine]:
    """In the order they were written."""
    return list(db.scalars(select(OrderLine).where(OrderLine.part_id == part.id).order_by(OrderLine.id)))


def read_order(content: bytes, field: str = "lines") -> list[Wanted]:
    """« code ; quantité » a line, with `;`, `,` or tabs; where the first line names the columns, others are left aside.

    Raises Invalid on `field` with one sentence on the first wrong line.
    """
    text = text_of(content).replace("\0", "").replace("\t", ";")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text.encode())))
    except csv.Error:
        raise Invalid({field: "Ces lignes ne se lisent pas comme un fichier CSV."}) from None
    stripped = [[cell.strip() for cell in row] for row in rows]
    numbered = [(number, row) for number, row in enumerate(stripped, 1) if any(row)]
    code, quantity = 0, 1
    if numbered and (named := [name.lower().replace("é", "e") for name in numbered[0][1]]) and "code" in named:
        if "quantite" not in named:
            raise Invalid({field: "La première ligne nomme les colonnes : il manque quantite."})
        code, quantity, numbered = named.index("code"), named.index("quantite"), numbered[1:]
    if len(numbered) > MOST_LINES:
        raise Invalid({field: f"Une commande a {MOST_LINES} lignes au plus."})
    return [_wanted(number, row, code, quantity, field) for number, row in numbered]


def _wanted(number: int, row: list[str], code: int, quantity: int, field: str) -> Wanted:
    if len(row) <= max(code, quantity) or not row[code]:
        raise Invalid({field: f"Ligne {number} : {HOW}."})
    value = number_of(row[quantity])
    if value is None or not 0 < value < MOST_QUANTITY or value != round(value, PLACES):
        raise Invalid({field: f"Ligne {number} : « {row[quantity][:30]} » n’est pas une quantité."})
    return Wanted(number, row[code], value)


def priced(db: Session, contract: Contract, wanted: Sequence[Wanted], field: str = "lines") -> list[OrderLine]:
    """The lines at the prices of the list, not kept yet. Raises Invalid where a code is unknown or comes twice."""
    known, found = {price.code: price for price in prices_of(db, contract)}, {}
    for line in wanted:
        price = known.get(line.code)
        if price is None:
            said = f"le code « {line.code[:40]} » n’est pas dans la liste de prix du marché."
            raise Invalid({field: f"Ligne {line.row} : {said}"})
        if line.code in found:
            raise Invalid({field: f"Ligne {line.row} : le code « {line.code} » est déjà donné plus haut."})
        amount = (line.quantity * Decimal(price.unit_price)).quantize(CENT, ROUND_HALF_UP)
        found[line.code] = OrderLine(
            contract_id=contract.id, code=line.code, label=price.label, unit=price.unit,
            quantity=f"{line.quantity.normalize():f}", unit_price=price.unit_price, amount_ht=amount,
        )  # fmt: skip
    if found and not 0 < total(list(found.values())) <= MOST:
        raise Invalid({field: "Le total des lignes est positif, de dix milliards d’euros au plus."})
    return list(found.values())


def total(lines: Sequence[OrderLine]) -> Decimal:
    """Euros HT."""
    return sum((line.amount_ht for line in lines), Decimal(0))


def write_lines(
    db: Session, contract: Contract, part: Part, wanted: Sequence[Wanted], person: Person, now: datetime,
    field: str = "lines",
) -> None:  # fmt: skip
    """These lines in place of the former ones; they make the amount. Without a line the amount stays.

    Raises Invalid, Refused once the order is in force.
    """
    fresh(db, contract)
    db.refresh(part)
    if part.state != "planned":
        raise Refused("Cette commande est émise ou abandonnée : ses lignes ne changent plus.")
    lines = priced(db, contract, wanted, field)
    db.execute(delete(OrderLine).where(OrderLine.part_id == part.id))
    for line in lines:
        line.part_id = part.id
        db.add(line)
        db.flush()
    if lines:
        part.amount_ht = total(lines)
    record(
        db, contract.consultation, "part.lines", part.ref, person.email, now, amount_ht=str(part.amount_ht),
        lines={line.code: [line.quantity, line.unit_price] for line in lines},
    )  # fmt: skip
