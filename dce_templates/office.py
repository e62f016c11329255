"""What an officer's own document is, told from its bytes: only the list of a ZIP and two small parts are read."""

import io
import zipfile
from collections.abc import Mapping

PDF = "application/pdf"
_OOXML = "application/vnd.openxmlformats-officedocument."
# Media type → extension.
EXTENSIONS: Mapping[str, str] = {
    PDF: "pdf",
    f"{_OOXML}wordprocessingml.document": "docx",
    f"{_OOXML}spreadsheetml.sheet": "xlsx",
    "application/vnd.oasis.opendocument.text": "odt",
}
_PARTS = {"word/document.xml": f"{_OOXML}wordprocessingml.document", "xl/workbook.xml": f"{_OOXML}spreadsheetml.sheet"}


class OfficeError(ValueError):
    """The file cannot be taken; `str()` is one French sentence."""


def media_type(content: bytes, name: str) -> str:
    """PDF, DOCX, XLSX or ODT, whose extension `name` must have. Raises OfficeError."""
    found = PDF if content.startswith(b"%PDF-") else _of_zip(content)
    if found not in EXTENSIONS:
        raise OfficeError("Ce fichier n’est pas un PDF, un DOCX, un ODT ni un XLSX.")
    extension = name.rpartition(".")[2].lower()
    if extension != EXTENSIONS[found]:
        raise OfficeError(f"Ce fichier est un {EXTENSIONS[found].upper()} : donnez-lui un nom en .{EXTENSIONS[found]}.")
    return found


def _of_zip(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if any(name.lower().endswith("vbaproject.bin") for name in names) or _open_document_macros(names):
                raise OfficeError("Ce fichier contient des macros : enregistrez-le sans elles.")
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                return archive.read("mimetype").decode("ascii", "replace").strip()
            return next((kind for part, kind in _PARTS.items() if part in names), "")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        return ""


def _open_document_macros(names: set[str]) -> bool:
    return any(name.startswith(("Basic/", "Scripts/")) for name in names)
