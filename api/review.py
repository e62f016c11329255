"""A draft against the rules: what cannot be read yet, then the findings of the checks, each with its field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.clause_form import label_in_clauses, place_of
from api.dossiers import anchor, label_of
from api.price_lines import located
from dce_templates.catalogue import Clause, catalogue
from dce_templates.checks import Finding, check
from dce_templates.dossier import Dossier, DossierError, parse_dossier
from procurement.consultation import Consultation
from procurement.people import Organisation
from procurement.rules import rule_table

# Enough to see what is wrong with a paste.
PRICES_TOLD = 10
PRICES = "modifier#price_lines"


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that is empty or cannot be read: `field` is where it is corrected, `modifier#name` or `clauses#name`."""

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


def read(
    data: Mapping[str, Any], clauses: Mapping[str, Clause] | None = None
) -> tuple[Dossier | None, tuple[Gap, ...]]:
    """The draft as a Dossier, or what keeps it from being one. `clauses`: the library that its page shows."""
    try:
        return _held_here(parse_dossier(data))
    except DossierError as error:
        found: dict[str, Gap] = {}
        lines: list[Gap] = []
        for path, sentence in error.errors.items():
            field = correct_at(path, data, catalogue() if clauses is None else clauses)
            if field == PRICES:
                lines.append(Gap(field, _label(field), located(path, sentence)))
            else:
                found.setdefault(field, Gap(field, _label(field), sentence))
        return None, (*found.values(), *lines[:PRICES_TOLD])


def correct_at(path: str, data: Mapping[str, Any], clauses: Mapping[str, Clause]) -> str:
    """The page and field where a path of the dossier is corrected, after `/acheteur/consultations/{ref}/`."""
    beside = place_of(path, data, clauses)
    return f"clauses#{beside}" if beside else f"modifier#{anchor(path, data)}"


def _label(place: str) -> str:
    page, _, name = place.partition("#")
    return label_of(name) if page == "modifier" else label_in_clauses(name)


def _held_here(dossier: Dossier) -> tuple[Dossier | None, tuple[Gap, ...]]:
    """The documents of other procedures can be written (`mps dce`), but not yet a consultation held here."""
    if dossier.lots:
        gap = Gap("modifier#single_reason", label_of("lots"), "Ce service ne tient que des marchés en un seul lot.")
        return None, (gap,)
    wrong = [name for name, held in (("procedure", "mapa"), ("nature", "Marché")) if getattr(dossier, name) != held]
    gaps = tuple(
        Gap(f"modifier#{name}", label_of(name), "Ce service ne tient que des marchés à procédure adaptée.")
        for name in wrong
    )
    return (None, gaps) if gaps else (dossier, ())


def review(consultation: Consultation, data: Mapping[str, Any], now: datetime, clauses: Mapping[str, Clause]) -> Review:
    """Every check of `data` (the consultation's dossier, or as it will be published), with the motives already given.

    `clauses`: the library as this consultation sees it. A table that the buyer has not adopted only warns.
    """
    dossier, gaps = read(data, clauses)
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
        clauses=clauses,
    )
    return Review(dossier, (), tuple((f, correct_at(f.field, data, clauses)) for f in findings))


def motives(consultation: Consultation) -> dict[str, str]:
    """Rule → the motive for which it was passed over."""
    return {o.rule: o.motive for o in consultation.overrides}
