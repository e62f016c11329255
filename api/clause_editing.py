"""A version of a clause between the form, the library and the pages: read, compared, told in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.dossiers import first
from dce_templates.blocks import Block, drawn
from dce_templates.catalogue import Clause, ClauseError, catalogue
from dce_templates.clause_faults import faults, sample
from dce_templates.clause_lines import FIELDS, PLACES, TypedError, read_typed, to_typed
from dce_templates.clause_meta import Meta
from dce_templates.law import Figure
from dce_templates.markup import read_blocks
from dce_templates.side_by_side import Pair, in_words, side_by_side
from procurement.errors import Invalid
from procurement.library import ClauseVersion
from procurement.people import Person
from procurement.rules import rule_table

STATES: Mapping[str, tuple[str, str]] = {
    "draft": ("En cours d’écriture", "waiting"), "proposed": ("À relire", "info"),
    "approved": ("En vigueur", "success"), "retired": ("Retirée", "neutral"),
}  # fmt: skip
STEPS: Mapping[str, str] = {
    "started": "commencée", "edited": "écrite", "proposed": "proposée à la relecture", "sent_back": "renvoyée",
    "approved": "approuvée", "retired": "retirée", "replaced": "remplacée", "dropped": "abandonnée",
    "comment": "remarque", "seen": "changement du modèle lu",
}  # fmt: skip
# What a new clause starts from: the lines that its author completes.
BLANK: Mapping[str, str] = {"place": "ccap", "applies_if": "data | possible | Utile lorsque…"}
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the card that is not the same on both sides; several lines where it is a list."""

    label: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A version beside the one it would replace; `title` says which."""

    title: str
    fields: tuple[FieldChange, ...]
    text: tuple[Pair, ...]


def figures_of(now: datetime) -> Mapping[str, Figure]:
    return rule_table().in_force(now.date()).figures


def typed_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The form's fields as they were typed. Raises Invalid where one is too long to keep."""
    typed = {name: first(values, name) for name in FIELDS}
    if too_long := {name: f"{LONGEST} caractères au plus." for name, text in typed.items() if len(text) > LONGEST}:
        raise Invalid(too_long)
    return typed


def read_version(
    row: ClauseVersion, typed: Mapping[str, str], library: Mapping[str, Clause], person: Person, now: datetime
) -> tuple[Meta, str]:
    """(card, text) ready to be proposed. Raises Invalid: every field that keeps it from being read or filled."""
    try:
        meta, text = read_typed(typed, row.clause, row.version, person.name)
    except TypedError as error:
        raise Invalid(error.fields) from None
    clause = Clause(meta, text, "")
    if found := faults(clause, {**library, row.clause: clause}, figures_of(now)):
        raise Invalid(found)
    return meta, text


def fields_of(row: ClauseVersion) -> dict[str, str]:
    """What the form shows of a version."""
    return dict(row.typed) if row.state == "draft" else to_typed(row.read)


def base_of(row: ClauseVersion, own: list[ClauseVersion]) -> tuple[str, dict[str, str]]:
    """(title, fields) of what this version would replace: the buyer's approved one, else the shipped model."""
    before = [r for r in own if r.id < row.id and r.state in ("approved", "retired")]
    if before:
        return f"Votre version {before[0].version}", to_typed(before[0].read)
    model = catalogue().get(row.clause)
    return (f"Le modèle, version {model.meta.version}", to_typed(model)) if model else ("Rien", {})


def compare(title: str, before: Mapping[str, str], after: Mapping[str, str]) -> Comparison:
    changed = tuple(
        FieldChange(label, _lines(name, before), _lines(name, after))
        for name, label in FIELDS.items()
        if name != "text" and _lines(name, before) != _lines(name, after)
    )
    return Comparison(title, changed, side_by_side(in_words(before.get("text", "")), in_words(after.get("text", ""))))


def _lines(name: str, typed: Mapping[str, str]) -> tuple[str, ...]:
    text = typed.get(name, "")
    said = PLACES.get(text, text) if name == "place" else text
    return tuple(line.strip() for line in said.splitlines() if line.strip())


def sample_blocks(clause: Clause, now: datetime) -> list[tuple[str, Block]]:
    """The clause as it reads in the example; empty where it cannot be filled."""
    try:
        text = sample(clause, figures_of(now))
    except ClauseError:
        return []
    return drawn(read_blocks(text, "ex"))
