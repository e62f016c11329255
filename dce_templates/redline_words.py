"""The words of a Word paragraph and what stands between them; runs made again from any stretch of them."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field

from lxml import etree

from dce_templates.word.file import Element, W
from dce_templates.word.revisions import is_mark

# How breaks stand in the text; XML cannot hold the last two, so no document can imitate them.
_TAB, _LINE, _PAGE, _COLUMN = "\t", "\n", "\x0c", "\x0b"
_BREAKS = {"page": _PAGE, "column": _COLUMN}
_PIECES = re.compile(r"[^\t\n\x0b\x0c]+|[\t\n\x0b\x0c]")
_HOLDERS = {f"{W}{name}" for name in ("hyperlink", "fldSimple", "smartTag", "dir", "bdo", "ins", "sdtContent", "sdt")}
_NO_CONTENT = {f"{W}{name}" for name in ("pPr", "rPr", "proofErr", "permStart", "permEnd", "sdtPr", "sdtEndPr")}


@dataclass
class Inline:
    """`spans`: (start, end, format) over `text`; `points`: (place, element) of what has no words, by place."""

    text: str = ""
    spans: list[tuple[int, int, Element | None]] = field(default_factory=list)
    points: list[tuple[int, Element]] = field(default_factory=list)


def inline(paragraph: Element) -> Inline:
    """The content of a paragraph. Links give their words alone."""
    found = Inline()
    pieces: list[str] = []
    _gather(paragraph, found, pieces, 0)
    found.text = "".join(pieces)
    return found


def _gather(node: Element, found: Inline, pieces: list[str], place: int) -> int:
    for child in node:
        if child.tag == f"{W}r":
            place = _gather_run(child, found, pieces, place)
        elif child.tag in _HOLDERS:
            place = _gather(child, found, pieces, place)
        elif child.tag not in _NO_CONTENT and isinstance(child.tag, str):
            found.points.append((place, child))
    return place


def _gather_run(run: Element, found: Inline, pieces: list[str], place: int) -> int:
    look = run.find(f"{W}rPr")
    for child in run:
        words = _words(child)
        if words is None:
            found.points.append((place, _run(look, deepcopy(child))))
        elif words:
            pieces.append(words)
            found.spans.append((place, place + len(words), look))
            place += len(words)
    return place


def _words(node: Element) -> str | None:
    """What a child of a run says; None for what is no text (a field, a drawing, a note)."""
    name = str(node.tag).removeprefix(W)
    match name:
        case "t":
            return re.sub(r"[\t\r\n]", " ", node.text or "")
        case "tab":
            return _TAB
        case "cr":
            return _LINE
        case "br":
            return _BREAKS.get(str(node.get(f"{W}type")), _LINE)
        case "noBreakHyphen":
            return "\u2011"
        case "softHyphen":
            return "\u00ad"
        case "rPr" | "lastRenderedPageBreak":
            return ""
    return None


def _run(look: Element | None, *children: Element) -> Element:
    run = _make("r")
    if look is not None:
        run.append(deepcopy(look))
    run.extend(children)
    return run


def _make(name: str, **attributes: str) -> Element:
    return etree.Element(f"{W}{name}", {f"{W}{key}": value for key, value in attributes.items()})


def runs(content: Inline, start: int, end: int, *, deleted: bool = False) -> Iterator[Element]:
    """The stretch from `start` to `end` as runs, with the points that stand in it (`end` past the text: the last ones).

    Of deleted words, only bookmarks stay as points: what a field or a drawing was made of is gone.
    """
    points = [(place, node) for place, node in content.points if start <= place < end]
    for first, last, look in content.spans:
        a, b = max(first, start), min(last, end)
        if a >= b:
            continue
        for cut_from, cut_to in _cuts(a, b, [place for place, _ in points]):
            while points and points[0][0] <= cut_from:
                yield from _point(points.pop(0)[1], deleted)
            yield _run(look, *_text(content.text[cut_from:cut_to], deleted))
    for _, node in points:
        yield from _point(node, deleted)


def _cuts(start: int, end: int, places: list[int]) -> Iterator[tuple[int, int]]:
    inside = [place for place in dict.fromkeys(places) if start < place < end]
    yield from zip([start, *inside], [*inside, end], strict=True)


def _point(node: Element, deleted: bool) -> Iterator[Element]:
    if not deleted or (is_mark(node) and str(node.tag).endswith(("bookmarkStart", "bookmarkEnd"))):
        yield deepcopy(node)


def _text(words: str, deleted: bool) -> Iterator[Element]:
    for piece in _PIECES.findall(words):
        if piece == _TAB:
            yield _make("tab")
        elif piece == _LINE:
            yield _make("br")
        elif piece in (_PAGE, _COLUMN):
            yield _make("br", type="page" if piece == _PAGE else "column")
        else:
            text = _make("delText" if deleted else "t")
            text.text = piece
            text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            yield text
