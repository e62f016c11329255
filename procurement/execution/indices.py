"""Dated values of the indices by which prices are revised: series of Insee (idBank), month by month.

Each buyer writes its own: a slip of one changes nothing in the accounts of another.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.contract import Contract, fresh
from procurement.errors import Invalid
from procurement.events import record
from procurement.people import Person
from procurement.spreadsheet import figure

SERIES = re.compile(r"[0-9A-Za-z._-]{1,20}")
MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


class IndexValue(Base):
    """One month of one series, as it was published; a provisional value is rewritten by the final one."""

    __tablename__ = "index_value"
    __table_args__ = (UniqueConstraint("organisation_id", "series", "month"),)

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    series: Mapped[str] = mapped_column(String(20))
    month: Mapped[str] = mapped_column(String(7))
    value: Mapped[str] = mapped_column(String(20))
    final: Mapped[bool] = mapped_column(default=True)
    written_at: Mapped[datetime]
    written_by: Mapped[str] = mapped_column(String(254))


def write_index(
    db: Session, contract: Contract, series: str, month: str, value: str, person: Person, now: datetime,
    *, final: bool, correct: bool = False,
) -> IndexValue:  # fmt: skip
    """Write one month for the contract's buyer; its register keeps the value before. Raises Invalid.

    A final value is changed on purpose only: `correct`.
    """
    fresh(db, contract)
    number = _check(series, month, value)
    mine = (IndexValue.organisation_id == contract.organisation_id, IndexValue.series == series)
    found = db.scalar(select(IndexValue).where(*mine, IndexValue.month == month))
    if found is not None and found.final and not correct and (Decimal(found.value) != number or not final):
        raise Invalid({"value": f"La valeur définitive de {month} est déjà écrite : {found.value}."})
    before = found.value if found else ""
    row = found or IndexValue(organisation_id=contract.organisation_id, series=series, month=month)
    row.value, row.final, row.written_at, row.written_by = f"{number:f}", final, now, person.email
    db.add(row)
    db.flush()
    record(
        db, contract.consultation, "index.written", contract.ref, person.email, now,
        series=series, month=month, value=row.value, final=final, before=before,
    )  # fmt: skip
    return row


def _check(series: str, month: str, value: str) -> Decimal:
    wrong, number = {}, _number(value)
    if not SERIES.fullmatch(series):
        wrong["series"] = "Le numéro de série (idBank) est celui de l’Insee : des chiffres, sans espace."
    if not MONTH.fullmatch(month):
        wrong["month"] = "Le mois s’écrit AAAA-MM."
    if number is None:
        wrong["value"] = "La valeur de l’indice est un nombre positif."
    if wrong or number is None:
        raise Invalid(wrong)
    return number


def _number(text: str) -> Decimal | None:
    value = figure(text.strip().replace(",", "."))
    if value is None:
        return None
    plain = 0 < value < 10**6 and len(f"{value:f}") <= 20
    return value if plain else None


def values_of(db: Session, contract: Contract, series: Iterable[str]) -> list[IndexValue]:
    """Every month that the contract's buyer knows of these series, in order."""
    mine = (IndexValue.organisation_id == contract.organisation_id, IndexValue.series.in_(sorted(series)))
    return list(db.scalars(select(IndexValue).where(*mine).order_by(IndexValue.series, IndexValue.month)))
