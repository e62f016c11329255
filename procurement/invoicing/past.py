"""The invoices already received on one contract, counted and indexed: none is looked for by reading all the others.

A contract may have a hundred thousand: a rule asks by number, by amount or for a sum, never for the whole list.
"""

import heapq
import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic.dataclasses import dataclass
from pydantic_core import CoreSchema, core_schema

from procurement.invoicing.invoice import CREDIT_TYPES
from procurement.invoicing.keys import key, look_alike, number_key, signs

NOT_COUNTED = frozenset({"refused", "sent_back"})
# None: whoever tells no state tells only what was admitted.
ADMITTED = frozenset({None, "approved", "partial", "paid"})
# Sums of one company, which its demand enters whoever else's it is inside.
_OF_ONE = frozenset({("siret",), ("admitted ht",), ("admitted ttc",)})
ZERO = Decimal(0)


def _no_float(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise ValueError("amount as a string")
    if isinstance(value, str) and not value.isascii():  # digits of other scripts are digits for Decimal
        raise ValueError("digits 0 to 9")
    return value


Amount = Annotated[Decimal, BeforeValidator(_no_float), Field(allow_inf_nan=False, max_digits=24)]
Siret = Annotated[str, Field(pattern=r"^[0-9]{14}$")]
LENIENT = ConfigDict(extra="ignore", str_strip_whitespace=True)


@dataclass(frozen=True, config=LENIENT)
class Quantity:
    """How much of one price was billed."""

    code: str
    quantity: Amount


@dataclass(frozen=True, config=LENIENT)
class Invoiced:
    """An invoice already received. `type` is UNTDID 1001; a credit note is counted negative.

    `credits`: number of the invoice that a credit note corrects. `within`: number of the holder's demand that holds
    this subcontractor's. `state`: refused and sent back are not counted; paid is, and the others are in flight. Amounts
    are what was admitted, once somebody decided.
    """

    number: str
    siret: Siret
    amount_ht: Amount
    type: str = "380"
    issued_on: date | None = None
    engagement: str = ""
    part: str = ""
    amount_ttc: Amount | None = None
    paid_on: date | None = None
    credits: str = ""
    state: Literal["received", "held", "approved", "partial", "paid", "refused", "sent_back"] | None = None
    within: str = ""
    lines: tuple[Quantity, ...] = ()

    @property
    def counted(self) -> bool:
        """It takes from the contract: paid or in flight, neither refused nor sent back."""
        return self.state not in NOT_COUNTED

    @property
    def admitted(self) -> bool:
        """Somebody admitted it, in full or in part: only that repays an advance (R2191-11)."""
        return self.state in ADMITTED or (self.counted and self.paid_on is not None)

    @property
    def credit(self) -> bool:
        return self.type in CREDIT_TYPES


def signed(row: Invoiced, amount: Decimal) -> Decimal:
    """The amount, negative where `row` is a credit note."""
    return -abs(amount) if row.credit else amount


class _Index:
    """Where each name stands, and the sums: made when a contract is first asked about, kept as it grows."""

    def __init__(self, rows: Iterable[Invoiced]) -> None:
        self.places: dict[Hashable, list[int]] = {}
        self.sums: dict[Hashable, Decimal] = {}
        self.sirets: set[str] = set()
        # The folded numbers that may hold others, and what waits inside a demand that has not come.
        self.counted: set[str] = set()
        self.inside: dict[str, list[tuple[tuple[str, ...], Decimal]]] = {}
        for place, row in enumerate(rows):
            self.note(place, row)

    def note(self, place: int, row: Invoiced) -> None:
        for name in (*_names(row), *_alike(row)):
            self.places.setdefault(name, []).append(place)
        self.sirets.add(row.siret)
        if row.counted:
            self._count(row)

    def _count(self, row: Invoiced) -> None:
        """A subcontractor's demand inside a holder's that counts is left out of the sums of the contract."""
        for name, amount in _amounts(row):
            self._add(name, amount)
        number, holder = number_key(row.number), number_key(row.within) if row.within else None
        if holder is None and number not in self.counted:
            self.counted.add(number)
            for name, amount in self.inside.pop(number, ()):
                self._add(name, -amount)
        if holder is not None:
            common = [(name, amount) for name, amount in _amounts(row) if name[:1] not in _OF_ONE]
            if holder in self.counted:
                for name, amount in common:
                    self._add(name, -amount)
            else:
                self.inside.setdefault(holder, []).extend(common)

    def _add(self, name: Hashable, amount: Decimal) -> None:
        self.sums[name] = self.sums.get(name, ZERO) + amount


class Past:
    """The invoices of one contract in the order they came; it grows by `add` alone.

    Sums are exact, in euros, credit notes negative, of what counts only; a demand inside another that counts is in it
    already, save in the sums of its own company. Lists are in the order of arrival.
    """

    def __init__(self, rows: Iterable[Invoiced] = ()) -> None:
        self._rows = list(rows)
        self._made: _Index | None = None

    @property
    def _index(self) -> _Index:
        """Of a hundred thousand contracts in memory, few are ever asked about."""
        if self._made is None:
            self._made = _Index(self._rows)
        return self._made

    @property
    def sirets(self) -> set[str]:
        """Who billed."""
        return self._index.sirets

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A list in a contracts file; one that is made already is taken as it is, not read again."""

        def made(value: Any, read: Callable[[Any], Any]) -> "Past":
            return value if isinstance(value, cls) else cls(read(value))

        return core_schema.no_info_wrap_validator_function(made, handler.generate_schema(tuple[Invoiced, ...]))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Invoiced]:
        return iter(self._rows)

    def __getitem__(self, place: int) -> Invoiced:
        return self._rows[place]

    def add(self, row: Invoiced) -> None:
        if self._made is not None:
            self._made.note(len(self._rows), row)
        self._rows.append(row)

    def total(self, *name: str) -> Decimal:
        """HT: of all `()`, in flight `("flight",)`, `("siret", …)`, `("part", key)`, `("engagement", key)` of no part.

        `("admitted ttc", siret)`: TTC, of what was admitted, where known; `("admitted ht", siret)`: HT where not;
        `("code", key)`: the quantity of a price;
        `("part code", key, key)`, `("engagement code", key, key)`: the same, of a part, of an engagement of no part.
        """
        return self._index.sums.get(name, ZERO)

    def numbered(self, number: str) -> list[Invoiced]:
        """Those whose number differs by punctuation, case, accents or leading zeros, or letters of another alphabet."""
        plain = self._at(("number", key(number)), ("folded", number_key(number)))
        written = signs(number)
        alike = self._at(("odd" if written.isascii() else "length", len(written)))
        return plain + [row for row in alike if look_alike(row.number, number)]

    def folded(self, numbers: Iterable[str]) -> list[Invoiced]:
        """Those that count, of these folded numbers (keys.number_key)."""
        return [row for row in self._at(*(("folded", number) for number in numbers)) if row.counted]

    def crediting(self, number: str) -> list[Invoiced]:
        """The credit notes that correct the invoice of that number."""
        return self._at(("credits", key(number)), ("credits folded", number_key(number)))

    def is_inside(self, row: Invoiced) -> bool:
        """The demand that holds it counts: the sums of the contract leave it out."""
        return bool(row.within) and number_key(row.within) in self._index.counted

    def within(self, number: str) -> list[Invoiced]:
        """Subcontractors' demands that are inside the holder's of that number."""
        return self._at(("within", number_key(number)))

    def same_amount(self, sirets: Iterable[str], amount: Decimal) -> Iterator[Invoiced]:
        """What these sellers billed of exactly that amount HT; credit notes and what does not count are left out."""
        return self._merged(("amount", siret, amount) for siret in sirets)

    def near(self, sirets: Iterable[str], engagement: str, day: date, days: int, amount: Decimal) -> Iterator[Invoiced]:
        """The same, on an engagement, at most `days` away and less than 20 cents apart: 10 cents at least are seen."""
        tenth, on = math.floor(amount * 10), day.toordinal()
        return self._merged(
            ("near", siret, key(engagement), on + n, tenth + more)
            for siret in sirets
            for n in range(-days, days + 1)
            for more in (-1, 0, 1)
        )

    def _merged(self, names: Iterable[Hashable]) -> Iterator[Invoiced]:
        """Lazily: the first is wanted, and a subscription bills a thousand times the same amount."""
        places = self._index.places
        found = [places[name] for name in names if name in places]
        return (self._rows[place] for place in heapq.merge(*found))

    def _at(self, *names: Hashable) -> list[Invoiced]:
        known = self._index.places
        places = set(chain.from_iterable(known.get(name, ()) for name in names))
        return [self._rows[place] for place in sorted(places)]


def _names(row: Invoiced) -> Iterator[Hashable]:
    yield "number", key(row.number)
    yield "folded", number_key(row.number)
    written = signs(row.number)
    yield "length", len(written)
    if not written.isascii():
        yield "odd", len(written)
    if row.credit:
        yield "credits", key(row.credits)
        yield "credits folded", number_key(row.credits)
    if row.within:
        yield "within", number_key(row.within)


def _alike(row: Invoiced) -> Iterator[Hashable]:
    if row.counted and not row.credit:
        yield "amount", row.siret, row.amount_ht
        if row.issued_on is not None:
            yield "near", row.siret, key(row.engagement), row.issued_on.toordinal(), math.floor(row.amount_ht * 10)


def _amounts(row: Invoiced) -> Iterator[tuple[tuple[str, ...], Decimal]]:
    amount = signed(row, row.amount_ht)
    yield (), amount
    yield ("siret", row.siret), amount
    if row.state != "paid" and not row.paid_on:
        yield ("flight",), amount
    if row.part:
        yield ("part", key(row.part)), amount
    elif row.engagement:
        yield ("engagement", key(row.engagement)), amount
    if row.admitted:
        ttc = row.amount_ttc
        yield (("admitted ht", row.siret), amount) if ttc is None else (("admitted ttc", row.siret), signed(row, ttc))
    for line in row.lines:
        code, quantity = key(line.code), -abs(line.quantity) if row.credit else line.quantity
        yield ("code", code), quantity
        if row.part:
            yield ("part code", key(row.part), code), quantity
        elif row.engagement:
            yield ("engagement code", key(row.engagement), code), quantity
