"""The sandbox's invented companies, from companies.yaml."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

# Insee's register starts at SIREN 000 325 175: numbers under 000 100 000 are nobody's.
INVENTED_PREFIX = "0000"


DocumentState = Literal["pdf", "jpg", "expired", "html", "elsewhere", "truncated", "empty", "huge"]
ANY = "*"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fault(Strict):
    """What goes wrong: an error answer (`code` whole, or `subcode` after the provider's two digits), or a 200 spoilt.

    Under 200, `body` says how the JSON is spoilt and `document` how the document is; `wait`: seconds before anything
    is sent.
    """

    status: int = 200
    code: str | None = None
    subcode: str | None = None
    title: str = ""
    detail: str = ""
    retry_in: int | None = None
    retry_after: int | None = None
    empty: bool = False
    wait: float = 0
    body: Literal["whole", "no_meta", "nulls", "double_wrapped"] = "whole"
    document: DocumentState = "pdf"

    @property
    def is_answer(self) -> bool:
        """Whether data are sent all the same."""
        return self.status == 200 and not self.empty


class Place(Strict):
    """One establishment."""

    siret: str
    street: str
    closed: date | None = None


class Person(Strict):
    """An individual behind a company without legal personality."""

    first: str
    last: str
    sex: Literal["F", "M"]
    birth_name: str | None = None


class Company(Strict):
    """One invented legal unit; the first place is its head office.

    `has`: the endpoints that know it beside those that know everyone; `says`: what they say that is out of the usual.
    """

    name: str
    shows: str
    places: tuple[Place, ...]
    legal_form: tuple[str, str]
    naf: tuple[str | None, str]
    naf_2025: tuple[str | None, str]
    category: str | None
    workforce: str | None
    created: date
    diffusion: Literal["O", "P", "N"]
    turnover: tuple[tuple[date, int], ...]
    person: Person | None = None
    acronym: str | None = None
    trade_name: str | None = None
    rna: str | None = None
    social_economy: bool = False
    ceased: date | None = None
    struck_off: date | None = None
    redirect_to: str | None = None
    vigilance: Literal["ok", "refused", "undated"] = "ok"
    has: tuple[str, ...] = ()
    says: dict[str, str] = {}
    faults: dict[str, str] = {}
    delays: dict[str, float] = {}

    @property
    def siren(self) -> str:
        return self.places[0].siret[:9]

    @property
    def head_office(self) -> Place:
        return self.places[0]

    def fault_of(self, key: str) -> str | None:
        """The name of what goes wrong on that endpoint, `*` being every one."""
        return self.faults.get(key) or self.faults.get(ANY)


@dataclass(frozen=True, slots=True)
class Found:
    """A company by one of its numbers; `redirected_from` where the number asked is a duplicate of another."""

    company: Company
    place: Place
    redirected_from: str | None = None


class Book(Strict):
    """The whole file."""

    faults: dict[str, Fault]
    defaults: dict[str, object]
    companies: tuple[Company, ...]

    def find(self, number: str) -> Found | None:
        """By SIRET (14 digits), SIREN (9: the head office), RNA or EORI number."""
        number = number.removeprefix("FR")
        for company in self.companies:
            for place in company.places:
                if number in (place.siret, company.siren, company.rna):
                    return self._follow(Found(company, place))
        return None

    def _follow(self, found: Found) -> Found:
        target = found.company.redirect_to and self.find(found.company.redirect_to)
        return Found(target.company, target.place, found.place.siret) if target else found


@cache
def book() -> Book:
    """Read companies.yaml once; the file is checked by its model."""
    raw = yaml.safe_load(Path(__file__).with_name("companies.yaml").read_text(encoding="utf-8"))
    raw["companies"] = [{**raw["defaults"], **company} for company in raw["companies"]]
    return Book.model_validate(raw)


def is_invented(number: str) -> bool:
    """Whether a SIREN or SIRET is of the sandbox's range."""
    return number.startswith(INVENTED_PREFIX)
