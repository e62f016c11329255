"""The input models: what an officer says of a consultation. They are the YAML schema (docs/dossier.schema.json).

Amounts are euros excluding VAT as Decimal, rates are fractions (0.10 = 10 %), dates and times carry their zone.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from dce_templates.concession import Concession
from dce_templates.fields import (
    Cpv,
    Email,
    Key,
    Line,
    Model,
    Money,
    Optional,
    Rate,
    Siret,
    Text,
    Url,
    clean,
)
from dce_templates.lots import Criterion, Lot, LotPart, in_order
from dce_templates.prices import PriceLines
from dce_templates.sentences import sentence
from dce_templates.strict_yaml import YamlError, read_mapping

# Names that pydantic gives to the branches of a union: not a place in the file.
_INNER = re.compile(r"^(literal\[|constrained-|function-|tuple\[|str$)")


class Address(Model):
    street: Line
    postcode: Annotated[str, Field(pattern=r"^[0-9A-Za-z -]{4,10}$")]
    city: Line
    country: Line = "France"


class Signatory(Model):
    name: Line
    role: Line


class Buyer(Model):
    """`kind` chooses thresholds and payment delays; `large`: running costs above 60 million euros (advance of SMEs)."""

    name: Line
    siret: Siret
    address: Address
    email: Email
    phone: Optional = ""
    profile_url: Url
    kind: Literal["local", "state", "health", "public_company"] = "local"
    large: bool = False
    signatory: Signatory
    accountant: Line
    data_officer: Email | None = None


class Place(Model):
    """Place of execution; `code_kind` uses the words of the essential data (DECP)."""

    label: Line
    code: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,10}$")]
    code_kind: Literal["Code postal", "Code commune", "Code département", "Code région", "Code pays"] = "Code postal"
    nuts: Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9A-Z]{0,3}$")] | None = None


class Price(Model):
    form: Literal["Unitaire", "Forfaitaire", "Mixte"] = "Forfaitaire"
    kind: Literal["Définitif ferme", "Définitif actualisable", "Définitif révisable"] = "Définitif ferme"
    revision_formula: Optional = ""
    revision_index: Optional = ""
    revision_months: Annotated[int, Field(ge=1, le=60)] | None = None
    vat_rate: Rate = Decimal("0.20")


class Advance(Model):
    """`rate` for every holder, `sme_rate` when the holder is an SME (same as `rate` when not said)."""

    granted: bool
    rate: Rate = Decimal("0")
    sme_rate: Rate | None = None


Subject = Literal[
    "transport", "shared_bikes", "carsharing", "charging", "parking", "roads", "networks", "lighting", "water",
    "energy", "waste", "building", "software", "cloud", "ai", "studies", "geodata", "biodiversity", "catering",
    "facilities", "sensors",
]  # fmt: skip
Ccag = Literal["FCS", "PI", "TIC", "MI", "MOE", "Travaux"]
Frequency = Literal[
    "temps réel", "quotidienne", "hebdomadaire", "mensuelle", "trimestrielle", "semestrielle", "annuelle", "unique",
]  # fmt: skip
Licence = Literal["Licence Ouverte 2.0", "ODbL 1.0"]


class Dataset(Model):
    """One data set the holder hands over: a row of the data annex, and after the award an obligation with dates.

    `schema_id` is `name@version` as schema.data.gouv.fr has them; `licence` counts where it is `published`.
    """

    id: Key
    title: Line
    description: Optional = ""
    format: Line = "CSV, en UTF-8"
    schema_id: Annotated[str, Field(pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9._/-]{1,80}@[0-9A-Za-z.-]{1,20}$")] = ""
    frequency: Frequency = "trimestrielle"
    first_delivery_days: Annotated[int, Field(ge=1, le=730)] = 60
    licence: Licence = "Licence Ouverte 2.0"
    published: bool = True
    personal: bool = False
    geographic: bool = False
    high_value: bool = False


class Processing(Model):
    """What the holder does with personal data for the buyer (RGPD 28): the annex says it."""

    purposes: Annotated[tuple[Line, ...], Field(min_length=1, max_length=20)]
    data: Annotated[tuple[Line, ...], Field(min_length=1, max_length=30)]
    people: Annotated[tuple[Line, ...], Field(min_length=1, max_length=20)]
    retention: Line
    hosting: Optional = ""


class ClauseChoice(Model):
    """A clause of the catalogue: its variables, or the motive for which it is not taken.

    `version` is the one that was read when it was taken; empty: whichever is in force.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z]{2}-[0-9]{2}$")]
    version: Annotated[str, Field(pattern=r"^$|^\d{1,4}\.\d{1,4}\.\d{1,4}$")] = ""
    vars: Annotated[dict[Key, Line | Annotated[tuple[Line, ...], Field(max_length=50)]], Field(max_length=30)] = {}
    refused_motive: Optional = ""


class Penalties(Model):
    """Late delivery: amount × days / `divisor`; `cap` and `exemption` as the CCAG unless said otherwise."""

    divisor: Annotated[int, Field(ge=1, le=100_000)] | None = None
    cap: Rate | None = None
    exemption: Money | None = None


class Court(Model):
    name: Line
    address: Address
    email: Email | None = None
    url: Url | None = None


class Capacity(Model):
    """Minimum yearly turnover asked, with the motive when it exceeds the legal cap."""

    minimum_turnover: Money | None = None
    turnover_reason: Optional = ""
    references: Annotated[int, Field(ge=0, le=10)] = 3


class Variants(Model):
    allowed: bool = False
    requirements: Optional = ""


class Member(Model):
    """One company of a group, what it does, and its share in euros excluding VAT."""

    name: Line
    siret: Siret
    work: Line
    share: Money


class Holder(Model):
    """The intended winner, for an acte d'engagement ready to sign; `amount` is in euros excluding VAT.

    What is not known stays None and is left for the holder to say; `variant` names the variant that won, if one did;
    `lot`: its number, where there are several; `members`: of a group, its leader first, whose shares make the amount.
    """

    name: Line
    siret: Siret
    amount: Annotated[Decimal, Field(gt=0, le=Decimal("10000000000"), decimal_places=2)]
    address: Optional = ""
    email: Optional = ""
    signatory: Optional = ""
    role: Optional = ""
    sme: bool | None = None
    grouping: Literal["Pas de groupement", "Conjoint", "Solidaire"] = "Pas de groupement"
    advance_waived: bool = False
    subcontracting: bool | None = None
    variant: Optional = ""
    lot: Annotated[int, Field(ge=1, le=99)] | None = None
    members: Annotated[tuple[Member, ...], Field(max_length=30)] = ()

    @model_validator(mode="after")
    def _shares(self) -> "Holder":
        if self.members and self.grouping == "Pas de groupement":
            raise PydanticCustomError("no_group", "members without a group")
        if self.members and sum((member.share for member in self.members), Decimal(0)) != self.amount:
            raise PydanticCustomError("shares", "shares do not make the amount")
        return self


class Situation(Model):
    """What kind of contract it is: what decides which clauses and which rules apply (facts.py).

    `estimated_amount` counts every renewal; `duration_months` is the first period. `data_waiver` names the decision
    that waives L3131-2. `produces_data` is for data that no data set describes yet.
    """

    nature: Literal["Marché", "Accord-cadre", "Concession de service public", "Concession de service"] = "Marché"
    procedure: Literal["mapa", "open", "restricted", "negotiated", "concession"]
    kind: Literal["services", "supplies", "works"]
    estimated_amount: Money
    duration_months: Annotated[int, Field(ge=1, le=360)]
    renewals: Annotated[int, Field(ge=0, le=10)] = 0
    renewal_months: Annotated[int, Field(ge=1, le=120)] = 12
    ccag: Ccag = "FCS"
    personal_data: bool = False
    high_risk: bool = False
    public_service: bool = False
    subjects: Annotated[tuple[Subject, ...], Field(max_length=21)] = ()
    datasets: Annotated[tuple[Dataset, ...], Field(max_length=50)] = ()
    produces_data: bool = False
    entrusted_data: bool = False
    data_waiver: Optional = ""

    @property
    def formal(self) -> bool:
        return self.procedure not in ("mapa", "concession")

    @property
    def concedes(self) -> bool:
        """Whether the contract is a concession: one document then stands for the acte d'engagement and the CCAP."""
        return self.nature.startswith("Concession")

    @cached_property
    def total_months(self) -> int:
        """Months with every renewal: the duration published as essential data."""
        return self.duration_months + self.renewals * self.renewal_months


class Dossier(Situation):
    """One contract as its consultation says it, in one lot, or in the several of `lots`."""

    launched_on: date
    reference: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,39}$")]
    object: Annotated[str, Field(min_length=5, max_length=1000), AfterValidator(clean)]
    need: Text
    buyer: Buyer
    court: Court
    cpv: Cpv
    place: Place
    innovative: bool = False
    publicity: Annotated[tuple[Literal["profile", "boamp", "jal", "joue"], ...], Field(min_length=1)] = ("profile",)
    start_event: Line = "sa notification au titulaire"
    duration_reason: Optional = ""
    ceiling: Money | None = None
    ceiling_quantity: Optional = ""
    price: Price = Price()
    price_lines: PriceLines = ()
    advance: Advance
    retention_rate: Rate = Decimal("0")
    penalties: Penalties = Penalties()
    payment_delay_days: Annotated[int, Field(ge=1, le=365)] = 30
    service_code: Optional = ""
    lot: Lot = Lot()
    lots: Annotated[tuple[LotPart, ...], Field(max_length=50), AfterValidator(in_order)] = ()
    variants: Variants = Variants()
    capacity: Capacity = Capacity()
    criteria: Annotated[tuple[Criterion, ...], Field(max_length=20)]
    negotiation: bool = True
    environmental_condition: Optional = ""
    social_condition: Optional = ""
    no_social_reason: Optional = ""
    reserved: bool = False
    global_contract: bool = False
    sme_share: Rate | None = None
    deadline: AwareDatetime
    questions_deadline: AwareDatetime | None = None
    validity_days: Annotated[int, Field(ge=1, le=730)] = 120
    offers_received_at: Literal["mps"] | Url = "mps"
    backup_copy_address: Optional = ""
    site_visit: Optional = ""
    attachments: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    deliverables: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    clauses: Annotated[tuple[ClauseChoice, ...], Field(max_length=60)] = ()
    processing: Processing | None = None
    concession: Concession | None = None

    @property
    def alone(self) -> LotPart | None:
        """The lot, where this is the contract of one lot among several (`of_lot`)."""
        return self.lots[0] if len(self.lots) == 1 else None

    @property
    def suffix(self) -> str:
        """What the names of the files of one lot carry."""
        return f"-LOT{self.alone.number}" if self.alone else ""

    @property
    def parts(self) -> tuple["Dossier", ...]:
        """A contract for each lot; itself where there is only one."""
        return tuple(map(self.of_lot, self.lots)) if len(self.lots) > 1 else (self,)

    def of_lot(self, lot: LotPart) -> "Dossier":
        """The contract of one lot."""
        own = {
            "object": f"{self.object} – lot n° {lot.number} : {lot.title}", "lots": (lot,),
            "need": lot.need or self.need, "cpv": lot.cpv or self.cpv, "criteria": lot.criteria or self.criteria,
            "duration_months": lot.duration_months or self.duration_months, "estimated_amount": lot.estimated_amount,
            "ceiling": lot.ceiling, "ceiling_quantity": lot.ceiling_quantity, "price_lines": lot.price_lines,
        }  # fmt: skip
        # Built anew: a copy would keep what was computed for the whole.
        return Dossier.model_construct(**{name: getattr(self, name) for name in Dossier.model_fields} | own)

    @cached_property
    def environmental_considerations(self) -> tuple[str, ...]:
        """DECP words, computed so that they cannot contradict the documents."""
        kinds = {criterion.kind for criterion in self.criteria}
        found = ["Clause environnementale"] if self.environmental_condition else []
        found += ["Critère environnemental"] if kinds & {"environmental", "global_cost"} else []
        return tuple(found) or ("Pas de considération environnementale",)

    @cached_property
    def social_considerations(self) -> tuple[str, ...]:
        """DECP words, computed so that they cannot contradict the documents."""
        found = ["Clause sociale"] if self.social_condition else []
        found += ["Critère social"] if any(criterion.kind == "social" for criterion in self.criteria) else []
        found += ["Marché réservé"] if self.reserved else []
        return tuple(found) or ("Pas de considération sociale",)


class DossierError(ValueError):
    """The dossier cannot be read. `errors`: path (`buyer.siret`; empty for the whole file) → one French sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__(" ".join(f"{path} : {text}" if path else text for path, text in self.errors.items()))


Read = TypeVar("Read", bound=BaseModel)


def parse_model(model: type[Read], data: Mapping[str, Any]) -> Read:
    """One of our models from plain data. Raises DossierError."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found: dict[str, str] = {}
        for item in error.errors(include_url=False):
            path = ".".join(str(part) for part in item["loc"] if not _INNER.match(str(part)))
            found.setdefault(path, sentence(item["type"], item.get("ctx", {})))
        raise DossierError(found) from error


def parse_dossier(data: Mapping[str, Any]) -> Dossier:
    """A Dossier from plain data (a form, a JSON body). Raises DossierError."""
    return parse_model(Dossier, data)


def load_dossier(yaml_text: str) -> Dossier:
    """A Dossier from YAML text. Raises DossierError: bad YAML, unknown key, missing or wrong value."""
    try:
        return parse_dossier(read_mapping(yaml_text))
    except YamlError as error:
        raise DossierError({"": str(error)}) from error


def json_schema() -> str:
    """The published JSON Schema of the dossier, as stored in docs/dossier.schema.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Dossier.model_json_schema()}
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
