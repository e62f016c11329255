"""The annex « Sources »: every rule checked, figure and clause used, and who read which text, when. The buyer's only.

A plain function whose arguments and result pickle: it runs in a worker process, like build().
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dce_templates import french
from dce_templates.blocks import Block, Document, Fields, Heading, Items, Note, Para, Table
from dce_templates.build import renderers
from dce_templates.catalogue import Clause, catalogue, clause_of
from dce_templates.clause_meta import Reference
from dce_templates.dossier import Dossier
from dce_templates.files import File, file_of, slug
from dce_templates.law import UNVERIFIED, Figure, Rule, Source, in_force
from dce_templates.markup import restore

Format = Literal["docx", "pdf", "html", "csv"]
FORMATS: tuple[Format, ...] = ("docx", "pdf", "html", "csv")
TITLE = "Annexe – Sources"
MARKS: Mapping[str, str] = {"T": "T – texte lu", "S": "S – source secondaire", "X": "X – usage mesuré"}
_UNITS: Mapping[str, str] = {"days": "jours", "months": "mois", "points": "points", "times": "fois"}
_COLUMNS = ("genre", "identifiant", "version", "intitulé", "article", "source", "lu le", "lu par", "marque")
_NO_LAW = "Contrôle du logiciel, sans texte de loi"
_NO_SOURCE = "aucune source lue à ce jour"


@dataclass(frozen=True, slots=True)
class Row:
    """What stands on one text. `origin` is None for a clause that nobody has yet read a source of."""

    genre: Literal["règle", "chiffre", "clause"]
    id: str
    version: str
    words: str
    origin: Source | Reference | None

    @property
    def read(self) -> str:
        """« texte lu en novembre 2026 par … »; of what is no text of law, « source lue … »."""
        if self.origin is None:
            return _NO_SOURCE
        what = "texte lu" if self.origin.mark == "T" else "source lue"
        return f"{what} {french.reading(self.origin.read_on)} par {self.origin.read_by}"

    @property
    def cells(self) -> tuple[str, ...]:
        """Article, words and version, then source, reading and mark: three columns hold on a page, six do not."""
        words = f"{self.words.rstrip('.')}. Version {self.version}."
        if self.origin is None:
            return "–", words, f"{self.read.capitalize()}."
        return self.origin.article, words, f"{self.origin.source} ; {self.read} ; marque {self.origin.mark}."


def rows(
    dossier: Dossier, figures: Iterable[Figure], rules: Iterable[Rule], clauses: Mapping[str, Clause] | None = None
) -> tuple[Row, ...]:
    """The rules and figures in force at launch, then the clauses taken. Nothing that comes from memory.

    Raises ClauseError for a clause that is not known.
    """
    law, values = in_force(rules, dossier.launched_on), in_force(figures, dossier.launched_on)
    return (
        *(Row("règle", rule.id, rule.version, rule.sentence or _NO_LAW, rule.origin) for rule in law.values()),
        *(Row("chiffre", each.id, each.valid_from.isoformat(), _value(each), each.origin) for each in values.values()),
        *_clauses(dossier, catalogue() if clauses is None else clauses),
    )


def _value(figure: Figure) -> str:
    if figure.unit == "euros":
        return french.euros(figure.value)
    if figure.unit == "fraction":
        return french.percent(figure.value)
    return f"{french.number(figure.value)} {_UNITS[figure.unit]}"


def _clauses(dossier: Dossier, known: Mapping[str, Clause]) -> Iterator[Row]:
    for choice in sorted(dossier.clauses, key=lambda choice: choice.id):
        if choice.refused_motive:
            continue
        meta = clause_of(choice.id, known).meta
        told: list[Reference | None] = [each for each in meta.references if each.mark not in UNVERIFIED]
        for origin in told or [None]:
            yield Row("clause", meta.id, meta.version, f"{meta.id} – {meta.title}", origin)


def annex(dossier: Dossier, found: Iterable[Row], table: str, adopted: bool) -> Document:
    """The document. `table`: how the table of rules is named, its fingerprint included."""
    blocks: list[Block] = [
        Note("Cette annexe reste au dossier de l’acheteur : elle n’est pas une pièce de la consultation."),
        Fields("Le dossier contrôlé", tuple(_about(dossier, table, adopted))),
        Para("Chaque règle et chaque clause repose sur un texte. La marque dit comment il a été lu :"),
        Items(tuple(MARKS.values())),
    ]
    every = tuple(found)
    for genre, title, what in (
        ("règle", "Règles contrôlées", "Règle"),
        ("chiffre", "Chiffres en vigueur", "Chiffre"),
        ("clause", "Clauses employées", "Clause"),
    ):
        cells = tuple(tuple(map(restore, row.cells)) for row in every if row.genre == genre)
        blocks.append(Heading(1, title, f"sources{len(blocks)}"))
        header = ("Article", what, "Source, lecture et marque")
        blocks.append(Table(title, header, cells) if cells else Para("Aucune."))
    return Document(
        "sources", TITLE, restore(dossier.object), dossier.reference, restore(dossier.buyer.name), (*blocks,)
    )


def _about(dossier: Dossier, table: str, adopted: bool) -> Iterator[tuple[str, str]]:
    yield "Consultation", dossier.reference
    yield "Lancement", f"{french.day(dossier.launched_on)} : les textes sont ceux en vigueur ce jour"
    yield "Table des règles", table
    yield "Adoption", "table adoptée par l’acheteur" if adopted else "table non adoptée : elle avertit sans bloquer"


def _csv(found: Iterable[Row]) -> bytes:
    """Semicolons and a byte order mark, as French spreadsheets read it; no cell starts a formula."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(_COLUMNS)
    for row in found:
        origin = row.origin
        read = (origin.article, origin.source, origin.read_on, origin.read_by, origin.mark) if origin else ("",) * 5
        cells = (row.genre, row.id, row.version, row.words, *read)
        writer.writerow(f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells)
    return out.getvalue().encode("utf-8-sig")


def build_sources(
    dossier: Dossier,
    figures: Iterable[Figure],
    rules: Iterable[Rule],
    formats: Collection[Format] = FORMATS,
    *,
    now: datetime,
    table: str,
    adopted: bool,
    clauses: Mapping[str, Clause] | None = None,
) -> tuple[File, ...]:
    """The annex in the formats asked. Same arguments, same bytes. Raises ClauseError, PdfError."""
    found = rows(dossier, figures, rules, clauses)
    document = annex(dossier, found, table, adopted)
    stem = f"ANNEXE-SOURCES_{slug(dossier.reference)}"
    made = [
        file_of(f"{stem}.{name}", media_type, render(document))
        for name, (media_type, render) in renderers(formats, now).items()
    ]
    return (*made, file_of(f"{stem}.csv", "text/csv", _csv(found))) if "csv" in formats else tuple(made)
