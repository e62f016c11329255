"""Tracked changes already in a document, taken as accepted: what Word does too before it compares."""

from lxml import etree

from dce_templates.word.file import Element, W

_GONE = tuple(f"{W}{name}" for name in ("del", "moveFrom"))
_KEPT = tuple(f"{W}{name}" for name in ("ins", "moveTo"))
_PROPERTIES = (f"{W}rPr", f"{W}trPr", f"{W}tcPr")
_FORMER = tuple(
    f"{W}{name}"
    for name in (
        "pPrChange", "rPrChange", "sectPrChange", "tblPrChange", "tblPrExChange", "tcPrChange", "trPrChange",
        "tblGridChange", "numberingChange", "moveFromRangeStart", "moveFromRangeEnd", "moveToRangeStart",
        "moveToRangeEnd",
    )
)  # fmt: skip


def accept(root: Element) -> None:
    """Every tracked change of the tree accepted, in place."""
    for node in list(root.iter(*_FORMER)):
        remove(node)
    for row in [row for row in root.iter(f"{W}tr") if _marked(row, "trPr", "del")]:
        remove(row)
    for cell in [cell for cell in root.iter(f"{W}tc") if _marked(cell, "tcPr", "cellDel")]:
        remove(cell)
    merged = [paragraph for paragraph in root.iter(f"{W}p") if _mark_gone(paragraph)]
    for node in list(root.iter(*_GONE)):
        remove(node)
    for node in list(root.iter(*_KEPT)):
        parent = node.getparent()
        if parent is not None and parent.tag in _PROPERTIES:
            remove(node)
        else:
            unwrap(node)
    for paragraph in merged:
        _merge_with_next(paragraph)


def remove(node: Element) -> None:
    """Out of the tree (no text ever follows an element of Word that matters)."""
    parent = node.getparent()
    if parent is not None:
        parent.remove(node)


def unwrap(node: Element) -> None:
    """The children take the place of their parent."""
    parent = node.getparent()
    if parent is None:
        return
    at = parent.index(node)
    parent[at : at + 1] = list(node)


def _marked(node: Element, properties: str, mark: str) -> bool:
    return node.find(f"{W}{properties}/{W}{mark}") is not None


def _mark_gone(paragraph: Element) -> bool:
    properties = paragraph.find(f"{W}pPr/{W}rPr")
    return properties is not None and any(properties.find(tag) is not None for tag in _GONE)


def _merge_with_next(paragraph: Element) -> None:
    """Its end of paragraph is deleted: its words open the next one."""
    following = next((node for node in paragraph.itersiblings() if not is_mark(node)), None)
    content = [node for node in paragraph if node.tag != f"{W}pPr"]
    if following is not None and following.tag == f"{W}p":
        at = 1 if following.find(f"{W}pPr") is not None else 0
        following[at:at] = content
        remove(paragraph)
    elif following is not None and following.tag != f"{W}sectPr" and not any(True for _ in paragraph.iter(f"{W}t")):
        remove(paragraph)


def is_mark(node: Element) -> bool:
    """A bookmark or another point in the text: no words of its own."""
    if isinstance(node, etree._Comment | etree._ProcessingInstruction):
        return True
    name = str(node.tag).rpartition("}")[2]
    return name.endswith(("Start", "End")) or name == "proofErr"
