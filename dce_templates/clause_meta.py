"""The models of a clause's `meta.yaml`."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from dce_templates.dossier import Line, Model, Text

Id = Annotated[str, Field(pattern=r"^[A-Z]{2}-[0-9]{2}$")]


class Variable(Model):
    """One thing the officer writes in the clause; without a default it must be given."""

    type: Literal["text", "int", "list", "choice"]
    label: Line
    default: Line | tuple[Line, ...] | None = None
    choices: tuple[Line, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


class AppliesIf(Model):
    kinds: tuple[Literal["services", "supplies", "works"], ...] = ()
    procedures: tuple[Literal["mapa"], ...] = ()
    personal_data: bool | None = None


class Reference(Model):
    """A text the clause stands on. Marks: T text read, S secondary source; nothing from memory is shipped."""

    article: Line
    source: Line
    read_by: Line
    read_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    mark: Literal["T", "S"]


class Derogation(Model):
    ccag: Literal["FCS", "PI", "TIC"]
    article: Line


class Meta(Model):
    """`requires` and `requires_with_personal_data` name other clauses; `note` is plain language for the officer."""

    id: Id
    title: Line
    semver: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["draft", "proposed", "approved"]
    valid_from: date
    valid_to: date | None = None
    level: Literal["mandatory", "recommended", "possible"]
    place: Literal["ccap"]
    applies_if: AppliesIf = AppliesIf()
    requires: tuple[Id, ...] = ()
    requires_with_personal_data: tuple[Id, ...] = ()
    excludes: tuple[Id, ...] = ()
    derogates_from: tuple[Derogation, ...] = ()
    refs: Annotated[tuple[Reference, ...], Field(min_length=1)]
    note: Text
    vars: dict[Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,30}$")], Variable] = {}
