"""A clause edited in Word, back to a text with its tags: what nobody touched keeps its own, values are named again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from dce_templates.blocks import lines_of
from dce_templates.catalogue import Clause, values
from dce_templates.dossier import ClauseChoice
from dce_templates.markup import fill, read_blocks
from dce_templates.wording import words

_OPENS, _CLOSES = re.compile(r"\{%-?\s*(?:if|for)\b"), re.compile(r"\{%-?\s*end(?:if|for)\b")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines of the source that are filled together, and the paragraphs that they give."""

    source: str
    lines: tuple[str, ...]

    @property
    def bullet(self) -> str:
        return "- " if re.search(r"^\s*- ", self.source, re.MULTILINE) else ""


def retag(clause: Clause, choice: ClauseChoice, view: Mapping[str, Any], edited: Sequence[str]) -> str:
    """The source of the clause as it was edited. `edited`: its paragraphs, as they stand in Word.

    A paragraph that was rewritten is taken as it is, each value of the clause that it still says once become its
    variable again; a list or a table of which a part was rewritten is taken line by line.
    """
    said = values(clause, choice, view.get("annex", {}))
    chunks = [_Chunk(source, tuple(_filled(source, {**view, **said}))) for source in _sources(clause.source)]
    before = [(number, line) for number, chunk in enumerate(chunks) for line in chunk.lines]
    opcodes = SequenceMatcher(
        a=[words(line) for _, line in before], b=[words(line) for line in edited], autojunk=False
    ).get_opcodes()
    touched = {before[i][0] for tag, a, b, _, _ in opcodes if tag != "equal" for i in range(a, b)}
    found = _Found(chunks)
    for tag, a, b, c, d in opcodes:
        for offset, line in enumerate(edited[c:d]):
            number = before[a + offset][0] if a + offset < b else None
            if number is not None and tag == "equal" and number not in touched:
                found.keep(number)
            else:
                found.add(_named(line, None if number is None else chunks[number], said), number)
    found.pass_silent(len(chunks))
    return "\n\n".join(found.texts) + "\n"


class _Found:
    """The new source, in order. A chunk that says nothing in this dossier (a condition) stays where it was."""

    def __init__(self, chunks: Sequence[_Chunk]) -> None:
        self.chunks = chunks
        self.texts: list[str] = []
        self.next = 0

    def pass_silent(self, number: int) -> None:
        """The silent chunks before this one."""
        self.texts += [chunk.source for chunk in self.chunks[self.next : number] if not chunk.lines]
        self.next = max(self.next, number)

    def keep(self, number: int) -> None:
        if number >= self.next:
            self.pass_silent(number)
            self.texts.append(self.chunks[number].source)
            self.next = number + 1

    def add(self, text: str, number: int | None) -> None:
        self.pass_silent(self.next if number is None else number)
        self.texts.append(text)


def _sources(source: str) -> Iterator[str]:
    """Line by line; a loop or a condition over several lines, whole."""
    held: list[str] = []
    depth = 0
    for line in source.splitlines():
        depth += len(_OPENS.findall(line)) - len(_CLOSES.findall(line))
        held.append(line)
        if depth <= 0:
            if text := "\n".join(held).strip():
                yield text
            held, depth = [], 0
    if text := "\n".join(held).strip():
        yield text


def _filled(source: str, context: dict[str, Any]) -> Iterator[str]:
    for block in read_blocks(fill(source, context)):
        yield from (line for line in lines_of(block) if line)


def _named(line: str, chunk: _Chunk | None, said: Mapping[str, object]) -> str:
    """A rewritten line: no tag of its own, the values of its clause by their names."""
    text = line.replace("{", "(").replace("}", ")").replace("|", "/").strip()
    if chunk is None:
        return text
    for name, value in said.items():
        if isinstance(value, tuple) or not re.search(r"\{\{\s*" + name + r"\b", chunk.source):
            continue
        spoken = re.compile(r"(?<!\w)" + re.escape(str(value)) + r"(?!\w)")
        if len(spoken.findall(text)) == 1:
            text = spoken.sub(lambda _, name=name: "{{ " + name + " }}", text)  # type: ignore[misc]
    return chunk.bullet + text
