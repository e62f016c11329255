"""Dated values of the indices by which prices are revised: series of Insee (idBank), month by month."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from procurement.base import Base
from procurement.errors import Invalid

SERIES = re.compile(r"[0-9A-Za-z._-]{1,20}")
MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


class IndexValue(Base):
    """One month of one series, as it was published; a provisional value is rewritten by the final one."""

    __tablename__ = "index_value"
    __table_args__ = (UniqueConstraint("series", "month"),)

    series: Mapped[str] = mapped_column(String(20))
    month: Mapped[str] = mapped_column(String(7))
    value: Mapped[str] = mapped_column(String(20))
    final: Mapped[bool] = mapped_column(default=True)
    written_at: Mapped[datetime]
    written_by: Mapped[str] = mapped_column(String(254))


def write_index(db: Session, series: str, month: str, value: str, *, final: bool, by: str, now: datetime) -> IndexValue:
    """Write one month. Raises Invalid; a final value is never changed."""
    wrong = {}
    if not SERIES.fullmatch(series):
        wrong["series"] = "Le numéro de série (idBank) est celui de l’Insee : des chiffres, sans espace."
    if not MONTH.fullmatch(month):
        wrong["month"] = "Le mois s’écrit AAAA-MM."
    number = _number(value)
    if number is None:
        wrong["value"] = "La valeur de l’indice est un nombre positif."
    if wrong or number is None:
        raise Invalid(wrong)
    found = db.scalar(select(IndexValue).where(IndexValue.series == series, IndexValue.month == month))
    if found is not None and found.final and Decimal(found.value) != number:
        raise Invalid({"value": f"La valeur définitive de {month} est déjà écrite : {found.value}."})
    row = found or IndexValue(series=series, month=month)
    row.value, row.final, row.written_at, row.written_by = f"{number:f}", final, now, by
    db.add(row)
    db.flush()
    return row


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 < value < 10**6 else None


def values_of(db: Session, series: Mapping[str, object] | set[str]) -> list[IndexValue]:
    """Every month known of these series, in order."""
    query = select(IndexValue).where(IndexValue.series.in_(sorted(series)))
    return list(db.scalars(query.order_by(IndexValue.series, IndexValue.month)))
