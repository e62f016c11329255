"""The input of a candidacy file: identity from open data, and what only the company can say.

The answers are the YAML schema of `mps dossier-candidat --answers`. Everything may be missing: what is, is listed by
`missing()` and left as a marked blank. Amounts are in `currency`, shares in percent (40 = 40 %).
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from dce_templates.candidate.espd import GROUNDS
from dce_templates.fields import Email, Line, Model, Money, Optional, Siret
from dce_templates.sentences import sentence
from dce_templates.strict_yaml import YamlError, read_mapping

TODO = "à compléter"
# What Insee puts in place of a value that its owner chose not to make public: never shown, never copied.
_MASKS = ("[ND]", "[NON-DIFFUSIBLE]")
# Names that pydantic gives to the branches of a union: not a place in the file.
_INNER = re.compile(r"literal\[|constrained-|function-|str$")
_LOT = re.compile(r"(?:LOT-)?0*([1-9][0-9]{0,9})", re.IGNORECASE)


def _unmasked(text: str) -> str:
    return "" if any(mask in text.upper() for mask in _MASKS) or text.casefold() == TODO else text


def _lot(text: str) -> str:
    """« 01 » and « LOT-0001 » are lot 1; LOT-0000 means « no lots » in a DUME."""
    found = _LOT.fullmatch(text)
    if found is None and not text.upper().removeprefix("LOT-").strip("0"):
        raise PydanticCustomError("lot", "no such lot")
    return found[1] if found else text


Short = Annotated[Optional, Field(max_length=300), AfterValidator(_unmasked)]
Long = Annotated[Optional, AfterValidator(_unmasked)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
Lot = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,19}$"), AfterValidator(_lot)]
Year = Annotated[int, Field(ge=1900, le=2200)]
Headcount = Annotated[int, Field(ge=0, le=5_000_000)]
Size = Literal["micro", "small", "medium", "large"]
Kind = Literal["works", "supplies", "services"]


class Identity(Model):
    """What open data says of the establishment, as fetched; `masked` names the fields that it does not diffuse."""

    siret: Siret
    name: Short = ""
    trade_name: Short = ""
    legal_form: Short = ""
    street: Short = ""
    postcode: Short = ""
    city: Short = ""
    activity: Short = ""
    category: Short = ""
    workforce: Short = ""
    masked: tuple[Line, ...] = ()
    source: Short = ""
    fetched_on: date | None = None


class OwnIdentity(Model):
    """What the company says of itself, beside the official value and never over it."""

    name: Short = ""
    legal_form: Short = ""
    street: Short = ""
    postcode: Short = ""
    city: Short = ""


class Contact(Model):
    name: Short = ""
    email: Email | Literal[""] = ""
    phone: Short = ""


class Signatory(Model):
    """Who engages the company, and in what capacity."""

    first_name: Short = ""
    last_name: Short = ""
    capacity: Short = ""


class Consultation(Model):
    """The consultation answered, where it is known: a file may be prepared before."""

    buyer: Short = ""
    reference: Short = ""
    object: Long = ""


class Member(Model):
    name: Line
    siret: Siret | Literal[""] = ""
    does: Short = ""
    share_percent: Percent | None = None


class Group(Model):
    """A groupement (R2142-19 and following); `members` are the others."""

    form: Literal["conjoint", "conjoint_mandataire_solidaire", "solidaire"]
    role: Literal["lead", "member"]
    lead: Short = ""
    members: Annotated[tuple[Member, ...], Field(max_length=30)] = ()


class Turnover(Model):
    """One exercice, known by the day it ends; `object_percent`: share of it in the field of the consultation."""

    ends_on: date
    starts_on: date | None = None
    amount: Money
    object_percent: Percent | None = None


class Staff(Model):
    """Average headcount of a year, and managers among them."""

    year: Year
    average: Headcount
    managers: Headcount | None = None


class Reference(Model):
    kind: Kind
    description: Annotated[Line, AfterValidator(_unmasked), Field(min_length=1)]
    client: Short = ""
    amount: Money | None = None
    starts_on: date | None = None
    ends_on: date | None = None


class Insurance(Model):
    insurer: Short = ""
    policy: Short = ""
    amount: Money | None = None


def _grounds(codes: tuple[str, ...]) -> tuple[str, ...]:
    """In the order of the European form, each once."""
    known = tuple(ground.code for ground in GROUNDS if ground.code in codes)
    if len(known) != len(codes):
        raise PydanticCustomError("ground", "no such ground")
    return known


class Declarations(Model):
    """On honour (R2143-3). `no_exclusion`: none of L2141-1 to -5 and L2141-7 to -11; `disabled_workers`: in order with
    L5212-1 and following of the labour code. None = not declared. `grounds`: codes of a DUME that apply."""

    no_exclusion: bool | None = None
    grounds: Annotated[tuple[str, ...], AfterValidator(_grounds)] = ()
    measures: Long = ""
    disabled_workers: bool | None = None

    @model_validator(mode="after")
    def _agree(self) -> "Declarations":
        if (self.no_exclusion is False) != bool(self.grounds):
            raise PydanticCustomError("exclusion", "contradiction")
        return self


class Receivership(Model):
    """A redressement judiciaire: the judgment is asked (R2143-9), a plan must cover the contract (L2141-3)."""

    judgment_on: date
    court: Short = ""
    plan_until: date | None = None


class Subcontracting(Model):
    what: Long = ""
    share_percent: Percent | None = None


def _once(lots: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lots))


def _years(staff: tuple[Staff, ...]) -> tuple[Staff, ...]:
    if len({year.year for year in staff}) != len(staff):
        raise PydanticCustomError("twice", "the same year twice")
    return staff


class Answers(Model):
    """All that the company says. Every key may be left out."""

    identity: OwnIdentity = OwnIdentity()
    contact: Contact = Contact()
    signatory: Signatory = Signatory()
    consultation: Consultation = Consultation()
    lots: Annotated[tuple[Lot, ...], Field(max_length=100), AfterValidator(_once)] = ()
    group: Group | None = None
    size: Size | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    turnovers: Annotated[tuple[Turnover, ...], Field(max_length=5)] = ()
    staff: Annotated[tuple[Staff, ...], Field(max_length=5), AfterValidator(_years)] = ()
    references: Annotated[tuple[Reference, ...], Field(max_length=30)] = ()
    insurance: Insurance = Insurance()
    declarations: Declarations = Declarations()
    receivership: Receivership | None = None
    subcontracting: Subcontracting | None = None


class Candidate(Model):
    """One company and what it says: the input of every document."""

    identity: Identity
    answers: Answers = Answers()

    def said(self, field: str) -> str:
        """A field of the identity as the company wants it read: its own word, else the official one."""
        return str(getattr(self.answers.identity, field) or getattr(self.identity, field))


class AnswersError(ValueError):
    """The answers cannot be read. `errors`: path (empty for the whole file) → one French sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__(" ".join(f"{path} : {text}" if path else text for path, text in self.errors.items()))


def parse_answers(data: Mapping[str, Any]) -> Answers:
    """Answers from plain data. Raises AnswersError: unknown key, wrong value."""
    try:
        return Answers.model_validate(data)
    except ValidationError as error:
        found: dict[str, str] = {}
        for item in error.errors(include_url=False):
            path = ".".join(
                str(part) for part in item["loc"] if not re.match(r"literal\[|constrained|function|str$", str(part))
            )
            found.setdefault(path, sentence(item["type"], item.get("ctx", {})))
        raise AnswersError(found) from error


def load_answers(yaml_text: str) -> Answers:
    """Answers from YAML text. Raises AnswersError."""
    try:
        return parse_answers(read_mapping(yaml_text))
    except YamlError as error:
        raise AnswersError({"": str(error)}) from error


def merged(*parts: Mapping[str, Any]) -> Answers:
    """Answers laid over one another: the last one wins, key by key; a list is replaced whole. Raises AnswersError."""
    found: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            inner = found.get(key)
            found[key] = inner | value if isinstance(inner, dict) and isinstance(value, dict) else value
    return parse_answers(found)


def missing(candidate: Candidate) -> tuple[tuple[str, str], ...]:
    """(key of the answers, what to write there) for each blank of the documents, in their order."""
    answers = candidate.answers
    wanted = (
        ("consultation.buyer", "l’acheteur", answers.consultation.buyer),
        ("consultation.object", "l’objet de la consultation", answers.consultation.object),
        ("identity.name", "le nom de l’entreprise", candidate.said("name")),
        ("identity.street", "l’adresse", candidate.said("street")),
        ("identity.city", "la commune", candidate.said("city")),
        ("contact.email", "une adresse électronique", answers.contact.email),
        ("contact.phone", "un téléphone", answers.contact.phone),
        ("signatory.last_name", "le nom de la personne qui engage l’entreprise", answers.signatory.last_name),
        ("signatory.capacity", "la qualité de cette personne", answers.signatory.capacity),
        ("size", "la taille de l’entreprise (micro, petite, moyenne, grande)", answers.size),
        ("turnovers", "les chiffres d’affaires des derniers exercices", answers.turnovers),
        ("staff", "les effectifs moyens annuels", answers.staff),
        ("references", "des références", answers.references),
        ("insurance.insurer", "l’assurance des risques professionnels", answers.insurance.insurer),
        ("declarations.no_exclusion", "la déclaration sur l’honneur (exclusions)", answers.declarations.no_exclusion),
        (
            "declarations.disabled_workers",
            "la déclaration sur l’honneur (travailleurs handicapés)",
            answers.declarations.disabled_workers,
        ),
    )
    return tuple((key, label) for key, label, value in wanted if value in ("", None, ()))
