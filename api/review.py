"""A draft against the rules: what cannot be read yet, then the findings of the checks, each with its field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.dossiers import anchor, label_of
from api.price_lines import located
from dce_templates.checks import Finding, check
from dce_templates.dossier import Dossier, DossierError, parse_dossier
from procurement.consultation import Consultation
from procurement.people import Organisation
from procurement.rules import rule_table

# Enough to see what is wrong with a paste.
PRICES_TOLD = 10


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that is empty or cannot be read: `field` is its name in the form."""

    field: str
    label: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Review:
    """`dossier` is None while gaps remain: findings come once the whole can be read."""

    dossier: Dossier | None
    gaps: tuple[Gap, ...]
    findings: tuple[tuple[Finding, str], ...]

    @property
    def blocking(self) -> list[tuple[Finding, str]]:
        return [(finding, field) for finding, field in self.findings if finding.blocks]

    @property
    def ready(self) -> bool:
        return self.dossier is not None and not self.blocking


def has_adopted(organisation: Organisation) -> bool:
    """The buyer adopted this very table, not a former one."""
    return organisation.adopted_rules == rule_table().sha256


def read(data: Mapping[str, Any]) -> tuple[Dossier | None, tuple[Gap, ...]]:
    """The draft as a Dossier, or what keeps it from being one."""
    try:
        return parse_dossier(data), ()
    except DossierError as error:
        found: dict[str, Gap] = {}
        lines: list[Gap] = []
        for path, sentence in error.errors.items():
            field = anchor(path, data)
            if field == "price_lines":
                lines.append(Gap(field, label_of(field), located(path, sentence)))
            else:
                found.setdefault(field, Gap(field, label_of(field), sentence))
        return None, (*found.values(), *lines[:PRICES_TOLD])


def review(consultation: Consultation, data: Mapping[str, Any], now: datetime) -> Review:
    """Every check of `data` (the consultation's dossier, or as it will be published), with the motives already given.

    A table that the buyer has not adopted only warns.
    """
    dossier, gaps = read(data)
    if dossier is None:
        return Review(None, gaps, ())
    table = rule_table()
    findings = check(
        dossier,
        table.figures,
        table.rules,
        now=now,
        adopted=has_adopted(consultation.organisation),
        passed_over=motives(consultation),
    )
    return Review(dossier, (), tuple((f, anchor(f.field, data)) for f in findings))


def motives(consultation: Consultation) -> dict[str, str]:
    """Rule → the motive for which it was passed over."""
    return {o.rule: o.motive for o in consultation.overrides}
