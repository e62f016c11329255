"""Opens an .xlsx that someone else wrote. The only file that knows openpyxl.

What it unpacks to is counted before any of it is parsed; macros and document types are refused. Values come from the
cells; what a spreadsheet program computed is read apart, because it is only what that program says.
"""

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from dce_templates.archive import TooMuch, unpacked
from dce_templates.price_sheets import Place

MAX_BYTES = 5_000_000
_MAX_UNPACKED, _MAX_PARTS, _MAX_TAGS = 20_000_000, 500, 300_000
_BROKEN = "Ce fichier est abîmé, ou n’est pas un classeur XLSX : enregistrez-le de nouveau au format XLSX."
_OLD = (
    "Ce fichier est protégé par un mot de passe, ou à l’ancien format XLS : enregistrez-le en XLSX, sans mot de passe."
)
_MACROS = "Ce fichier contient des macros : enregistrez-le au format XLSX, sans elles."
_HUGE = "Ce fichier est trop gros pour un cadre de prix."
_READ = (".xml", ".rels", ".vml")
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error, ValueError)


class WorkbookError(ValueError):
    """The file cannot be read; `str()` is one French sentence."""


@dataclass(frozen=True, slots=True)
class Found:
    """A cell: `value` is None, str, Decimal, bool or something else; a formula is its text, beginning with « = »."""

    value: Any
    formula: bool = False
    note: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A worksheet: its cells that hold something, what is merged or hidden, in the words of the program (« A1:B2 »)."""

    cells: Mapping[Place, Found]
    merged: tuple[str, ...]
    hidden_rows: tuple[int, ...]
    hidden_columns: tuple[str, ...]
    hidden: bool
    computed: Mapping[Place, Any] = field(repr=False)


def read_workbook(content: bytes) -> dict[str, Page | None]:
    """Name of each sheet → its page, None for a chart. Raises WorkbookError."""
    plain = _harmless(content)
    with _anything_goes_wrong():
        written = openpyxl.load_workbook(io.BytesIO(plain), keep_links=False)
        computed = openpyxl.load_workbook(io.BytesIO(plain), keep_links=False, data_only=True)
        pages = {page.title: page for page in computed.worksheets}
        found: dict[str, Page | None] = dict.fromkeys(written.sheetnames)
        return found | {page.title: _page(page, pages[page.title]) for page in written.worksheets}


@contextmanager
def _anything_goes_wrong() -> Iterator[None]:
    """openpyxl raises whatever its parts raise, and warns of what it leaves aside."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        raise WorkbookError(_BROKEN) from error


def _harmless(content: bytes) -> bytes:
    """The same parts, not compressed: whoever unpacks them again gets what was counted, whatever the list says."""
    if len(content) > MAX_BYTES:
        raise WorkbookError(_HUGE)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise WorkbookError(_OLD)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = _parts(archive)
    except WorkbookError:
        raise
    except _UNREADABLE as error:
        raise WorkbookError(_BROKEN) from error
    _expect_workbook(parts)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as plain:
        for name, data in parts.items():
            plain.writestr(name, data)
    return out.getvalue()


def _parts(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > _MAX_PARTS:
        raise WorkbookError(_HUGE)
    known = all(entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries)
    if not known or len({entry.filename for entry in entries}) < len(entries):
        raise WorkbookError(_BROKEN)
    try:
        return _plain_parts(unpacked(archive, entries, _MAX_UNPACKED))
    except TooMuch as error:
        raise WorkbookError(_HUGE) from error


def _plain_parts(read: Iterable[tuple[zipfile.ZipInfo, bytes]]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    tags = 0
    for entry, data in read:
        tags += data.count(b"<")
        if tags > _MAX_TAGS:
            raise WorkbookError(_HUGE)
        is_read = entry.filename.lower().endswith(_READ)
        if is_read:
            _expect_plain(data)
        # Pictures and the like: nothing here reads them, whatever a relation calls them.
        found[entry.filename] = data if is_read else b""
    return found


def _expect_workbook(names: Iterable[str]) -> None:
    lower = [name.lower() for name in names]
    if any("vbaproject" in name or "macrosheets/" in name for name in lower):
        raise WorkbookError(_MACROS)
    if "xl/workbook.xml" not in lower:
        raise WorkbookError(_BROKEN)


def _expect_plain(data: bytes) -> None:
    """Neither a document type nor an encoding that could hide one."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\x00" in data:
        raise WorkbookError(_BROKEN)
    if b"macroEnabled" in data:
        raise WorkbookError(_MACROS)


def _page(page: Worksheet, computed: Worksheet) -> Page:
    return Page(
        cells={place: cell for place, cell in _cells(page) if cell.value is not None or cell.note},
        merged=tuple(str(area) for area in page.merged_cells.ranges),
        hidden_rows=tuple(row for row, look in sorted(page.row_dimensions.items()) if look.hidden or look.height == 0),
        hidden_columns=tuple(name for name, look in page.column_dimensions.items() if look.hidden or look.width == 0),
        hidden=page.sheet_state != "visible" or bool(page.sheet_format.zeroHeight),
        computed={place: cell.value for place, cell in _cells(computed)},
    )


def _cells(page: Worksheet) -> Iterator[tuple[Place, Found]]:
    """Only what exists: a cell written far away does not make a million others."""
    for (row, column), cell in page._cells.items():
        formula = getattr(cell, "data_type", "") == "f"
        note = getattr(cell, "comment", None) is not None
        yield (row, column), Found(_value(cell.value, formula), formula, note)


def _value(value: Any, formula: bool) -> Any:
    if formula:
        return value if isinstance(value, str) else "=…"
    if isinstance(value, str):
        # What escapes leave behind (openpyxl drops a part of them), and spaces that a program may change.
        return " ".join(value.replace("x005F_", "").split()) or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        # The fifteen figures that spreadsheet programs show; beyond is binary noise.
        return Decimal(f"{value:.15g}")
    return value
