"""A buyer's own Word model → the clean .docx in which documents are written: its cover, headers, footers and styles.

The cover is what stands before the first page break or section break; without one there is none. The text after it is
dropped, with its pictures, its notes and who wrote it. What Word would run or fetch by itself is refused.
"""

import re
from collections.abc import Iterator, Mapping

from lxml import etree

from dce_templates.word.file import Element, Parts, W, WordError, main_name, main_root, open_word, pack, parse

MAX_BYTES = 5_000_000
# Opens before the first word that mps writes: what stands before it is the model's.
BODY = "mps_corps"
_MAX_UNPACKED = 20_000_000
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_TYPES, _ROOT = "[Content_Types].xml", "_rels/.rels"
# What the text needs without naming it; anything else stays only where the kept text names it.
_UNNAMED = frozenset({"styles", "settings", "numbering", "fontTable", "theme", "webSettings", "footnotes", "endnotes"})
_ACTIVE = frozenset({"oleObject", "package", "control", "subDocument", "attachedTemplate", "mailMergeSource"})
_FIELDS = frozenset({
    "PAGE", "NUMPAGES", "SECTION", "SECTIONPAGES", "TITLE", "SUBJECT", "AUTHOR", "DATE", "TIME", "CREATEDATE",
    "SAVEDATE", "PRINTDATE", "FILENAME", "STYLEREF", "DOCPROPERTY", "HYPERLINK", "REF", "PAGEREF", "TOC",
})  # fmt: skip
_SETTINGS = (
    "writeProtection", "attachedTemplate", "trackRevisions", "mailMerge", "documentProtection", "docVars", "rsids",
)  # fmt: skip
_BEFORE_SIZE = {f"{W}{name}" for name in ("headerReference", "footerReference", "footnotePr", "endnotePr", "type")}
_SIZES = {"pgSz": {"w": "11906", "h": "16838"}, "pgMar": dict.fromkeys(("top", "right", "bottom", "left"), "1361")}
_TOO_BIG = f"Ce modèle est trop gros : {MAX_BYTES // 10**6} Mo au plus. Allégez ses images."
_OBJECT = (
    "Ce modèle contient un objet, un contrôle ou un lien vers un fichier : remplacez-le par une image ou du texte."
)
_FIELD = "Ce modèle contient un champ « {name} », qui va chercher ou calcule autre chose : remplacez-le par son texte."
_REVISED = "Ce modèle contient des commentaires ou des modifications suivies, qui seraient publiés : retirez-les."


def read_model(content: bytes) -> bytes:
    """The model, cleaned. The same bytes give the same bytes. Raises WordError."""
    if len(content) > MAX_BYTES:
        raise WordError(_TOO_BIG)
    parts = dict(open_word(content))
    if sum(map(len, parts.values())) > _MAX_UNPACKED:
        raise WordError(_TOO_BIG)
    trees = {name: parse(parts[name]) for name in _xml_names(parts)}
    name = main_name(parts)
    trees[name] = main_root(parts)
    _cut(_body(trees[name]))
    for part, tree in trees.items():
        if part.endswith(".rels"):
            _refuse_active(tree)
        else:
            _tidy(tree)
    _forget(trees, name)
    return pack((part, _written(trees[part]) if part in trees else data) for part, data in parts.items())


def _written(tree: Element) -> bytes:
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True))


def _xml_names(parts: Parts) -> Iterator[str]:
    """Every part that Word or we would read as XML, whatever its name: none may hide a DOCTYPE."""
    types = parse(parts[_TYPES])
    named = {str(item.get("PartName", "")).lstrip("/"): str(item.get("ContentType", "")) for item in types}
    usual = {str(item.get("Extension", "")).lower(): str(item.get("ContentType", "")) for item in types}
    for name in parts:
        extension = name.rpartition(".")[2].lower()
        kind = named.get(name) or usual.get(extension, "")
        if kind.endswith("xml") or extension in ("xml", "rels"):
            yield name


def _body(root: Element) -> Element:
    found = root.find(f"{W}body")
    assert found is not None  # noqa: S101 (main_root refuses a document without)
    return found


def _cut(body: Element) -> None:
    """Leave the cover, and the page setup of the section that follows it."""
    children = list(body)
    last = next((rank for rank, child in enumerate(children) if _breaks(child)), -1)
    rest = children[last + 1 :]
    setups = [node for child in rest for node in child.iter(f"{W}sectPr")]
    setup = setups[0] if setups else etree.SubElement(body, f"{W}sectPr")
    for child in rest:
        body.remove(child)
    if last >= 0 and children[last].tag == f"{W}p":
        _cut_after_break(children[last])
    for node in list(
        body.iter(f"{W}bookmarkStart", f"{W}bookmarkEnd", f"{W}footnoteReference", f"{W}endnoteReference")
    ):
        _drop(node)
    for columns in setup.findall(f"{W}cols"):
        setup.remove(columns)
    for tag, values in _SIZES.items():
        if setup.find(f"{W}{tag}") is None:
            at = sum(child.tag in _BEFORE_SIZE or child.tag == f"{W}pgSz" for child in setup)
            setup.insert(at, etree.Element(f"{W}{tag}", {f"{W}{key}": value for key, value in values.items()}))
    body.append(setup)


def _breaks(block: Element) -> bool:
    """A section ends in this block, or a page does: also inside the content control of Word's own cover pages."""
    if block.tag not in (f"{W}p", f"{W}sdt"):
        return False
    return block.find(f".//{W}pPr/{W}sectPr") is not None or any(_is_page(node) for node in block.iter(f"{W}br"))


def _is_page(node: Element) -> bool:
    return node.get(f"{W}type") == "page"


def _cut_after_break(paragraph: Element) -> None:
    """What follows the break in its own paragraph is of the next page."""
    found = next((node for node in paragraph.iter(f"{W}br") if _is_page(node)), None)
    while found is not None and found is not paragraph:
        for later in list(found.itersiblings()):
            _drop(later)
        found = found.getparent()


def _drop(node: Element) -> None:
    parent = node.getparent()
    if parent is not None:
        parent.remove(node)


def _refuse_active(relations: Element) -> None:
    for relation in relations:
        kind = str(relation.get("Type", "")).rpartition("/")[2]
        outside = relation.get("TargetMode") == "External"
        web = re.match(r"(https?|mailto):|#", str(relation.get("Target", "")), re.IGNORECASE)
        if kind in _ACTIVE or (outside and not web):
            raise WordError(_OBJECT)


def _refuse_fields(tree: Element) -> None:
    """Only fields that say something of the document itself; a name that another field would build is no name."""
    for code in (*(str(node.get(f"{W}instr", "")) for node in tree.iter(f"{W}fldSimple")), *_codes(tree)):
        name = (code.split() or [""])[0].upper()
        if name not in _FIELDS:
            raise WordError(_FIELD.format(name=name[:30] or "?"))


def _codes(tree: Element) -> Iterator[str]:
    """What each field was told, its result left out."""
    opened: list[str | None] = []
    for node in tree.iter(f"{W}fldChar", f"{W}instrText", f"{W}delInstrText"):
        kind = node.get(f"{W}fldCharType")
        told = opened[-1] if opened else None
        if kind == "begin":
            opened.append("")
        elif kind is not None:
            if told is not None:
                yield told
            opened[-1:] = [] if kind == "end" else [None]
        elif told is None:
            yield node.text or ""
        else:
            opened[-1] = told + (node.text or "")
    yield from (told for told in opened if told is not None)


def _tidy(tree: Element) -> None:
    """No field that fetches, no one's revision or comment, no protection, no note of the text that was dropped."""
    if tree.tag in {f"{W}{name}" for name in ("document", "hdr", "ftr")}:
        _refuse_fields(tree)
        comments = (f"{W}commentReference", f"{W}commentRangeStart")
        if any(node.get(f"{W}author") is not None or node.tag in comments for node in tree.iter()):
            raise WordError(_REVISED)
    elif tree.tag == f"{W}settings":
        for name in _SETTINGS:
            for node in tree.findall(f"{W}{name}"):
                tree.remove(node)
    elif tree.tag in (f"{W}footnotes", f"{W}endnotes"):
        for note in [note for note in tree if note.get(f"{W}type") is None]:
            tree.remove(note)


def _forget(trees: Mapping[str, Element], main: str) -> None:
    """Links to what the kept text does not name, and to properties and thumbnails: those parts go with them."""
    folder, _, file = main.rpartition("/")
    used = {value for node in trees[main].iter() for key, value in node.attrib.items() if str(key).startswith(_ID)}
    for name, kept in ((_ROOT, frozenset({"officeDocument"})), (f"{folder}/_rels/{file}.rels".lstrip("/"), _UNNAMED)):
        for relation in list(trees.get(name, ())):
            kind = str(relation.get("Type", "")).rpartition("/")[2]
            if kind not in kept and (name == _ROOT or relation.get("Id") not in used):
                _drop(relation)
