"""Rules as rows of data: code, business term, French sentence, predicate. What cannot be judged is said, never passed.

A predicate takes the invoice and the directory of public bodies, and is true where the rule holds.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from procurement.invoicing.directory import Directory, Need
from procurement.invoicing.invoice import Invoice

Holds = Callable[[Invoice, Directory], bool]
UNKNOWN = Directory({}, whole=False)


@dataclass(frozen=True)
class Row:
    """One rule. `known` is false where the rule cannot be judged at all: its sentence then says why.

    `supposed`: no public source gives its exact text; it is judged by the reading that its place among the others
    suggests, its sentence says so, and it is never more than a warning.

    `applies` tells on the invoice whether there is anything to judge, so that a rule which needs the directory is not
    said unverified on an invoice that it cannot concern.
    """

    code: str
    term: str
    sentence: str
    holds: Holds | None = None
    needs_directory: Need = ""
    known: bool = True
    supposed: bool = False
    applies: Callable[[Invoice], bool] = lambda invoice: True


@dataclass(frozen=True)
class NotVerified:
    """A rule that was not judged, and why (French)."""

    rule: str
    sentence: str


@dataclass(frozen=True)
class Within:
    """No value of the term is longer than `limit` characters."""

    term: str
    limit: int

    def __call__(self, invoice: Invoice, directory: Directory) -> bool:
        return all(len(value) <= self.limit for value in invoice.terms.get(self.term, ()))


@dataclass(frozen=True)
class AtMostOne:
    """The term is there once at most."""

    term: str

    def __call__(self, invoice: Invoice, directory: Directory) -> bool:
        return len(invoice.terms.get(self.term, ())) <= 1


@dataclass(frozen=True)
class Given:
    """The term is there."""

    term: str

    def __call__(self, invoice: Invoice, directory: Directory) -> bool:
        return bool(invoice.terms.get(self.term))


def broken(rows: Iterable[Row], invoice: Invoice, directory: Directory | None = None) -> list[Row]:
    """The rows that can be judged and do not hold."""
    return [
        row
        for row in rows
        if row.holds is not None
        and _judged(row, invoice, directory)
        and row.applies(invoice)
        and not row.holds(invoice, directory or UNKNOWN)
    ]


def not_verified(rows: Iterable[Row], invoice: Invoice, directory: Directory | None = None) -> list[NotVerified]:
    """The rows that could not be judged on this invoice, each with its reason."""
    reason = "Non vérifiée ici : l’annuaire des structures publiques est nécessaire. Si elle est enfreinte :"
    return [
        NotVerified(row.code, row.sentence if row.holds is None else f"{reason} {row.sentence}")
        for row in rows
        if row.applies(invoice) and (row.holds is None or not _judged(row, invoice, directory))
    ]


def _judged(row: Row, invoice: Invoice, directory: Directory | None) -> bool:
    return (directory or UNKNOWN).judges(invoice.buyer.siret, row.needs_directory)


def fingerprint(rows: Iterable[Row]) -> str:
    """The sha256 of the rows' data: codes, terms, sentences, and the name or values of each predicate."""
    said = "\n".join("|".join(map(str, _said(row))) for row in rows)
    return hashlib.sha256(said.encode()).hexdigest()


def _said(row: Row) -> tuple[object, ...]:
    named = getattr(row.holds, "__name__", repr(row.holds))
    return row.code, row.term, row.sentence, row.known, row.supposed, row.needs_directory, named
