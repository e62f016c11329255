"""What the law says, as dated data handed to the checks: this package holds the tests, never a figure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeVar

Severity = Literal["block", "warn", "info"]
# T text read, S secondary source, X measured or practice; K and M (from memory) are kept as data and never spoken.
UNVERIFIED = frozenset({"K", "M", "V"})


@dataclass(frozen=True, slots=True)
class Source:
    """Who read which text, and when: shown to the officer as « texte lu en … par … », or le …."""

    article: str
    source: str
    read_by: str
    read_on: str
    mark: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One legal rule in force from `valid_from` to `valid_to` (both included); `id` names its test in checks.py."""

    id: str
    valid_from: date
    valid_to: date | None
    severity: Severity
    sentence: str
    origin: Source
    can_be_passed_over: bool = True
    patterns: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return f"{self.id}@{self.valid_from.isoformat()}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One legal figure (euros, days, months or fraction, see `unit`) in force between two dates."""

    id: str
    value: Decimal
    unit: str
    valid_from: date
    valid_to: date | None
    origin: Source


Dated = TypeVar("Dated", Rule, Figure)


def in_force(rows: Iterable[Dated], on: date) -> dict[str, Dated]:
    """The verified rows in force on that day, by id; the latest `valid_from` wins."""
    found: dict[str, Dated] = {}
    for row in sorted(rows, key=lambda row: row.valid_from):
        if row.origin.mark not in UNVERIFIED and row.valid_from <= on and (row.valid_to is None or on <= row.valid_to):
            found[row.id] = row
    return found
