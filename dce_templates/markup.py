"""Our templates: Jinja2 text whose lines become blocks.

`# article`, `## sub-article`, `- item`, `> note`, `| table | row` (first row = header), `: label :: value`,
`^ caption` before a table or fields, `@sign party | line | line`, `@open` and `@close` round a clause; other lines are
paragraphs. Numbers are computed.
A value put in by `{{ … }}` is inert: it can neither open a line nor split a cell.
"""

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dce_templates.blocks import Block, ClauseMark, Fields, Heading, Items, Note, Para, Sign, Table

_START, _BAR, _COLON = "\ue001", "\ue002", "\ue003"
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=\w)")
_SPACES = re.compile(r"[ \t\r\n]+")


class Ready(str):
    """Text already made inert by `paragraphs`."""


def inert(value: object) -> object:
    """A value for a template: one line, no structure. Lists and other objects pass (they are looped over)."""
    if isinstance(value, Ready):
        return value
    text = _SPACES.sub(" ", str(value)).replace("|", _BAR).replace("::", _COLON * 2)
    return _START + text if text else text


def paragraphs(value: str) -> Ready:
    """A free text of the officer as paragraphs, one for each non-empty line."""
    return Ready("\n\n".join(str(inert(line)) for line in value.splitlines() if line.strip()))


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """The only Jinja2 environment of the package: sandboxed, strict, no globals, values inert."""
    env = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=inert, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    env.globals.clear()
    env.filters["paragraphs"] = paragraphs
    return env


def restore(text: str) -> str:
    """The words a reader sees: markers removed, apostrophes between letters as printers make them."""
    words = text.replace(_START, "").replace(_BAR, "|").replace(_COLON, ":").strip()
    return _APOSTROPHE.sub("’", words)


@dataclass
class _Reader:
    """Turns lines into blocks; `article` and `section` count the headings."""

    prefix: str = ""
    blocks: list[Block] = field(default_factory=list)
    article: int = 0
    section: int = 0
    caption: str = ""

    def heading(self, level: int, text: str) -> None:
        if level == 1:
            self.article, self.section = self.article + 1, 0
            self.blocks.append(Heading(1, f"Article {self.article} – {text}", f"{self.prefix}art{self.article}"))
            return
        self.section += 1
        anchor = f"{self.prefix}art{self.article}s{self.section}"
        self.blocks.append(Heading(2, f"{self.article}.{self.section} {text}", anchor))

    def item(self, text: str) -> None:
        last = self.blocks[-1] if self.blocks else None
        if isinstance(last, Items):
            self.blocks[-1] = Items((*last.items, text))
        else:
            self.blocks.append(Items((text,)))

    def row(self, text: str) -> None:
        cells = tuple(restore(cell) for cell in text.split("|"))
        last = self.blocks[-1] if self.blocks else None
        if isinstance(last, Table) and not self.caption:
            self.blocks[-1] = Table(last.caption, last.header, (*last.rows, cells))
        else:
            self.blocks.append(Table(self.caption, cells, ()))
            self.caption = ""

    def field_row(self, text: str) -> None:
        label, _, value = text.partition("::")
        row = (restore(label), restore(value))
        last = self.blocks[-1] if self.blocks else None
        if isinstance(last, Fields) and not self.caption:
            self.blocks[-1] = Fields(last.caption, (*last.rows, row))
        else:
            self.blocks.append(Fields(self.caption, (row,)))
            self.caption = ""

    def sign(self, text: str) -> None:
        party, *lines = (restore(part) for part in text.split("|"))
        self.blocks.append(Sign(party, tuple(lines)))

    def line(self, line: str) -> None:
        head, _, rest = line.partition(" ")
        match head:
            case "#" | "##":
                self.heading(len(head), restore(rest))
            case "-":
                self.item(restore(rest))
            case ">":
                self.blocks.append(Note(restore(rest)))
            case "|":
                self.row(rest)
            case ":":
                self.field_row(rest)
            case "^":
                self.caption = restore(rest)
            case "@sign":
                self.sign(rest)
            case "@open" | "@close":
                self.blocks.append(ClauseMark(restore(rest), closes=head == "@close"))
            case _:
                self.blocks.append(Para(restore(line)))


def read_blocks(text: str, prefix: str = "") -> tuple[Block, ...]:
    """The blocks written in a filled template. `prefix` keeps anchors apart between documents."""
    reader = _Reader(prefix)
    for line in text.splitlines():
        if line.strip():
            reader.line(line.strip())
    return tuple(reader.blocks)


@lru_cache(maxsize=128)
def _compiled(source: str) -> Template:
    return environment().from_string(source)


def fill(source: str, context: dict[str, Any]) -> str:
    """The template filled; raises jinja2.UndefinedError on a variable that is not given."""
    return _compiled(source).render(context)
