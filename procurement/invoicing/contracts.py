"""The contracts file: what the billing of one contract may look like, handed over by procurement to finance.

The shape is the published one (`{"version": 1, "contracts": [...]}`), amounts as strings; keys it does not know are
left aside, so that a file made by a later version still reads.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass


class ContractsUnreadable(Exception):
    """The contracts file cannot be used; `sentence` is French and names the field."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def _no_float(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise ValueError("amount as a string")
    return value


def _account(value: Any) -> Any:
    return {"iban": value} if isinstance(value, str) else value


Amount = Annotated[Decimal, BeforeValidator(_no_float), Field(allow_inf_nan=False, max_digits=24)]
Positive = Annotated[Amount, Field(ge=0)]
Rate = Annotated[Amount, Field(ge=0, le=1)]
Siret = Annotated[str, Field(pattern=r"^\d{14}$")]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
_LENIENT = ConfigDict(extra="ignore", str_strip_whitespace=True)


@dataclass(frozen=True, config=_LENIENT)
class Requires:
    """The buyer's switches in the directory of public bodies. `either`: an engagement or a service, at least one."""

    engagement: bool = False
    service: bool = False
    either: bool = False


@dataclass(frozen=True, config=_LENIENT)
class ContractBuyer:
    """Who is billed. `services` are the service codes the buyer has declared."""

    siret: Siret
    services: tuple[str, ...] = ()
    requires: Requires = Field(default_factory=Requires)


@dataclass(frozen=True, config=_LENIENT)
class Account:
    """A bank account of the holder, between two days included (None: no limit)."""

    iban: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, config=_LENIENT)
class Holder:
    """Who may bill. `share_ht` is the part of a co-contractor, or the ceiling of a paid subcontractor.

    `leader`: the mandataire of a group. `accepted_on`, `direct_payment`: of a subcontractor (DC4); None: not known.
    """

    siret: Siret
    vat: str | None = None
    role: Literal["holder", "cocontractor", "subcontractor"] = "holder"
    share_ht: Amount | None = None
    ibans: tuple[Annotated[Account, BeforeValidator(_account)], ...] = ()
    name: str = ""
    leader: bool = False
    direct_payment: bool | None = None
    accepted_on: date | None = None
    ended_on: date | None = None


@dataclass(frozen=True, config=_LENIENT)
class Price:
    """One line of the price list, excluding VAT, at the prices of the base month."""

    code: str
    unit_price: Amount


@dataclass(frozen=True, config=_LENIENT)
class Quantity:
    """How much of one price was ordered or billed."""

    code: str
    quantity: Amount


@dataclass(frozen=True, config=_LENIENT)
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


@dataclass(frozen=True, config=_LENIENT)
class Term:
    """One index of the revision formula: `weight` × value of the month ÷ value of the month `base`."""

    index: str
    weight: Rate
    base: Month


@dataclass(frozen=True, config=_LENIENT)
class Revision:
    """`fixed` + Σ terms, to `decimals` places. `months`: the price changes every so many months from the start."""

    fixed: Rate
    terms: Annotated[tuple[Term, ...], Field(min_length=1)]
    decimals: Annotated[int, Field(ge=0, le=9)] = 4
    months: Annotated[int, Field(ge=1, le=120)] = 1
    rounding: Literal["half_up", "up"] = "half_up"


@dataclass(frozen=True, config=_LENIENT)
class IndexValue:
    """One published value of an index. `final` false: provisional."""

    index: str
    month: Month
    value: Annotated[Amount, Field(gt=0)]
    final: bool = True


@dataclass(frozen=True, config=_LENIENT)
class Advance:
    """The advance paid, all taxes included. `start`, `end`: shares of the amount between which it is repaid."""

    paid_ttc: Positive
    rate: Rate | None = None
    start: Rate | None = None
    end: Rate | None = None
    repaid_ttc: Positive = Decimal(0)


@dataclass(frozen=True, config=_LENIENT)
class Retention:
    """Withheld on each payment, unless a guarantee stands in. `held_ttc`: held so far."""

    rate: Rate
    guarantee: bool = False
    held_ttc: Positive = Decimal(0)


@dataclass(frozen=True, config=_LENIENT)
class Penalty:
    """Due by the holder and not yet taken off a payment."""

    amount_ttc: Positive
    on: date | None = None
    reason: str = ""


@dataclass(frozen=True, config=_LENIENT)
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


@dataclass(frozen=True, config=_LENIENT)
class Received:
    """A reception or a « service fait ». `code` and `quantity`, or `amount_ht`."""

    on: date
    part: str = ""
    code: str = ""
    quantity: Amount | None = None
    amount_ht: Amount | None = None


@dataclass(frozen=True, config=_LENIENT)
class Invoiced:
    """An invoice already received. `type` is UNTDID 1001; a credit note is counted negative.

    `credits`: number of the invoice that a credit note corrects. `within`: number of the holder's demand that holds
    this subcontractor's. `state`: refused and sent back are not counted; paid is, and the others are in flight.
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
    state: Literal["received", "held", "approved", "partial", "paid", "refused", "sent_back"] = "received"
    within: str = ""
    lines: tuple[Quantity, ...] = ()


@dataclass(frozen=True, config=_LENIENT)
class ContractRecord:
    """What finance knows of one contract. None or empty: not known, so not checked."""

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
    invoiced: tuple[Invoiced, ...] = ()
    currency: str = "EUR"
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


@dataclass(frozen=True, config=_LENIENT)
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
    try:
        return _file.validate_json(content).contracts
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "fichier"
        kind = "month" if first["loc"][-1:] in (("month",), ("base",)) else first["type"]
        problem = _PROBLEMS.get(kind, "valeur refusée")
        raise ContractsUnreadable(f"Fichier des contrats illisible : {where} : {problem}.") from error


def to_record(entry: Mapping[str, Any]) -> ContractRecord:
    """One entry of a contracts file that this service made itself."""
    return _record.validate_python(entry)
