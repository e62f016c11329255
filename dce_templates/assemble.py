"""Dossier and clauses → documents of blocks. The same blocks feed Word, PDF and HTML."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from dce_templates import french
from dce_templates.blocks import Block, Document, Heading, Kind
from dce_templates.catalogue import Clause, catalogue, clause_of, clause_text
from dce_templates.dossier import ClauseChoice, Dossier, Holder
from dce_templates.law import Figure
from dce_templates.markup import fill, read_blocks, restore
from dce_templates.view import ccag, penalties, view

TITLES: dict[Kind, str] = {
    "rc": "Règlement de la consultation",
    "ae": "Acte d'engagement",
    "ccap": "Cahier des clauses administratives particulières",
    "concession": "Contrat de concession",
    "data": "Annexe technique – Données",
    "personal": "Annexe – Données personnelles",
    "cctp": "Cahier des clauses techniques particulières – cadre à compléter",
}
# How the other documents name the annexes.
_ANNEXES: dict[Kind, str] = {
    "data": "l'annexe technique « Données »",
    "personal": "l'annexe « Données personnelles »",
}
# Which clauses a document carries: those of this place.
_PLACES: dict[Kind, str] = {"rc": "rc", "ccap": "ccap", "concession": "ccap", "data": "cctp"}
_PENALTIES = "Pénalités de retard"


@dataclass(frozen=True, slots=True)
class FilledClause:
    """A clause as it stands in the CCAP; `text` is inert template output, `words` what a reader sees."""

    clause: Clause
    text: str

    @property
    def title(self) -> str:
        return self.clause.meta.title

    @property
    def bookmark(self) -> str:
        return self.clause.bookmark

    @property
    def words(self) -> str:
        return restore(self.text)


@dataclass(frozen=True, slots=True)
class Derogation:
    """One line of the last article: where the CCAP departs from the CCAG, and on what."""

    own: str
    general: str
    subject: str


def filled_clauses(
    choices: Iterable[ClauseChoice], words: Mapping[str, Any], clauses: Mapping[str, Clause]
) -> tuple[FilledClause, ...]:
    """The clauses taken, in the order of their ids. `words`: what the document knows. Raises ClauseError."""
    taken = sorted((choice for choice in choices if not choice.refused_motive), key=lambda choice: choice.id)
    found = ((clause_of(choice.id, clauses), choice) for choice in taken)
    return tuple(FilledClause(clause, clause_text(clause, choice, words)) for clause, choice in found)


@cache
def _template(kind: Kind, concedes: bool) -> str:
    """A concession has its own words for the RC."""
    name = "rc_concession" if kind == "rc" and concedes else kind
    return resources.files("dce_templates").joinpath("documents", f"{name}.md.j2").read_text(encoding="utf-8")


def numbers_of(blocks: tuple[Block, ...]) -> dict[str, str]:
    """Heading without its number → its number."""
    found = {}
    for block in blocks:
        if isinstance(block, Heading):
            head, _, title = block.text.partition(" – " if block.level == 1 else " ")
            found[title] = head.removeprefix("Article ")
    return found


def penalty_changes(dossier: Dossier) -> tuple[str, ...]:
    """What the dossier changes in the CCAG's penalties, in words."""
    general, (divisor, cap, exemption) = ccag(dossier.ccag), penalties(dossier)
    changes = []
    if divisor != general.divisor:
        changes.append(f"formule au {french.number(divisor)}e au lieu du {french.number(general.divisor)}e")
    if cap != general.cap:
        changes.append(f"plafond de {french.percent(cap)} au lieu de {french.percent(general.cap)}")
    if exemption != general.exemption:
        changes.append(f"exonération jusqu'à {french.euros(exemption)} au lieu de {french.euros(general.exemption)}")
    return tuple(changes)


def derogations(
    dossier: Dossier, clauses: tuple[FilledClause, ...], blocks: tuple[Block, ...]
) -> tuple[Derogation, ...]:
    """The computed last article: departures of the figures and of the chosen clauses from the CCAG."""
    numbers, general = numbers_of(blocks), ccag(dossier.ccag)
    found = []
    if changes := penalty_changes(dossier):
        found.append(Derogation(numbers[_PENALTIES], general.penalties_article, "Pénalités : " + ", ".join(changes)))
    for filled in clauses:
        for item in filled.clause.meta.derogates_from:
            if item.ccag == dossier.ccag:
                found.append(Derogation(numbers[filled.title], item.article, item.subject))
    return tuple(sorted(found, key=lambda row: [int(part) for part in row.own.split(".")]))


def _document(kind: Kind, dossier: Dossier, blocks: tuple[Block, ...]) -> Document:
    return Document(
        kind, restore(TITLES[kind]), restore(dossier.object), dossier.reference, restore(dossier.buyer.name), blocks
    )


def assemble(
    kind: Kind,
    dossier: Dossier,
    figures: Mapping[str, Figure],
    holder: Holder | None = None,
    clauses: Mapping[str, Clause] | None = None,
) -> Document:
    """One document. `figures` are those in force at launch; `holder` fills the AE for signature.

    Raises ClauseError when a chosen clause is unknown or lacks a variable.
    """
    known = catalogue() if clauses is None else clauses
    words = view(dossier, figures, holder) | {"clauses": (), "derogations": (), "taken": _taken(dossier)}
    words["annexes"] = [_ANNEXES[annex] for annex in kinds_of(dossier, known) if annex in _ANNEXES]
    if kind in _PLACES:
        taken = filled_clauses(dossier.clauses, words, known)
        words["clauses"] = tuple(filled for filled in taken if filled.clause.meta.place == _PLACES[kind])
    if kind == "ccap":
        draft = read_blocks(fill(_template(kind, dossier.concedes), words), kind)
        words["derogations"] = derogations(dossier, words["clauses"], draft)
    return _document(kind, dossier, read_blocks(fill(_template(kind, dossier.concedes), words), kind))


def _taken(dossier: Dossier) -> frozenset[str]:
    return frozenset(choice.id for choice in dossier.clauses if not choice.refused_motive)


def kinds_of(dossier: Dossier, clauses: Mapping[str, Clause] | None = None) -> tuple[Kind, ...]:
    """The documents that this consultation publishes, in the order in which they are read."""
    known = catalogue() if clauses is None else clauses
    technical = any(
        known[choice.id].meta.place == "cctp"
        for choice in dossier.clauses
        if choice.id in known and not choice.refused_motive
    )
    annexes: list[Kind] = ["data"] if dossier.datasets or technical else []
    contract: tuple[Kind, ...] = ("concession",) if dossier.concedes else ("ae", "ccap")
    return ("rc", *contract, *annexes, *(("personal",) if dossier.personal_data else ()))
