"""A Word document as lines: the words of each paragraph, the bookmarks round them, the cell they stand in."""

import re
from dataclasses import dataclass, field

from lxml import etree

from dce_templates.word.file import Element, Parts, W, main_root, open_word, parse
from dce_templates.word.revisions import accept

_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SPACES = {f"{W}tab", f"{W}br", f"{W}cr"}
_OUTSIDE_TEXT = {_FALLBACK, f"{W}instrText", f"{W}delText", f"{W}pPr", f"{W}rPr"}


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph that has words. `number` counts them from 1; `cell` is (table, row, column) from 1."""

    number: int
    text: str
    heading: bool
    cell: tuple[int, int, int] | None
    marks: frozenset[str]


@dataclass
class _Open:
    """A paragraph being read."""

    heading: bool
    cell: tuple[int, int, int] | None
    parts: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)


class _Reader:
    """Follows the tree in the order of reading; text boxes open paragraphs inside paragraphs."""

    def __init__(self, headings: frozenset[str]) -> None:
        self.headings = headings
        self.lines: list[Line] = []
        self.open: list[_Open] = []
        self.marks: dict[str, str] = {}
        self.tables = 0
        self.places: list[list[int]] = []

    def start(self, node: Element) -> None:
        tag = node.tag
        if tag == f"{W}t":
            self.words(node.text or "")
        elif tag in _SPACES:
            self.words(" ")
        elif tag == f"{W}noBreakHyphen":
            self.words("-")
        elif tag == f"{W}p":
            self.open.append(_Open(self.is_heading(node), self.cell()))
        elif tag == f"{W}bookmarkStart":
            self.marks[str(node.get(f"{W}id"))] = str(node.get(f"{W}name"))
        elif tag == f"{W}bookmarkEnd":
            # LibreOffice opens a bookmark of several paragraphs twice, and closes only the second.
            closed = self.marks.pop(str(node.get(f"{W}id")), None)
            self.marks = {number: name for number, name in self.marks.items() if name != closed}
        elif tag == f"{W}tbl":
            self.tables += 1
            self.places.append([self.tables, 0, 0])
        elif tag == f"{W}tr" and self.places:
            self.places[-1][1:] = [self.places[-1][1] + 1, 0]
        elif tag == f"{W}tc" and self.places:
            self.places[-1][2] += 1

    def end(self, node: Element) -> None:
        if node.tag == f"{W}tbl":
            self.places.pop()
        elif node.tag == f"{W}p":
            done = self.open.pop()
            text = " ".join("".join(done.parts).split())
            if text:
                marks = frozenset(done.marks)
                self.lines.append(Line(len(self.lines) + 1, text, done.heading, done.cell, marks))

    def words(self, text: str) -> None:
        """A bookmark counts for a paragraph where it is open on words: Word moves its end to the next paragraph."""
        if self.open:
            self.open[-1].parts.append(text)
            if text.strip():
                self.open[-1].marks |= set(self.marks.values())

    def cell(self) -> tuple[int, int, int] | None:
        return (self.places[-1][0], self.places[-1][1], self.places[-1][2]) if self.places else None

    def is_heading(self, paragraph: Element) -> bool:
        style = paragraph.find(f"{W}pPr/{W}pStyle")
        return style is not None and style.get(f"{W}val") in self.headings


def _headings(parts: Parts) -> frozenset[str]:
    """The ids of the styles named « heading 1 »…: Word writes them in its own language."""
    if "word/styles.xml" not in parts:
        return frozenset()
    found = set()
    for style in parse(parts["word/styles.xml"]).iter(f"{W}style"):
        name = style.find(f"{W}name")
        if name is not None and re.match(r"heading \d", str(name.get(f"{W}val")), re.IGNORECASE):
            found.add(str(style.get(f"{W}styleId")))
    return frozenset(found)


def read_lines(content: bytes) -> tuple[Line, ...]:
    """The lines of a .docx, its tracked changes taken as accepted. Raises WordError."""
    parts = open_word(content)
    root = main_root(parts)
    accept(root)
    reader = _Reader(_headings(parts))
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, node in walk:
        if event == "start" and node.tag in _OUTSIDE_TEXT:
            walk.skip_subtree()
        elif event == "start":
            reader.start(node)
        else:
            reader.end(node)
    return tuple(reader.lines)
