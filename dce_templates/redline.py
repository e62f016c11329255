"""Two Word documents → the second, with what separates it from the first as Word's own tracked changes.

Accepted, they give the words of the second; rejected, those of the first. The look is the second's throughout: changes
of format are not tracked. Paragraphs and rows are aligned first, then words inside those that have a counterpart.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from dce_templates.redline_align import align, word_changes
from dce_templates.redline_words import Inline, inline, runs
from dce_templates.word.file import Element, Parts, W, main_name, main_root, open_word, pack, parse
from dce_templates.word.model import BODY
from dce_templates.word.revisions import accept, remove, unwrap

_CELL, _ROW = f"{W}tc", f"{W}tr"


@dataclass(frozen=True, slots=True)
class Redline:
    """`content` is the marked document; `changes` counts its insertions and deletions, 0 where nothing differs."""

    content: bytes
    changes: int


def redline(old: bytes, new: bytes, *, author: str, at: datetime) -> Redline:
    """Mark in `new` what changed since `old`, in the name of `author`, at `at` (aware). Raises WordError.

    Headers and footers of the same name are compared too. The same arguments give the same bytes.
    """
    before, after = open_word(old), open_word(new)
    name, root = main_name(after), main_root(after)
    marker = _Marker(author, at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    made = {name: _compared(marker, main_root(before), root, f"{W}body")}
    for part in after:
        if part.startswith(("word/header", "word/footer")) and part.endswith(".xml") and part in before:
            made[part] = _compared(marker, parse(before[part]), parse(after[part]))
    return Redline(pack((part, made.get(part, data)) for part, data in after.items()), marker.changes)


def same_words(old: Parts, new: Parts) -> bool:
    """Whether two documents already open say the same in their body; headers, footers and a model's cover aside."""
    roots = [main_root(parts) for parts in (old, new)]
    for root in roots:
        accept(root)
        for mark in root.findall(f"{W}body/{W}bookmarkStart[@{W}name='{BODY}']"):
            for cover in list(mark.itersiblings(preceding=True)):
                remove(cover)
    first, second = ([inline(p).text for p in root.iter(f"{W}p")] for root in roots)
    return first == second


def _compared(marker: "_Marker", old: Element, new: Element, within: str = "") -> bytes:
    for root in (old, new):
        accept(root)
        _flatten(root)
    _only_words(old)
    container = new.find(within) if within else new
    former = old.find(within) if within else old
    if container is None or former is None:
        return bytes(etree.tostring(new, xml_declaration=True, encoding="UTF-8", standalone=True))
    marker.known = {str(node.get(f"{W}name")) for node in new.iter(f"{W}bookmarkStart")}
    container[:] = marker.blocks(list(former), list(container))
    _renumber(new)
    return bytes(etree.tostring(new, xml_declaration=True, encoding="UTF-8", standalone=True))


def _flatten(root: Element) -> None:
    """Content controls and the like give way to what they hold: blocks and rows stand side by side."""
    for tag in ("sdt", "customXml", "smartTag"):
        for node in list(root.iter(f"{W}{tag}")):
            for inner in list(node):
                if inner.tag in {f"{W}{name}" for name in ("sdtPr", "sdtEndPr", "customXmlPr", "smartTagPr")}:
                    remove(inner)
                elif inner.tag == f"{W}sdtContent":
                    unwrap(inner)
            unwrap(node)


def _only_words(root: Element) -> None:
    """Of the old document only plain Word goes into the new one: no foreign namespace, no link to parts left behind."""
    for node in list(root.iter()):
        if not str(node.tag).startswith(W):
            remove(node)
            continue
        for name in [name for name in node.attrib if not str(name).startswith((W, "{http://www.w3.org/XML/"))]:
            del node.attrib[name]
    for tag in ("sectPr", "drawing", "pict", "object", "numPr"):
        for node in list(root.iter(f"{W}{tag}")):
            remove(node)
    for node in root.iter(f"{W}bookmarkStart", f"{W}bookmarkEnd"):
        node.set(f"{W}id", f"old{node.get(f'{W}id')}")


def _renumber(root: Element) -> None:
    """Ids of changes and bookmarks in the order of reading; a bookmark without its other half goes."""
    ends = {str(node.get(f"{W}id")) for node in root.iter(f"{W}bookmarkEnd")}
    numbers: dict[str, str] = {}
    count = 0
    for node in list(root.iter(f"{W}bookmarkStart", f"{W}bookmarkEnd", f"{W}ins", f"{W}del")):
        identity = str(node.get(f"{W}id"))
        count += 1
        if node.tag == f"{W}bookmarkStart":
            if identity not in ends or identity in numbers:
                remove(node)
                continue
            numbers[identity] = str(count)
        elif node.tag == f"{W}bookmarkEnd":
            if identity not in numbers:
                remove(node)
                continue
            node.set(f"{W}id", numbers[identity])
            continue
        node.set(f"{W}id", str(count))


@dataclass(slots=True)
class _Block:
    """A paragraph, a table or a row; `before`: the bookmarks that stand just before it."""

    node: Element
    key: tuple[str, ...]
    before: list[Element]

    @property
    def kind(self) -> str:
        return self.key[0]


def _key(node: Element) -> tuple[str, ...]:
    """What makes two blocks the same: their kind (for a row, its number of cells) and their words."""
    if node.tag == f"{W}p":
        return ("p", inline(node).text)
    words = tuple(inline(paragraph).text for paragraph in node.iter(f"{W}p"))
    return ("tbl" if node.tag == f"{W}tbl" else f"tr{len(node.findall(f'{W}tc'))}", *words)


def _blocks(nodes: Sequence[Element]) -> tuple[list[_Block], list[Element]]:
    """The blocks, and what follows the last of them (bookmarks, the section)."""
    found: list[_Block] = []
    waiting: list[Element] = []
    for node in nodes:
        if node.tag in (f"{W}p", f"{W}tbl", _ROW):
            found.append(_Block(node, _key(node), waiting))
            waiting = []
        else:
            waiting.append(node)
    return found, waiting


class _Marker:
    """Writes the changes in one name, at one moment; `known`: the bookmarks of the new document."""

    def __init__(self, author: str, at: str) -> None:
        self.author, self.at = author, at
        self.changes = 0
        self.known: set[str] = set()
        self.dropped: set[str] = set()

    def mark(self, kind: str) -> Element:
        self.changes += 1
        attributes = {f"{W}id": "0", f"{W}author": self.author, f"{W}date": self.at}
        return etree.Element(f"{W}{kind}", attributes)

    def blocks(self, old: Sequence[Element], new: Sequence[Element]) -> list[Element]:
        """The children of a body, a cell, a table or a header, with their changes."""
        (former, last), (present, tail) = _blocks(old), _blocks(new)
        made: list[Element] = []
        for left, right in align([block.key for block in former], [block.key for block in present]):
            if left is not None:
                made += self.former(former[left].before)
            if right is not None:
                made += present[right].before
            if left is None and right is not None:
                made.append(self.whole(deepcopy(present[right].node), "ins"))
            elif right is None and left is not None:
                made.append(self.whole(deepcopy(former[left].node), "del"))
            elif left is not None and right is not None:
                made.append(self.both(former[left], present[right]))
        return [*made, *self.former(last), *tail]

    def former(self, nodes: Sequence[Element]) -> list[Element]:
        """The bookmarks of the old document that the new one has lost: they go with their words."""
        kept = []
        for node in nodes:
            if node.tag == f"{W}bookmarkStart" and node.get(f"{W}name") in self.known:
                self.dropped.add(str(node.get(f"{W}id")))
            elif node.tag == f"{W}bookmarkStart" or (
                node.tag == f"{W}bookmarkEnd" and node.get(f"{W}id") not in self.dropped
            ):
                kept.append(deepcopy(node))
        return kept

    def both(self, old: _Block, new: _Block) -> Element:
        if old.key == new.key:
            return deepcopy(new.node)
        if new.kind == "p":
            return self.paragraph(old.node, new.node)
        made = deepcopy(new.node)
        if new.kind == "tbl":
            first = next((made.index(row) for row in made.iterchildren(_ROW)), len(made))
            made[first:] = self.blocks(list(old.node.iterchildren(_ROW)), list(made)[first:])
            return made
        for before, after in zip(old.node.iterchildren(_CELL), made.iterchildren(_CELL), strict=True):
            start = 1 if after.find(f"{W}tcPr") is not None else 0
            content = [node for node in before if node.tag != f"{W}tcPr"]
            after[start:] = self.blocks(content, list(after)[start:])
        return made

    def paragraph(self, old: Element, new: Element) -> Element:
        """The new paragraph, with the words that changed."""
        before, after = inline(old), inline(new)
        made = _shell(new)
        made.extend(deepcopy(node) for node in new.iterchildren(f"{W}pPr"))
        for kind, a, b, c, d in word_changes(before.text, after.text):
            if kind == "equal":
                made.extend(runs(after, c, d))
                continue
            made.extend(self.marked(before, a, b, "del"))
            made.extend(self.marked(after, c, d, "ins"))
        made.extend(runs(after, len(after.text), len(after.text) + 1))
        return made

    def marked(self, content: Inline, start: int, end: int, kind: str) -> Iterator[Element]:
        """Runs inside one `w:ins` or `w:del`; bookmarks stay outside, those of deleted words if the new has none."""
        group: Element | None = None
        for node in runs(content, start, end, deleted=kind == "del"):
            if node.tag != f"{W}r":
                group = None
                yield from self.former([node]) if kind == "del" else [node]
                continue
            if group is None:
                group = self.mark(kind)
                yield group
            group.append(node)

    def whole(self, node: Element, kind: str) -> Element:
        """A paragraph, row or table that only one of the documents has."""
        if node.tag == f"{W}p":
            return self.whole_paragraph(node, kind, ends=True)
        for row in node.iter(_ROW):
            _properties(row, "trPr", after=f"{W}tblPrEx").append(self.mark(kind))
        for paragraph in list(node.iter(f"{W}p")):
            parent = paragraph.getparent()
            if parent is not None:
                parent.replace(paragraph, self.whole_paragraph(paragraph, kind, ends=False))
        return node

    def whole_paragraph(self, node: Element, kind: str, *, ends: bool) -> Element:
        """`ends`: its end of paragraph comes or goes with it (never the last of a cell, which its row takes along)."""
        content = inline(node)
        made = _shell(node)
        made.extend(deepcopy(child) for child in node.iterchildren(f"{W}pPr"))
        if ends:
            _properties(_properties(made, "pPr"), "rPr", before=f"{W}sectPr").insert(0, self.mark(kind))
        made.extend(self.marked(content, 0, len(content.text) + 1, kind))
        return made


def _shell(node: Element) -> Element:
    """The same element without its content."""
    return etree.Element(str(node.tag), {str(name): str(value) for name, value in node.attrib.items()})


def _properties(node: Element, name: str, *, after: str = "", before: str = "") -> Element:
    """The child that holds properties, made where there is none, in its place."""
    found = node.find(f"{W}{name}")
    if found is not None:
        return found
    made = etree.Element(f"{W}{name}")
    if before:
        next_one = node.find(before)
        at = len(node) if next_one is None else node.index(next_one)
    else:
        at = 1 if after and node.find(after) is not None else 0
    node.insert(at, made)
    return made
