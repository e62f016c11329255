"""The contracts file: what the billing of one contract may look like, handed over by procurement to finance.

The shape is the published one (`{"version": 1, "contracts": [...]}`), amounts as strings; keys it does not know are
left aside, so that a file made by a later version still reads.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from procurement.invoicing.past import LENIENT, Amount, Past, Quantity, Siret


class ContractsUnreadable(Exception):
    """The contracts file cannot be used; `sentence` is French and names the field."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def _account(value: Any) -> Any:
    return {"iban": value} if isinstance(value, str) else value


def _empty(value: Any) -> Any:
    return "" if value is None else value


MaybeSiret = Annotated[str, Field(pattern=r"^(\d{14})?$"), BeforeValidator(_empty)]
Positive = Annotated[Amount, Field(ge=0)]
Rate = Annotated[Amount, Field(ge=0, le=1)]
Month = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


@dataclass(frozen=True, config=LENIENT)
class Requires:
    """The buyer's switches in the directory of public bodies. `either`: an engagement or a service, at least one."""

    engagement: bool = False
    service: bool = False
    either: bool = False


@dataclass(frozen=True, config=LENIENT)
class ContractBuyer:
    """Who is billed. `services` are the service codes the buyer has declared; `kind`: what R2191-33 depends on."""

    siret: Siret
    services: tuple[str, ...] = ()
    requires: Requires = Field(default_factory=Requires)
    kind: Literal["state", "local_large", "local", "health", "public_company"] | None = None


@dataclass(frozen=True, config=LENIENT)
class Account:
    """A bank account of the holder, between two days included (None: no limit)."""

    iban: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, config=LENIENT)
class Holder:
    """Who may bill. `share_ht` is the part of a co-contractor, or the ceiling of a paid subcontractor.

    `siret` is empty for who has none (a foreign company): `vat` then names it. `leader`: the mandataire of a group;
    `sme`: a small or medium enterprise. `accepted_on`, `direct_payment`: of a subcontractor (DC4). None: not known.
    """

    siret: MaybeSiret = ""
    vat: str | None = None
    role: Literal["holder", "cocontractor", "subcontractor"] = "holder"
    share_ht: Amount | None = None
    ibans: tuple[Annotated[Account, BeforeValidator(_account)], ...] = ()
    name: str = ""
    leader: bool = False
    direct_payment: bool | None = None
    accepted_on: date | None = None
    ended_on: date | None = None
    sme: bool | None = None


@dataclass(frozen=True, config=LENIENT)
class Price:
    """One line of the price list, excluding VAT, at the prices of the base month."""

    code: str
    unit_price: Amount


@dataclass(frozen=True, config=LENIENT)
class Part:
    """A tranche, an order, a lot or a subsequent contract, with its own engagements, ceiling and dates.

    `lines`: what it orders price by price; empty where nobody said.
    """

    id: Annotated[str, Field(min_length=1)]
    kind: Literal["tranche", "order", "lot", "subsequent"] = "order"
    engagements: tuple[str, ...] = ()
    ceiling_ht: Amount | None = None
    start: date | None = None
    end: date | None = None
    state: Literal["planned", "affirmed", "ended"] = "affirmed"
    lines: tuple[Quantity, ...] = ()


@dataclass(frozen=True, config=LENIENT)
class Term:
    """One index of the revision formula: `weight` × value of the month ÷ value of the month `base`."""

    index: str
    weight: Rate
    base: Month


@dataclass(frozen=True, config=LENIENT)
class Revision:
    """`fixed` + Σ terms, to `decimals` places. `months`: the price changes every so many months from the start."""

    fixed: Rate
    terms: Annotated[tuple[Term, ...], Field(min_length=1)]
    decimals: Annotated[int, Field(ge=0, le=9)] = 4
    months: Annotated[int, Field(ge=1, le=120)] = 1
    rounding: Literal["half_up", "up"] = "half_up"


@dataclass(frozen=True, config=LENIENT)
class IndexValue:
    """One published value of an index. `final` false: provisional."""

    index: str
    month: Month
    value: Annotated[Amount, Field(gt=0)]
    final: bool = True


@dataclass(frozen=True, config=LENIENT)
class Advance:
    """The advance paid, all taxes included. `start`, `end`: shares of the amount between which it is repaid."""

    paid_ttc: Positive
    rate: Rate | None = None
    start: Rate | None = None
    end: Rate | None = None
    repaid_ttc: Positive = Decimal(0)


@dataclass(frozen=True, config=LENIENT)
class Retention:
    """Withheld on each payment, unless a guarantee stands in. `held_ttc`: held so far."""

    rate: Rate
    guarantee: bool = False
    held_ttc: Positive = Decimal(0)


@dataclass(frozen=True, config=LENIENT)
class Penalty:
    """Due by the holder and not yet taken off a payment."""

    amount_ttc: Positive
    on: date | None = None
    reason: str = ""


@dataclass(frozen=True, config=LENIENT)
class Assignment:
    """A claim on what is to be paid. `assignor`: SIRET of the supplier who assigned it, the holder where unknown."""

    beneficiary: str
    kind: Literal["assignment", "pledge", "opposition"] = "assignment"
    siret: Siret | None = None
    ibans: tuple[str, ...] = ()
    amount_ttc: Amount | None = None
    notified_on: date | None = None
    ended_on: date | None = None
    assignor: Siret | None = None


@dataclass(frozen=True, config=LENIENT)
class Received:
    """A reception or a « service fait ». `code` and `quantity`, or `amount_ht`."""

    on: date
    part: str = ""
    code: str = ""
    quantity: Amount | None = None
    amount_ht: Amount | None = None


@dataclass(frozen=True, config=LENIENT)
class ContractRecord:
    """What finance knows of one contract. None or empty: not known, so not checked. `invoiced` alone may grow.

    `declared`: the subcontractors whose act waits for the buyer's acceptance.
    """

    id: Annotated[str, Field(min_length=1)]
    buyer: ContractBuyer
    holders: Annotated[tuple[Holder, ...], Field(min_length=1)]
    decp_id: str | None = None
    engagements: tuple[str, ...] = ()
    amount_ht: Amount | None = None
    ceiling_ht: Amount | None = None
    vat_rates: tuple[Amount, ...] = ()
    kind: Literal["works", "services", "supplies"] = "services"
    start: date | None = None
    end: date | None = None
    prices: tuple[Price, ...] = ()
    invoiced: Past = Field(default_factory=Past)
    currency: Annotated[str, StringConstraints(to_upper=True)] = "EUR"
    subject: str = ""
    payment_days: Annotated[int, Field(ge=1, le=365)] | None = None
    price_kind: Literal["firm", "adjustable", "revisable"] | None = None
    parts: tuple[Part, ...] = ()
    revision: Revision | None = None
    indices: tuple[IndexValue, ...] = ()
    advance: Advance | None = None
    retention: Retention | None = None
    penalties: tuple[Penalty, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    received: tuple[Received, ...] = ()
    launched_on: date | None = None
    declared: tuple[Siret, ...] = ()
    as_of: date | None = None

    def paid_from(self, issued_on: date) -> date:
        """The day that says who may be paid, and where: that of the record where it has one and comes after."""
        return max(issued_on, self.as_of) if self.as_of else issued_on


@dataclass(frozen=True, config=LENIENT)
class _File:
    version: Literal[1]
    contracts: tuple[ContractRecord, ...]


_file = TypeAdapter(_File)
_record = TypeAdapter(ContractRecord)
_PROBLEMS: Mapping[str, str] = {
    "missing": "champ obligatoire absent",
    "json_invalid": "ce n’est pas un document JSON",
    "too_short": "au moins un élément est attendu",
    "string_too_short": "la valeur est vide",
    "string_pattern_mismatch": "14 chiffres attendus",
    "month": "mois attendu, AAAA-MM",
    "greater_than_equal": "la valeur est trop petite",
    "greater_than": "la valeur est trop petite",
    "less_than_equal": "la valeur est trop grande",
    "date_from_datetime_parsing": "date attendue, AAAA-MM-JJ",
    "date_parsing": "date attendue, AAAA-MM-JJ",
    "literal_error": "valeur inconnue",
    "bool_parsing": "true ou false attendu",
    "decimal_parsing": "nombre décimal attendu, entre guillemets",
    "value_error": 'montant attendu entre guillemets (« "1000.00" »)',
}


def load_contracts(content: bytes | str) -> tuple[ContractRecord, ...]:
    """Read a contracts file. Raises ContractsUnreadable with a sentence naming the first bad field."""
    bare = content.removeprefix(BOM_UTF8) if isinstance(content, bytes) else content
    try:
        found = _file.validate_json(bare).contracts
    except ValidationError as error:
        first = error.errors()[0]
        where = _where(bare, first["loc"])
        kind = "month" if first["loc"][-1:] in (("month",), ("base",)) else first["type"]
        problem = _PROBLEMS.get(kind, "valeur refusée")
        raise ContractsUnreadable(f"Fichier des contrats illisible : {where} : {problem}.") from error
    json.loads(bare, object_pairs_hook=_once, parse_int=str, parse_float=str)
    return found


def _where(content: bytes | str, place: tuple[int | str, ...]) -> str:
    """The field, under the name of its contract where it has one."""
    plain = ".".join(str(part) for part in place) or "fichier"
    match place:
        case ("contracts", int(number), *field):
            entry = json.loads(content)["contracts"][number]
            name = entry.get("id") if isinstance(entry, dict) else None
            if isinstance(name, str) and name and field:
                return f"contrat « {name[:60]} » : {'.'.join(map(str, field))}"
    return plain


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Of a key that stands twice, an account or a ceiling, nobody can say which one was meant."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise ContractsUnreadable(f"Fichier des contrats illisible : {twice[:60]} figure deux fois.")


def to_record(entry: Mapping[str, Any]) -> ContractRecord:
    """One entry of a contracts file that this service made itself; a past invoice that is none is not known.

    One line kept years ago must not stand in the way of all the invoices of its contract.
    """
    try:
        return _record.validate_python(entry)
    except ValidationError as error:
        bad = {where["loc"][1] for where in error.errors() if where["loc"][:1] == ("invoiced",) and where["loc"][1:]}
        if not bad:
            raise
        kept = [row for place, row in enumerate(entry["invoiced"]) if place not in bad]
        return _record.validate_python({**entry, "invoiced": kept})
