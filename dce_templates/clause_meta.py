"""The models of a clause's `clause.yaml`; docs/clauses.md explains them to whoever writes one."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from dce_templates.conditions import ConditionError, read_condition
from dce_templates.dossier import Ccag
from dce_templates.fields import Line, Model, Text

Id = Annotated[str, Field(pattern=r"^[A-Z]{2}-[0-9]{2}$")]
Level = Literal["mandatory", "recommended", "possible"]
# What the data annex knows: a variable may be taken from it.
Taken = Literal["dataset_titles", "dataset_schemas", "dataset_formats", "dataset_licences", "published_titles"]


def _condition(text: str) -> str:
    try:
        read_condition(text)
    except ConditionError as error:
        raise ValueError(str(error)) from error
    return text


Condition = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_condition)]


class Variable(Model):
    """One thing the officer writes in the clause; without a default it must be given, or stand in the data annex."""

    type: Literal["text", "int", "list", "choice"]
    label: Line
    default: Line | tuple[Line, ...] | None = None
    taken_from: Taken | None = None
    choices: tuple[Line, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


class Case(Model):
    """Where the condition holds, how the clause stands and why; the first case that holds decides."""

    when: Condition
    level: Level
    because: Line


class Requirement(Model):
    """Another clause that this one needs, always or where `when` holds."""

    id: Id
    when: Condition = "true"

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: Any) -> Any:
        return {"id": given} if isinstance(given, str) else given


class Reference(Model):
    """A text the clause stands on. Marks: T text read, S secondary source; M from memory, kept and never shown."""

    article: Line
    source: Line
    read_by: Line
    read_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    mark: Literal["T", "S", "M"]


class Derogation(Model):
    ccag: Ccag
    article: Line
    subject: Line


class Meta(Model):
    """`applies_if`: no case that holds, no clause. `note` is plain language for the officer.

    `author` wrote the text, `approver` took responsibility for it: nobody yet where it is empty.
    """

    id: Id
    title: Line
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["draft", "proposed", "approved", "retired"]
    valid_from: date
    valid_to: date | None = None
    place: Literal["ccap", "cctp", "rc"]
    applies_if: Annotated[tuple[Case, ...], Field(min_length=1)]
    requires: tuple[Requirement, ...] = ()
    excludes: tuple[Id, ...] = ()
    derogates_from: tuple[Derogation, ...] = ()
    references: Annotated[tuple[Reference, ...], Field(min_length=1)]
    variables: dict[Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,30}$")], Variable] = {}
    note: Text
    author: Line
    approver: Annotated[str, Field(max_length=300)] = ""

    @property
    def read_in_text(self) -> bool:
        """Whether somebody read the law itself: without it nothing is called mandatory."""
        return any(reference.mark == "T" for reference in self.references)
