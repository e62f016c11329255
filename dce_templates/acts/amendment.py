"""The input of an amendment that adds clauses, data or prices to a running contract. It is the YAML schema of
`mps dce amendment`.

Amounts are euros excluding VAT; a change may be negative. `basis` names the case of the code (R2194-1 to R2194-8).
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dce_templates.dossier import Buyer, Ccag, ClauseChoice, Dataset, Dossier, Processing, Situation, Subject
from dce_templates.fields import Line, Model, Money, Optional, Rate, Siret, Text

Basis = Literal["review", "additional", "unforeseen", "successor", "not_substantial", "minor"]
Change = Annotated[Decimal, Field(ge=-(10**10), le=10**10, decimal_places=2)]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,39}$")]


class Company(Model):
    """A party; what is not known is left for it to write."""

    name: Line
    siret: Siret
    address: Optional = ""
    email: Optional = ""
    signatory: Optional = ""
    role: Optional = ""


class RunningContract(Model):
    """The contract as it was signed. `duration_months` counts every renewal."""

    reference: Reference
    object: Text
    nature: Literal["Marché", "Accord-cadre"] = "Marché"
    procedure: Literal["mapa", "open", "restricted", "negotiated"] = "mapa"
    kind: Literal["services", "supplies", "works"]
    ccag: Ccag = "FCS"
    notified_on: date
    duration_months: Annotated[int, Field(ge=1, le=360)]
    initial_amount: Annotated[Money, Field(gt=0)]
    vat_rate: Rate = Decimal("0.20")
    personal_data: bool = False
    public_service: bool = False
    subjects: Annotated[tuple[Subject, ...], Field(max_length=21)] = ()


class FormerChange(Model):
    """One earlier amendment: its amount may be zero or negative."""

    number: Annotated[int, Field(ge=1, le=99)]
    amount: Change
    basis: Basis


class NewPrice(Model):
    label: Line
    unit: Line
    price: Money


class Amendment(Model):
    """`dated_on` chooses the figures and rules in force. `past_data`: what was produced before is handed over too."""

    number: Annotated[int, Field(ge=1, le=99)] = 1
    dated_on: date
    contract: RunningContract
    buyer: Buyer
    holder: Company
    former: Annotated[tuple[FormerChange, ...], Field(max_length=98)] = ()
    basis: Basis
    reason: Text
    review_clause: Optional = ""
    former_holder: Company | None = None
    amount_change: Change = Decimal("0")
    months_change: Annotated[int, Field(ge=-360, le=360)] = 0
    new_prices: Annotated[tuple[NewPrice, ...], Field(max_length=200)] = ()
    clauses: Annotated[tuple[ClauseChoice, ...], Field(max_length=60)] = ()
    datasets: Annotated[tuple[Dataset, ...], Field(max_length=50)] = ()
    past_data: bool = True
    processing: Processing | None = None

    @model_validator(mode="after")
    def _holds(self) -> "Amendment":
        changes = (
            *self.taken, *self.datasets, *self.new_prices, self.amount_change, self.months_change, self.former_holder,
        )  # fmt: skip
        if not any(changes):
            raise PydanticCustomError("nothing_changes", "nothing changes")
        if self.after < 0 or self.contract.duration_months + self.months_change < 1:
            raise PydanticCustomError("below_zero", "below zero")
        if any(item.number >= self.number for item in self.former):
            raise PydanticCustomError("numbers", "not in order")
        if self.dated_on < self.contract.notified_on:
            raise PydanticCustomError("days", "before the contract")
        return self

    @cached_property
    def taken(self) -> tuple[ClauseChoice, ...]:
        return tuple(choice for choice in self.clauses if not choice.refused_motive)

    @property
    def reference(self) -> str:
        return f"{self.contract.reference}-A{self.number}"

    @property
    def before(self) -> Decimal:
        """The contract's amount before this amendment."""
        return self.contract.initial_amount + sum(item.amount for item in self.former)

    @property
    def after(self) -> Decimal:
        return self.before + self.amount_change

    @property
    def minor_total(self) -> Decimal:
        """What the modifications of low amount make together, this one included (R2194-9)."""
        return self.amount_change + sum(item.amount for item in self.former if item.basis == "minor")

    @cached_property
    def situation(self) -> Situation:
        """The contract as the conditions of the clauses see it."""
        contract = self.contract
        return Situation(
            nature=contract.nature, procedure=contract.procedure, kind=contract.kind, ccag=contract.ccag,
            estimated_amount=contract.initial_amount, duration_months=contract.duration_months,
            personal_data=contract.personal_data, public_service=contract.public_service, subjects=contract.subjects,
            datasets=self.datasets,
        )  # fmt: skip


def from_dossier(dossier: Dossier) -> dict[str, Any]:
    """What the dossier of a contract already says of it, as the start of an amendment's data."""
    return {
        "contract": {
            "reference": dossier.reference, "object": dossier.object, "nature": dossier.nature,
            "procedure": dossier.procedure, "kind": dossier.kind, "ccag": dossier.ccag,
            "duration_months": dossier.total_months, "vat_rate": str(dossier.price.vat_rate),
            "personal_data": dossier.personal_data, "public_service": dossier.public_service,
            "subjects": list(dossier.subjects),
        },
        "buyer": dossier.buyer.model_dump(mode="json"),
    }  # fmt: skip


def laid_over(start: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """`said` over `start`: what was written wins, key by key inside a mapping."""
    found = dict(start)
    for key, value in said.items():
        inner = found.get(key)
        found[key] = inner | value if isinstance(inner, dict) and isinstance(value, dict) else value
    return found
