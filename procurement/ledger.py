"""The account of a contract, from its rows: initial, modified, ordered, invoiced, paid, left; and by part and company.

Euros HT, credit notes taken off. What waits for a decision is counted apart: it is not owed yet, but may be.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from procurement.contract import Contract
from procurement.execution.parts import Part, ordered
from procurement.invoice_copy import InvoiceCopy

WAITING = frozenset({"received", "held", "completed", "to_confirm"})
ADMITTED = frozenset({"approved", "partial", "paid"})
COUNTED = WAITING | ADMITTED
ALERT = Decimal("0.80")


@dataclass(frozen=True)
class Row:
    """One line of the account: what is admitted (paid included), what is paid, what waits, and out of how much."""

    label: str
    limit: Decimal | None
    invoiced: Decimal
    paid: Decimal
    waiting: Decimal

    @property
    def left(self) -> Decimal | None:
        return None if self.limit is None else self.limit - self.invoiced - self.waiting


@dataclass(frozen=True)
class Ledger:
    """`initial`: as signed; `modified`: with its modifications; `ceiling`: what may not be passed (R2162-4, R2194).

    `withheld`: euros TTC that decisions retained.
    """

    initial: Decimal
    modified: Decimal
    ceiling: Decimal
    ordered: Decimal | None
    whole: Row
    parts: tuple[Row, ...]
    companies: tuple[Row, ...]
    months: tuple[tuple[str, Decimal, Decimal], ...]
    withheld: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        return self.ceiling - self.whole.invoiced - self.whole.waiting

    @property
    def used(self) -> Decimal:
        """The share of the ceiling that is invoiced or waits, 0 to 1 and more."""
        return (self.whole.invoiced + self.whole.waiting) / self.ceiling if self.ceiling else Decimal(0)

    @property
    def alert(self) -> bool:
        """Four fifths of the ceiling are used."""
        return self.used >= ALERT


def admitted(copy: InvoiceCopy) -> Decimal:
    """Euros HT of an invoice that count: what was admitted, else what it says."""
    value = copy.admitted_ht if copy.state in ADMITTED and copy.admitted_ht is not None else copy.amount_ht
    return value if value is not None else Decimal(0)


def admitted_ttc(copy: InvoiceCopy) -> Decimal | None:
    """The same in euros TTC; None where nobody knows."""
    return copy.admitted_ttc if copy.state in ADMITTED and copy.admitted_ttc is not None else copy.amount_ttc


def ledger_of(
    contract: Contract,
    copies: Sequence[InvoiceCopy],
    parts: Sequence[Part] = (),
    companies: Sequence[tuple[str, str, Decimal | None]] = (),
    ceiling: Decimal | None = None,
) -> Ledger:
    """The account of one contract. `companies`: (SIRET, name, share in euros HT) of whoever may bill."""
    limit = ceiling if ceiling is not None else contract.amount_now
    return Ledger(
        initial=contract.amount,
        modified=contract.amount_now,
        ceiling=limit,
        ordered=ordered(list(parts)) if parts else None,
        whole=_row(f"Marché {contract.number}", limit, copies),
        parts=tuple(_row(part.title, part.amount_ht, (c for c in copies if c.part == part.number)) for part in parts),
        companies=tuple(
            _row(name, share, (c for c in copies if c.seller_siret == siret)) for siret, name, share in companies
        ),
        months=tuple(_months(copies)),
        withheld=withheld(copies),
    )


def withheld(copies: Iterable[InvoiceCopy]) -> Decimal:
    """Euros TTC retained as a guarantee on what was admitted."""
    return sum((copy.retention_ttc or Decimal(0) for copy in copies if copy.state in ADMITTED), Decimal(0))


def _row(label: str, limit: Decimal | None, copies: Iterable[InvoiceCopy]) -> Row:
    known = list(copies)

    def total(states: frozenset[str]) -> Decimal:
        return sum((admitted(copy) for copy in known if copy.state in states), Decimal(0))

    return Row(label, limit, total(ADMITTED), total(frozenset({"paid"})), total(WAITING))


def _months(copies: Sequence[InvoiceCopy]) -> Iterable[tuple[str, Decimal, Decimal]]:
    """(month, admitted so far, paid so far), a row for each month in which something happened."""
    added: dict[str, Decimal] = {}
    settled: dict[str, Decimal] = {}
    for copy in copies:
        if copy.state in ADMITTED and copy.issued_on:
            added[_month(copy.issued_on)] = added.get(_month(copy.issued_on), Decimal(0)) + admitted(copy)
        if copy.state == "paid" and copy.paid_on:
            settled[_month(copy.paid_on)] = settled.get(_month(copy.paid_on), Decimal(0)) + admitted(copy)
    so_far = paid = Decimal(0)
    for month in sorted(added.keys() | settled.keys()):
        so_far += added.get(month, Decimal(0))
        paid += settled.get(month, Decimal(0))
        yield month, so_far, paid


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
