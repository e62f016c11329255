"""The clauses: one folder each, `clause.yaml` and `texte.md.j2`, versioned, dated, sourced, hashed.

The text of a clause is restricted Jinja2 (tests, loops, values and a few filters): legal staff may edit it, so it is
read through an allow-list before anything is filled.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from jinja2 import TemplateError, nodes
from pydantic import ValidationError

from dce_templates.clause_meta import Level, Meta, Taken, Variable
from dce_templates.conditions import holds
from dce_templates.dossier import ClauseChoice, Dossier, Situation
from dce_templates.facts import Fact
from dce_templates.markup import Ready, environment, fill
from dce_templates.strict_yaml import read_mapping

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.If, nodes.For, nodes.Compare,
    nodes.Operand, nodes.Const, nodes.And, nodes.Or, nodes.Not, nodes.Filter,
)  # fmt: skip
_FILTERS = frozenset({"paragraphs", "join", "lower", "length"})
CARD, TEXT = "clause.yaml", "texte.md.j2"


class ClauseError(ValueError):
    """A clause cannot be used as asked; `str()` is one French sentence."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of the catalogue. `sha256` covers both files, byte for byte.

    `newer`: the one now in force, where a dossier keeps this older version.
    """

    meta: Meta
    source: str
    sha256: str
    newer: "Clause | None" = None

    @property
    def bookmark(self) -> str:
        """The name of its bookmark in Word, `cl_OD_05_v1`: it survives Word and LibreOffice."""
        return f"cl_{self.meta.id.replace('-', '_')}_v{self.meta.version.split('.')[0]}"

    def in_force(self, on: date) -> bool:
        return self.meta.valid_from <= on and (self.meta.valid_to is None or on <= self.meta.valid_to)


def check_source(source: str) -> None:
    """Raises ClauseError unless the text keeps to the allow-list (no arithmetic, no call, no assignment)."""
    try:
        tree = environment().parse(source)
    except TemplateError as error:
        raise ClauseError("Le texte de la clause n'est pas un modèle lisible.") from error
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED) or (isinstance(node, nodes.Filter) and node.name not in _FILTERS):
            raise ClauseError(f"Le texte de la clause emploie une construction interdite ({type(node).__name__}).")
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise ClauseError("Le texte de la clause emploie un nom interdit.")


def read_clause(meta_text: str, source: str) -> Clause:
    """A Clause from the text of its two files. Raises ClauseError."""
    try:
        meta = Meta.model_validate(read_mapping(meta_text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ClauseError(f"La fiche de la clause est illisible ou incomplète : {place}.") from error
    except ValueError as error:
        raise ClauseError("La fiche de la clause est illisible ou incomplète.") from error
    check_source(source)
    digest = hashlib.sha256(meta_text.encode() + b"\0" + source.encode()).hexdigest()
    return Clause(meta, source, digest)


def _read_folder(folder: Traversable) -> Clause:
    meta, text = (folder.joinpath(name).read_text(encoding="utf-8") for name in (CARD, TEXT))
    return read_clause(meta, text)


@cache
def catalogue() -> Mapping[str, Clause]:
    """The shipped clauses by id, in the order of their ids."""
    root = resources.files("dce_templates").joinpath("clauses")
    folders = sorted((item for item in root.iterdir() if item.is_dir()), key=lambda item: item.name)
    clauses = [_read_folder(folder) for folder in folders if folder.joinpath(CARD).is_file()]
    return {clause.meta.id: clause for clause in clauses}


def clause_of(name: str, clauses: Mapping[str, Clause]) -> Clause:
    """The clause of this name. Raises ClauseError."""
    if name not in clauses:
        raise ClauseError(f"La clause {name} n'est pas au catalogue.")
    return clauses[name]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a clause stands for a dossier, and why."""

    level: Level
    because: str


def standing(clause: Clause, facts: Mapping[str, Fact], adopted: bool = True) -> Standing | None:
    """How the clause stands; None where it does not apply. Mandatory only where the law was read, and adopted."""
    case = next((case for case in clause.meta.applies_if if holds(case.when, facts)), None)
    if case is None:
        return None
    binding = adopted and clause.meta.read_in_text
    return Standing("recommended" if case.level == "mandatory" and not binding else case.level, case.because)


def required_by(clause: Clause, facts: Mapping[str, Fact]) -> tuple[str, ...]:
    """The clauses that this one needs in such a dossier."""
    return tuple(other.id for other in clause.meta.requires if holds(other.when, facts))


def _value(name: str, variable: Variable, given: object) -> object:
    if variable.type == "list":
        return given if isinstance(given, tuple) and given else _refuse(name, "une liste non vide est attendue")
    text = given if isinstance(given, str) else _refuse(name, "une seule valeur est attendue")
    if variable.type == "int":
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else _refuse(name, "un entier")
        low, high = variable.minimum, variable.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            _refuse(name, f"un nombre de {low} à {high} est attendu")
        return number
    if variable.type == "choice" and text not in variable.choices:
        _refuse(name, "la valeur doit être l'une de : " + ", ".join(variable.choices))
    return text


def _refuse(name: str, why: str) -> Any:
    raise ClauseError(f"Variable « {name} » : {why}.")


def from_annex(dossier: Situation) -> Mapping[Taken, tuple[str, ...]]:
    """What the data annex gives to variables that are taken from it."""
    sets = dossier.datasets
    return {
        "dataset_titles": tuple(item.title for item in sets),
        "published_titles": tuple(item.title for item in sets if item.published),
        "dataset_schemas": tuple(dict.fromkeys(item.schema_id for item in sets if item.schema_id)),
        "dataset_formats": tuple(dict.fromkeys(item.format for item in sets)),
        "dataset_licences": tuple(dict.fromkeys(item.licence for item in sets if item.published)),
    }


def _given(name: str, variable: Variable, choice: ClauseChoice, annex: Mapping[Taken, tuple[str, ...]]) -> object:
    """What was typed, else what the annex says, else the default."""
    if name in choice.vars:
        return choice.vars[name]
    taken = annex.get(variable.taken_from, ()) if variable.taken_from else ()
    if taken:
        return taken if variable.type == "list" else ", ".join(taken)
    return variable.default


def values(
    clause: Clause, choice: ClauseChoice, annex: Mapping[Taken, tuple[str, ...]] = MappingProxyType({})
) -> dict[str, object]:
    """The variables of the clause, checked and completed by the annex and their defaults. Raises ClauseError."""
    unknown = sorted(set(choice.vars) - set(clause.meta.variables))
    if unknown:
        raise ClauseError(f"Variable « {unknown[0]} » inconnue de la clause {clause.meta.id}.")
    found: dict[str, object] = {}
    for name, variable in clause.meta.variables.items():
        given = _given(name, variable, choice, annex)
        if given is None:
            raise ClauseError(f"Variable « {name} » à renseigner : {variable.label}.")
        found[name] = _value(name, variable, given)
    return found


def taken_by(dossier: Dossier, clauses: Mapping[str, Clause]) -> dict[str, Clause]:
    """Of a library, what the documents are made of: the rest need not travel to a worker process."""
    return {choice.id: clauses[choice.id] for choice in dossier.clauses if choice.id in clauses}


def clause_text(clause: Clause, choice: ClauseChoice, view: Mapping[str, Any]) -> Ready:
    """The text of the clause, filled; `view` adds what every document knows. Raises ClauseError."""
    try:
        return Ready(fill(clause.source, {**view, **values(clause, choice, view.get("annex", {}))}))
    except TemplateError as error:
        raise ClauseError(f"La clause {clause.meta.id} ne peut pas être remplie.") from error
