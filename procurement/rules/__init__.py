"""The shipped table of rules: dated data with article, source and reader, adopted by a buyer in one act."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from dce_templates import french
from dce_templates.law import Figure, Rule, Severity, Source, in_force

VERSION = date(2026, 11, 27)


class _Row(BaseModel):
    """A row of either YAML file; an unknown or missing key stops the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    valid_from: date
    valid_to: date | None = None
    article: str
    source: str
    read_by: str
    read_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    mark: Annotated[str, Field(pattern=r"^[TSXKMV]$")]

    @property
    def origin(self) -> Source:
        return Source(self.article, self.source, self.read_by, self.read_on, self.mark)


class _RuleRow(_Row):
    severity: Severity
    sentence: str
    can_be_passed_over: bool = True
    patterns: tuple[str, ...] = ()

    def rule(self) -> Rule:
        return Rule(
            self.id, self.valid_from, self.valid_to, self.severity, self.sentence, self.origin,
            self.can_be_passed_over, self.patterns,
        )  # fmt: skip


class _FigureRow(_Row):
    value: Decimal
    unit: str

    def figure(self) -> Figure:
        return Figure(self.id, self.value, self.unit, self.valid_from, self.valid_to, self.origin)


@dataclass(frozen=True, slots=True)
class InForce:
    """What applies to a consultation launched on `on`: rules and figures by id, unverified rows left out."""

    on: date
    rules: Mapping[str, Rule]
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class RuleTable:
    """The whole table; `sha256` covers the three files, so that an adoption names exactly what was read.

    `rules` are about a consultation's dossier, `contracts` about the acts of a running contract.
    """

    version: date
    sha256: str
    rules: tuple[Rule, ...]
    figures: tuple[Figure, ...]
    contracts: tuple[Rule, ...]

    @property
    def name(self) -> str:
        """How a document names it: « du 26 novembre 2026, empreinte … »."""
        return f"du {french.day(self.version)}, empreinte {self.sha256}"

    def in_force(self, on: date) -> InForce:
        return InForce(on, in_force(self.rules, on), in_force(self.figures, on))


def _read(name: str) -> tuple[bytes, list[dict[str, Any]]]:
    data = resources.files("procurement.rules").joinpath(f"{name}.yaml").read_bytes()
    rows: list[dict[str, Any]] = yaml.safe_load(data)[name]
    return data, rows


@cache
def rule_table() -> RuleTable:
    """The shipped table, read once. Version: the day of its last change."""
    rules, rule_rows = _read("rules")
    figures, figure_rows = _read("figures")
    contracts, contract_rows = _read("contracts")
    return RuleTable(
        VERSION,
        hashlib.sha256(b"\0".join((rules, figures, contracts))).hexdigest(),
        tuple(_RuleRow.model_validate(row).rule() for row in rule_rows),
        tuple(_FigureRow.model_validate(row).figure() for row in figure_rows),
        tuple(_RuleRow.model_validate(row).rule() for row in contract_rows),
    )
