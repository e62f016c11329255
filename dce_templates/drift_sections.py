"""The parts of a document: its clauses and, for the rest, its articles."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dce_templates.word.text import Line
from dce_templates.wording import split_number, words

_CLAUSE = re.compile(r"cl_([A-Z]{2})_(\d{2})_v(\d+)")
Pair = tuple["Section | None", "Section | None"]


@dataclass(frozen=True, slots=True)
class Section:
    """`name`: the id of a clause, the bookmark of an article, or nothing; `place`: its rank in the document.

    `text` has the title without its number, then the paragraphs, one a line; `heads` are the words of the title.
    """

    clause: bool
    name: str
    number: str
    title: str
    text: str
    place: int
    lines: tuple[Line, ...]
    heads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """A document read: what the dossier gives, or what was edited."""

    lines: tuple[Line, ...]
    sections: tuple[Section, ...]


def clause_of(line: Line) -> str:
    """The clause in which a line stands: « OD-05 », or nothing."""
    found = next((found for mark in sorted(line.marks) if (found := _CLAUSE.fullmatch(mark))), None)
    return f"{found[1]}-{found[2]}" if found else ""


def sections(lines: Sequence[Line], kind: str) -> tuple[Section, ...]:
    """Clauses by their bookmarks; elsewhere an article starts at its bookmark, or at a heading that someone added."""
    anchor = re.compile(rf"{kind}art\d+(s\d+)?")
    found: list[tuple[bool, str, list[Line]]] = []
    clauses: dict[str, list[Line]] = {}
    article: list[Line] | None = None
    for line in lines:
        if clause := clause_of(line):
            if clause not in clauses:
                clauses[clause] = []
                found.append((True, clause, clauses[clause]))
            clauses[clause].append(line)
            continue
        name = next((mark for mark in sorted(line.marks) if anchor.fullmatch(mark)), "")
        if article is None or name or line.heading:
            article = []
            found.append((False, name, article))
        article.append(line)
    return tuple(_section(*item, place) for place, item in enumerate(found))


def _section(clause: bool, name: str, lines: list[Line], place: int) -> Section:
    first = lines[0]
    headed = bool(name) or first.heading
    number, title = split_number(first.text) if headed else ("", "Page de titre" if place == 0 else first.text)
    body = [line.text for line in (lines[1:] if headed else lines)]
    text = "\n".join([title, *body] if headed else body)
    return Section(clause, name, number, title, text, place, tuple(lines), words(title))


def match(expected: Sequence[Section], edited: Sequence[Section]) -> list[Pair]:
    """Which section answers which, in the order of the edited document; those it lacks come last."""
    answer: dict[int, Section] = {}
    free = list(expected)
    for same in _RULES:
        for section in edited:
            if section.place in answer:
                continue
            found = next((other for other in free if same(other, section)), None)
            if found is not None:
                answer[section.place] = found
                free.remove(found)
    return [*((answer.get(section.place), section) for section in edited), *((section, None) for section in free)]


def _same_clause(a: Section, b: Section) -> bool:
    return a.clause and b.clause and a.name == b.name


def _same_title(a: Section, b: Section) -> bool:
    return not a.clause and not b.clause and a.heads == b.heads


def _same_name_and_title(a: Section, b: Section) -> bool:
    return a.name == b.name and _same_title(a, b)


def _same_name(a: Section, b: Section) -> bool:
    return not a.clause and not b.clause and a.name != "" and a.name == b.name


_RULES: tuple[Callable[[Section, Section], bool], ...] = (_same_clause, _same_name_and_title, _same_title, _same_name)


def longest_run(pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """The most pairs that rise on both sides: what is not among them was moved."""
    ordered = sorted(pairs, key=lambda pair: pair[1])
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (left, _) in enumerate(ordered):
        at = bisect_left(tails, left)
        tails[at : at + 1] = [left]
        ends[at : at + 1] = [index]
        before.append(ends[at - 1] if at else -1)
    kept: set[tuple[int, int]] = set()
    index = ends[-1] if ends else -1
    while index >= 0:
        kept.add(ordered[index])
        index = before[index]
    return kept
