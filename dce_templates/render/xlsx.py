"""Price schedules → one .xlsx. The only file that knows XlsxWriter.

Every part of the archive is dated 1980 and the properties the day of launch: the same dossier gives the same bytes.
Words are written as words, whatever they begin with. Formulas carry a value, or a viewer would show 0.
"""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

import xlsxwriter

from dce_templates.dossier import Dossier
from dce_templates.price_sheets import FIRST_ROW, HEAD_ROW, Cell, Look, Sheet, letters, sheets

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_INK, _LINE, _SHADE, _ENTRY = "#142F52", "#9AA8BA", "#E9EEF5", "#FFFBE6"
_PRICE, _AMOUNT = '#,##0.00####\\ "€"', '#,##0.00\\ "€"'
_GRID: dict[str, Any] = {"border": 1, "border_color": _LINE, "valign": "top"}
_LOOKS: dict[Look, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 16, "font_color": _INK},
    "plain": {},
    "head": {**_GRID, "bold": True, "bg_color": _SHADE, "font_color": _INK, "text_wrap": True, "valign": "vcenter"},
    "text": {**_GRID, "text_wrap": True},
    "quantity": _GRID,
    "unit_price": {**_GRID, "num_format": _PRICE},
    "amount": {**_GRID, "num_format": _AMOUNT},
    "rate": {**_GRID, "num_format": "0.00%"},
    "total": {**_GRID, "bold": True, "bg_color": _SHADE, "num_format": _AMOUNT},
    "free": {"bg_color": _ENTRY, "bottom": 1, "bottom_color": _LINE, "num_format": "@"},
}
_MAY = {"format_columns": True, "format_rows": True, "select_locked_cells": True, "select_unlocked_cells": True}
_RULE = {
    "validate": "decimal", "criteria": ">=", "value": 0, "error_type": "stop",
    "input_title": "Prix hors taxes", "input_message": "Un nombre, en euros, six décimales au plus.",
    "error_title": "Prix à corriger",
    "error_message": "Donnez un nombre positif ou nul, en euros hors taxes : 12,50 par exemple.",
}  # fmt: skip


class _Book:
    """The workbook being written, and the formats it has so far."""

    def __init__(self, out: io.BytesIO) -> None:
        self.book = xlsxwriter.Workbook(out, {"in_memory": True})
        self.book.set_calc_mode("auto")
        self.formats: dict[tuple[Look, bool], Any] = {}

    def format(self, look: Look, unlocked: bool) -> Any:
        key = (look, unlocked)
        if key not in self.formats:
            extra = {"locked": False, "bg_color": _ENTRY} if unlocked else {}
            self.formats[key] = self.book.add_format(_LOOKS[look] | extra)
        return self.formats[key]

    def sheet(self, sheet: Sheet, footer: str) -> None:
        page = self.book.add_worksheet(sheet.kind)
        _set_up(page, sheet, footer)
        for (row, column), cell in sheet.cells.items():
            self.cell(page, row - 1, column - 1, cell)
        if sheet.kind != "DQE":
            price = sheet.price_column - 1
            page.data_validation(FIRST_ROW - 1, price, sheet.last_row - 1, price, _RULE)
        if sheet.total:
            row, column = sheet.total
            self.book.define_name("TOTAL_HT", f"={sheet.kind}!${letters(column)}${row}")

    def cell(self, page: Any, row: int, column: int, cell: Cell) -> None:
        look = self.format(cell.look, cell.kind in ("price", "free"))
        match cell.kind:
            case "number":
                page.write_number(row, column, cell.value, look)
            case "formula":
                # No price yet: totals are 0, lines are empty.
                page.write_formula(row, column, cell.value, look, 0 if cell.look == "total" else "")
            case "price" | "free":
                page.write_blank(row, column, None, look)
            case "text" if str(cell.value).startswith("<r>"):
                # XlsxWriter would take the words for its own mark-up of rich text.
                page.write_rich_string(row, column, "<", look, str(cell.value)[1:], look)
            case "text":
                page.write_string(row, column, cell.value, look)


def _set_up(page: Any, sheet: Sheet, footer: str) -> None:
    last = len(sheet.columns) - 1
    for number, width in enumerate(sheet.widths):
        page.set_column(number, number, width)
    page.set_row(0, 24)
    page.set_row(HEAD_ROW - 1, 32)
    page.freeze_panes(HEAD_ROW, 0)
    page.repeat_rows(HEAD_ROW - 1)
    page.set_paper(9)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.print_area(0, 0, sheet.last_row + (2 if sheet.total else -1), last)
    page.set_footer(f"&L{footer}&RPage &P / &N")
    page.protect("", _MAY)


def render_xlsx(dossier: Dossier) -> bytes:
    """The dossier's schedules, one sheet each, prices left to give; the dossier has price lines."""
    return _written(sheets(dossier), dossier)


def _written(wanted: Sequence[Sheet], dossier: Dossier) -> bytes:
    out = io.BytesIO()
    book = _Book(out)
    book.book.set_properties(
        {
            "title": " et ".join(sheet.title for sheet in wanted),
            "subject": dossier.reference,
            "author": dossier.buyer.name,
            "created": datetime.combine(dossier.launched_on, time(), UTC),
        }
    )
    for sheet in wanted:
        book.sheet(sheet, f"{dossier.reference} – {sheet.kind}")
    book.book.close()
    return out.getvalue()
