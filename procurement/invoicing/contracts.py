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


Amount = Annotated[Decimal, BeforeValidator(_no_float), Field(allow_inf_nan=False, max_digits=24)]
Siret = Annotated[str, Field(pattern=r"^\d{14}$")]
_LENIENT = ConfigDict(extra="ignore", str_strip_whitespace=True)


@dataclass(frozen=True, config=_LENIENT)
class Requires:
    """The buyer's switches in the directory of public bodies; `either`: one of the two will do."""

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
class Holder:
    """Who may bill. `share_ht` is the part of a co-contractor, or the ceiling of a paid subcontractor."""

    siret: Siret
    vat: str | None = None
    role: Literal["holder", "cocontractor", "subcontractor"] = "holder"
    share_ht: Amount | None = None
    ibans: tuple[str, ...] = ()


@dataclass(frozen=True, config=_LENIENT)
class Price:
    """One line of the price list, excluding VAT."""

    code: str
    unit_price: Amount


@dataclass(frozen=True, config=_LENIENT)
class Invoiced:
    """An invoice already received. `type` is UNTDID 1001; a credit note is counted negative."""

    number: str
    siret: Siret
    amount_ht: Amount
    type: str = "380"


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


@dataclass(frozen=True, config=_LENIENT)
class _File:
    version: Literal[1]
    contracts: tuple[ContractRecord, ...]


_file = TypeAdapter(_File)
_PROBLEMS: Mapping[str, str] = {
    "missing": "champ obligatoire absent",
    "json_invalid": "ce n’est pas un document JSON",
    "too_short": "au moins un élément est attendu",
    "string_too_short": "la valeur est vide",
    "string_pattern_mismatch": "14 chiffres attendus",
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
        problem = _PROBLEMS.get(first["type"], "valeur refusée")
        raise ContractsUnreadable(f"Fichier des contrats illisible : {where} : {problem}.") from error
