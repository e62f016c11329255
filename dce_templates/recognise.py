"""A document that a buyer already has: the clauses of the library it resembles, dead references, names of brands.

Likeness is the share of a clause's runs of three words that a paragraph has too: no word order is lost, no library is
needed. Nothing here is a verdict: each finding has its place and its words, for someone to judge.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dce_templates.brands import brands
from dce_templates.catalogue import Clause, catalogue
from dce_templates.drift_findings import dead_references
from dce_templates.law import UNVERIFIED, Rule
from dce_templates.word.text import Line, read_lines
from dce_templates.wording import excerpt, plain, words

Shingle = tuple[str, ...]
_TAGS = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_SIZE = 3
# A paragraph counts from this share of the clause's; the clause is known from that share of its words.
_PARAGRAPH, _CLAUSE = 0.35, 0.4
_FEWEST = 6


@dataclass(frozen=True, slots=True)
class KnownClause:
    """A clause of the library that the document seems to carry; `likeness` from 0 to 1, `bookmarked`: it says so."""

    id: str
    version: str
    title: str
    likeness: float
    bookmarked: bool
    paragraphs: tuple[int, ...]
    excerpt: str


@dataclass(frozen=True, slots=True)
class Spotted:
    """Something to look at: `found` in the words of the document, `question` for whoever reads it."""

    found: str
    question: str
    paragraph: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Recognised:
    clauses: tuple[KnownClause, ...]
    references: tuple[Spotted, ...]
    brands: tuple[Spotted, ...]


def recognise(content: bytes, rules: Iterable[Rule], clauses: Mapping[str, Clause] | None = None) -> Recognised:
    """Read any .docx. `rules`: the whole table, of which the dead references serve. Raises WordError."""
    lines = read_lines(content)
    verified = tuple(rule for rule in rules if rule.origin.mark not in UNVERIFIED)
    return Recognised(
        tuple(_clauses(lines, catalogue() if clauses is None else clauses)),
        tuple(_references(lines, verified)),
        tuple(_brands(lines)),
    )


def _shingles(text: str) -> frozenset[Shingle]:
    found = tuple(word.lower() for word in words(text) if word[0].isalnum())
    return frozenset(found[i : i + _SIZE] for i in range(len(found) - _SIZE + 1))


def _own_paragraphs(clause: Clause) -> list[frozenset[Shingle]]:
    """What the clause always says: its template between the tags, a paragraph a line."""
    found = []
    for line in clause.source.splitlines():
        shingles = frozenset[Shingle]().union(*(_shingles(part) for part in _TAGS.split(line)))
        if len(shingles) >= _FEWEST:
            found.append(shingles)
    return found


def _clauses(lines: tuple[Line, ...], library: Mapping[str, Clause]) -> Iterator[KnownClause]:
    """Each paragraph of each clause goes to the paragraph of the document that has most of it."""
    known = {name: _own_paragraphs(clause) for name, clause in library.items()}
    index: dict[Shingle, list[tuple[str, int]]] = {}
    for name, paragraphs in known.items():
        for number, shingles in enumerate(paragraphs):
            for shingle in shingles:
                index.setdefault(shingle, []).append((name, number))
    best: dict[tuple[str, int], tuple[int, Line]] = {}
    for line in lines:
        hits = Counter(place for shingle in _shingles(line.text) for place in index.get(shingle, ()))
        for place, count in hits.items():
            if count > best.get(place, (0, line))[0]:
                best[place] = (count, line)
    for name, paragraphs in known.items():
        held = [(len(p), *best[name, number]) for number, p in enumerate(paragraphs) if (name, number) in best]
        yield from _known(
            library[name], sum(map(len, paragraphs)), [row for row in held if row[1] / row[0] >= _PARAGRAPH]
        )


def _known(clause: Clause, whole: int, held: list[tuple[int, int, Line]]) -> Iterator[KnownClause]:
    likeness = sum(count for _, count, _ in held) / whole if whole else 0.0
    if likeness < _CLAUSE:
        return
    places = sorted({line.number: line for _, _, line in held}.items())
    mark = clause.bookmark.rpartition("_v")[0]
    bookmarked = any(name.startswith(f"{mark}_v") for _, line in places for name in line.marks)
    yield KnownClause(
        clause.meta.id, clause.meta.version, clause.meta.title, round(likeness, 2), bookmarked,
        tuple(number for number, _ in places), excerpt(places[0][1].text),
    )  # fmt: skip


def _references(lines: tuple[Line, ...], rules: tuple[Rule, ...]) -> Iterator[Spotted]:
    for line in lines:
        text = plain(line.text)
        for found in dict.fromkeys(dead_references(text, rules)):
            yield Spotted(
                found, f"« {found} » n’est plus en vigueur : quel texte le remplace ici ?",
                line.number, excerpt(text, text.find(found)),
            )  # fmt: skip


def _brands(lines: tuple[Line, ...]) -> Iterator[Spotted]:
    for line in lines:
        for name, sentence in brands(line.text):
            yield Spotted(
                name, f"« {name} » est-il une marque ? Si rien d’autre ne décrit le besoin, ajoutez « ou équivalent ».",
                line.number, excerpt(sentence, sentence.find(name)),
            )  # fmt: skip
