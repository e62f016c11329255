"""A .docx from anyone → its parts. Capped, no macro, nothing fetched from elsewhere, no DOCTYPE."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from posixpath import normpath

from lxml import etree

from dce_templates.archive import TooMuch, unpacked

Element = etree._Element
MAX_BYTES = 20 << 20
MAX_UNPACKED = 80 << 20
MAX_PARTS = 2000
MAX_PARAGRAPHS = 20_000
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_TYPES, _RELATIONS = "[Content_Types].xml", "_rels/.rels"
_FIXED_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_NOT_WORD = "Ce fichier n’est pas un document Word (.docx)."
BROKEN = "Ce document Word est abîmé : ouvrez-le et enregistrez-le à nouveau, ou reprenez une autre copie."
_MACROS = "Ce document contient des macros ou des contrôles actifs : enregistrez-le sans eux, en .docx."
_TOO_BIG = "Ce document est trop gros pour être lu : retirez-en les images, ou coupez-le."
_LOCKED = "Ce document a un mot de passe, ou un ancien format : enregistrez-le en .docx, sans mot de passe."
_OUTSIDE = "Ce document va chercher un modèle ou un objet en dehors de lui : incorporez-le, ou retirez-le."
_DOCTYPE = "Ce document contient une déclaration DOCTYPE, qu’un document Word n’a jamais : il est refusé."


class WordError(ValueError):
    """The file cannot be read as a Word document; `sentence` is French and shown to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


Parts = Mapping[str, bytes]


def open_word(content: bytes) -> Parts:
    """Every part by name, in the order of the file. Raises WordError."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise WordError(_LOCKED)
    if len(content) > MAX_BYTES:
        raise WordError(_TOO_BIG)
    if not content.startswith(b"PK"):
        raise WordError(_NOT_WORD)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = _unpack(archive)
    except WordError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise WordError(BROKEN) from error
    _refuse_macros(parts)
    _refuse_outside(parts)
    return parts


def _unpack(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_PARTS or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise WordError(_TOO_BIG)
    if _TYPES not in {entry.filename for entry in entries}:
        raise WordError(_NOT_WORD)
    if len({entry.filename for entry in entries}) < len(entries):
        raise WordError(BROKEN)
    try:
        return {entry.filename: data for entry, data in unpacked(archive, entries, MAX_UNPACKED)}
    except TooMuch as error:
        raise WordError(_TOO_BIG) from error


def _refuse_macros(parts: Parts) -> None:
    named = any(re.search(r"vba(project|data)|/activex/", name, re.IGNORECASE) for name in parts)
    if named or b"macroenabled" in parts[_TYPES].lower():
        raise WordError(_MACROS)


def _refuse_outside(parts: Parts) -> None:
    """A link that a reader clicks is harmless; what Word fetches by itself, or another document inside, is not."""
    for name, data in parts.items():
        if not name.endswith(".rels"):
            continue
        for relation in parse(data):
            kind = str(relation.get("Type", "")).rpartition("/")[2]
            if (relation.get("TargetMode") == "External" and kind != "hyperlink") or kind == "aFChunk":
                raise WordError(_OUTSIDE)


def parse(data: bytes) -> Element:
    """One part as XML: no entity, no network. Raises WordError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise WordError(BROKEN) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise WordError(_DOCTYPE)
    return root


def main_name(parts: Parts) -> str:
    """The name of the part that holds the text. Raises WordError."""
    targets = [
        normpath(str(relation.get("Target", "")).lstrip("/"))
        for relation in (parse(parts[_RELATIONS]) if _RELATIONS in parts else ())
        if str(relation.get("Type", "")).endswith("/officeDocument")
    ]
    name = targets[0] if targets else "word/document.xml"
    types = {str(item.get("PartName", "")): item.get("ContentType") for item in parse(parts[_TYPES])}
    if name not in parts or types.get(f"/{name}") != _MAIN:
        raise WordError(_NOT_WORD)
    return name


def main_root(parts: Parts) -> Element:
    """The text's XML. Raises WordError."""
    root = parse(parts[main_name(parts)])
    if root.tag != f"{W}document" or root.find(f"{W}body") is None:
        raise WordError(_NOT_WORD)
    if sum(1 for _ in root.iter(f"{W}p")) > MAX_PARAGRAPHS:
        raise WordError(_TOO_BIG)
    return root


def pack(parts: Iterable[tuple[str, bytes]]) -> bytes:
    """The file again, with fixed dates: the same parts give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts:
            info = zipfile.ZipInfo(name, _FIXED_ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()
