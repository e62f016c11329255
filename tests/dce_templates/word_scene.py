"""Small Word files made by hand, and Word's own « accept all » and « reject all », written apart from our code."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

from lxml import etree

Element = etree._Element
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OPEN = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
_CLOSE = "<w:sectPr/></w:body></w:document>"
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
    '.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"'
    ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"'
    ' Target="word/document.xml"/></Relationships>'
)
# A paragraph is a text; a table is rows of cells, which hold paragraphs.
Cell = list[str]
Block = str | list[list[Cell]]


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def package(body: str, extra: Mapping[str, str | bytes] | None = None) -> bytes:
    """A .docx whose body is this XML; `extra` adds or replaces parts."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": _OPEN + body + _CLOSE,
    }
    return zipped(parts | dict(extra or {}))


def external(kind: str, target: str) -> bytes:
    """A document that asks Word to fetch `target`, as an image, a template…"""
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"'
        f' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"'
        f' Target="{target}" TargetMode="External"/></Relationships>'
    )
    return package(paragraph("Texte"), {"word/_rels/document.xml.rels": relations})


def paragraph(text: str) -> str:
    """Each word in its own run, as after many edits; the apostrophes and breaks as Word stores them."""
    words = text.replace(" ", " \0").split("\0")
    runs = "".join(f'<w:r><w:t xml:space="preserve">{escape(word)}</w:t></w:r>' for word in words if word)
    return f"<w:p>{runs}</w:p>"


def body(blocks: Iterable[Block]) -> str:
    return "".join(paragraph(block) if isinstance(block, str) else _table(block) for block in blocks)


def _table(rows: list[list[Cell]]) -> str:
    cells = ["".join(f"<w:tc>{body(cell)}</w:tc>" for cell in row) for row in rows]
    return "<w:tbl><w:tblPr/><w:tblGrid/>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def settle(content: bytes, *, accepted: bool) -> list[Block]:
    """What the body says once every tracked change is accepted, or rejected."""
    keep, drop = (f"{W}ins", f"{W}del") if accepted else (f"{W}del", f"{W}ins")
    root = etree.fromstring(zipfile.ZipFile(io.BytesIO(content)).read("word/document.xml"))
    for row in list(root.iter(f"{W}tr")):
        if row.find(f"{W}trPr/{drop}") is not None:
            _out(row)
    ended = [p for p in root.iter(f"{W}p") if p.find(f"{W}pPr/{W}rPr/{drop}") is not None]
    for node in list(root.iter(drop)):
        _out(node)
    for node in list(root.iter(keep)):
        parent = node.getparent()
        assert parent is not None
        at = parent.index(node)
        parent[at : at + 1] = list(node)
    for p in ended:
        _join(p)
    for table in [t for t in root.iter(f"{W}tbl") if t.find(f"{W}tr") is None]:
        _out(table)
    found = root.find(f"{W}body")
    assert found is not None
    return _read(found)


def said(content: bytes) -> list[Block]:
    """What the body says, where no change is tracked."""
    return settle(content, accepted=True)


def _out(node: Element) -> None:
    parent = node.getparent()
    assert parent is not None
    parent.remove(node)


def _join(p: Element) -> None:
    following = next((n for n in p.itersiblings() if "bookmark" not in str(n.tag)), None)
    content = [node for node in p if node.tag != f"{W}pPr"]
    if following is not None and following.tag == f"{W}p":
        at = len(following.findall(f"{W}pPr"))
        following[at:at] = content
        _out(p)
    elif not _words(p):
        _out(p)


def _read(container: Element) -> list[Block]:
    found: list[Block] = []
    for node in container:
        if node.tag == f"{W}p":
            found.append(_words(node))
        elif node.tag == f"{W}tbl":
            rows = node.findall(f"{W}tr")
            found.append([[[_words(p) for p in cell.iter(f"{W}p")] for cell in row.findall(f"{W}tc")] for row in rows])
    return found


def _words(p: Element) -> str:
    shown = {f"{W}tab": "\t", f"{W}br": "\n"}
    texts = (f"{W}t", f"{W}delText")
    return "".join(n.text or "" if n.tag in texts else shown.get(str(n.tag), "") for n in p.iter())
