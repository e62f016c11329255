"""A document edited in Word against what the dossier produces: clause by clause, article by article.

Both sides are Word files read by the same code. Clauses are found by their bookmarks, articles by theirs and by their
titles; numbers of headings and what Word changes by itself (quotes, spaces) do not count.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from dce_templates.assemble import TITLES, assemble
from dce_templates.blocks import Kind
from dce_templates.build import with_pieces
from dce_templates.catalogue import Clause, catalogue
from dce_templates.dossier import Dossier
from dce_templates.drift_findings import Broken, broken
from dce_templates.drift_sections import Section, Side, longest_run, match, sections
from dce_templates.law import Figure, Rule, in_force
from dce_templates.markup import restore
from dce_templates.render.docx import render_docx
from dce_templates.retag import retag
from dce_templates.view import view
from dce_templates.word.file import WordError
from dce_templates.word.model import BODY
from dce_templates.word.text import Line, read_lines
from dce_templates.wording import Change, changes, plain, words

State = Literal["unchanged", "changed", "missing", "added", "moved"]
_ANCHOR = re.compile(rf"({'|'.join(TITLES)})art\d+(s\d+)?")
_LOT = re.compile(r"\bLot n° (\d{1,2})\b", re.IGNORECASE)
_OTHER = (
    "Ce document n’est pas l’un de ceux que ce dossier produit : ni ses signets ni son titre ne sont connus."
    " Pour un document venu d’ailleurs, employez la commande recognise."
)
# The dates of properties are not read: any moment gives the same words.
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Drifted:
    """One clause or article. `id`: the clause's, or the article's bookmark; empty for an article that was added.

    `source`: of a clause that was rewritten, the text with its tags that would say the same.
    """

    id: str
    title: str
    state: State
    changes: tuple[Change, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """`articles` are the rest of the document, the first being what stands before Article 1."""

    kind: Kind
    clauses: tuple[Drifted, ...]
    articles: tuple[Drifted, ...]
    findings: tuple[Broken, ...]

    @property
    def drifted(self) -> bool:
        return any(item.state != "unchanged" for item in (*self.clauses, *self.articles))


def drift(
    content: bytes,
    dossier: Dossier,
    figures: Iterable[Figure],
    rules: Iterable[Rule],
    pieces: Sequence[tuple[str, str]] = (),
    clauses: Mapping[str, Clause] | None = None,
) -> Drift:
    """Compare an edited .docx with the dossier. `figures` and `rules` are whole tables: the launch date chooses.

    `pieces` and `clauses`: as build() had them, where the document was published with some.

    Raises WordError where the file cannot be read or is none of the dossier's documents, ClauseError where the dossier
    itself cannot be written.
    """
    edited, dossier = _after_cover(read_lines(content)), with_pieces(dossier, pieces)
    kind = _kind(edited)
    current = in_force(figures, dossier.launched_on)
    dossier = _part(kind, dossier, edited)
    expected = read_lines(render_docx(assemble(kind, dossier, current, clauses=clauses), _ANY_MOMENT))
    before, after = Side(expected, sections(expected, kind)), Side(edited, sections(edited, kind))
    pairs = match(before.sections, after.sections)
    rewritten = partial(_rewritten, dossier, view(dossier, current), catalogue() if clauses is None else clauses)
    found = [(section, rewritten(section, item)) for section, item in _states(pairs)]
    law = in_force(rules, dossier.launched_on)
    drifted = [item for item in found if item[1].state != "unchanged"]
    return Drift(
        kind,
        tuple(item for section, item in found if section.clause),
        tuple(item for section, item in found if not section.clause),
        broken(before, after, pairs, dossier, current, law.values()) if drifted else (),
    )


def drift_plain(content: bytes, dossier: Dossier, *tables: Any, **options: Any) -> dict[str, Any]:
    """drift() as plain data, for a worker process: whoever calls it loads nothing of Word."""
    found = drift(content, dossier, *tables, **options)
    return asdict(found) | {"title": restore(TITLES[found.kind]), "drifted": found.drifted}


def _after_cover(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Without the cover of the buyer's own model, which no dossier says."""
    first = next((rank for rank, line in enumerate(lines) if BODY in line.marks), 0)
    return lines[first:]


def _kind(lines: tuple[Line, ...]) -> Kind:
    """Which document it is: by its bookmarks, else by its title."""
    anchors = Counter(found[1] for line in lines for mark in line.marks if (found := _ANCHOR.fullmatch(mark)))
    names = [name for name, _ in anchors.most_common(1)]
    opening = {plain(line.text) for line in lines[:10]}
    for kind, title in TITLES.items():
        if kind in names or (not names and plain(title) in opening):
            return kind
    raise WordError(_OTHER)


def _part(kind: Kind, dossier: Dossier, lines: tuple[Line, ...]) -> Dossier:
    """The contract that the document is of: its lot's, where each has its own."""
    if kind != "ae" or len(dossier.lots) < 2:
        return dossier
    named = next((found for line in lines[:60] if (found := _LOT.search(plain(line.text)))), None)
    number = int(named[1]) if named else 0
    return next((part for part in dossier.parts if part.alone and part.alone.number == number), dossier.parts[0])


def _states(pairs: list[tuple[Section | None, Section | None]]) -> list[tuple[Section, Drifted]]:
    """In the order of the document, what the edit lost at the end."""
    both = [(a.place, b.place) for a, b in pairs if a and b]
    steady = longest_run(both)
    found = []
    for before, after in pairs:
        section = after or before
        if section is None:
            continue
        found.append((section, _state(before, after, moved=_moved(before, after, steady))))
    return found


def _rewritten(
    dossier: Dossier, words_of: Mapping[str, Any], clauses: Mapping[str, Clause], after: Section, item: Drifted
) -> Drifted:
    """With the source of a clause whose words changed, where the dossier takes it."""
    choice = next((c for c in dossier.clauses if c.id == item.id and not c.refused_motive), None)
    if not after.clause or item.state != "changed" or choice is None or item.id not in clauses:
        return item
    _, *body = after.text.split("\n")
    return replace(item, source=retag(clauses[item.id], choice, words_of, body))


def _moved(before: Section | None, after: Section | None, steady: set[tuple[int, int]]) -> bool:
    return before is not None and after is not None and (before.place, after.place) not in steady


def _state(before: Section | None, after: Section | None, *, moved: bool) -> Drifted:
    if before is None or after is None:
        section = after or before
        assert section is not None  # noqa: S101 (match() never pairs nothing with nothing)
        return Drifted(section.name, section.title, "missing" if after is None else "added")
    if words(before.text) != words(after.text):
        return Drifted(before.name, after.title, "changed", changes(before.text, after.text))
    return Drifted(before.name, before.title, "moved" if moved else "unchanged")
