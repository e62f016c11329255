"""The revision of prices: fixed part + Σ weight × index of the month ÷ index of the base month (R2112-13, R2191-28)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal

from procurement.invoicing.contracts import ContractRecord, IndexValue, Revision
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import fold

ONE = Decimal(1)


@dataclass(frozen=True)
class Part:
    """One term worked out: `base_value` and `value` as published, `month` the one read, `share` not rounded."""

    index: str
    weight: Decimal
    base: str
    base_value: Decimal
    month: str
    value: Decimal
    share: Decimal


@dataclass(frozen=True)
class Coefficient:
    """By what the base prices are multiplied. `month` of the indices read; `provisional`: one is not final yet.

    `missing` names the index of which no usable value is known: `value` is then 1 and proves nothing.
    """

    value: Decimal
    month: str
    provisional: bool = False
    missing: str = ""
    parts: tuple[Part, ...] = ()


def coefficient(contract: ContractRecord, on: date) -> Coefficient | None:
    """The coefficient for work done on that day; None where the price is not revised."""
    if contract.revision is None or contract.price_kind == "firm":
        return None
    revision, month = contract.revision, _month_read(contract, contract.revision, on)
    if not month:
        return Coefficient(ONE, f"{on:%Y-%m}")
    return of_month(revision, contract.indices, month)


def of_month(revision: Revision, indices: Sequence[IndexValue], month: str) -> Coefficient:
    """The coefficient of one month (« 2026-11 »), rounded as the formula says.

    The last known value of an index stands in for a later month, as provisional (R2191-28).
    """
    provisional, parts = False, []
    for term in revision.terms:
        values = [known for known in indices if known.index == term.index]
        base = next((known for known in values if known.month == term.base), None)
        read = _latest(values, month)
        if base is None or read is None or read.month < term.base:
            return Coefficient(ONE, month, missing=f"{term.index} ({term.base if base is None else month})")
        provisional = provisional or not read.final or not base.final or read.month < month
        share = term.weight * read.value / base.value
        parts.append(Part(term.index, term.weight, term.base, base.value, read.month, read.value, share))
    total = revision.fixed + sum((part.share for part in parts), Decimal(0))
    return Coefficient(_rounded(total, revision), month, provisional, parts=tuple(parts))


def is_revision(name: str) -> bool:
    """True where a line's name or code says that it bills the revision itself."""
    return "REVISION" in fold(name).split() or fold(name).startswith("REVISION")


def reference_day(invoice: Invoice) -> date:
    """The day whose indices are read: the last of the period billed, else the delivery, else the invoice's date."""
    return invoice.worked[1] or invoice.issued_on


def _month_read(contract: ContractRecord, revision: Revision, on: date) -> str:
    """The month of the last change of price; empty before the first one."""
    if revision.months == 1:
        return f"{on:%Y-%m}"
    first = contract.start or date.fromisoformat(f"{revision.terms[0].base}-01")
    passed = (on.year - first.year) * 12 + on.month - first.month - (on.day < first.day)
    steps = passed // revision.months
    if steps < 1:
        return ""
    year, month = divmod(first.year * 12 + first.month - 1 + steps * revision.months, 12)
    return f"{year}-{month + 1:02d}"


def _latest(values: Sequence[IndexValue], month: str) -> IndexValue | None:
    known = [value for value in values if value.month <= month]
    return max(known, key=lambda value: (value.month, value.final), default=None)


def _rounded(value: Decimal, revision: Revision) -> Decimal:
    rounding = ROUND_UP if revision.rounding == "up" else ROUND_HALF_UP
    return value.quantize(ONE.scaleb(-revision.decimals), rounding)
