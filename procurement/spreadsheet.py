"""CSV as French finance software and spreadsheets read and write it: `;`, decimal comma, days as 31/12/2026."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

# A text that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Of a number that somebody writes.
MOST_DIGITS = 30
Cell = str | Decimal | date | None


def text_of(content: bytes) -> str:
    """UTF-8, with or without its mark, else Latin-1."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def delimiter_of(content: bytes) -> str:
    """`;` or `,`, as the first line has more of."""
    head = content.split(b"\n", 1)[0]
    return ";" if head.count(b";") >= head.count(b",") else ","


def number_of(text: str) -> Decimal | None:
    """« 1 234,50 € », « 1234.5 »; None for anything that is not a number that one can count with."""
    return figure("".join(text.replace("€", "").split()).replace(",", "."))


def figure(text: str) -> Decimal | None:
    """A finite number of digits 0 to 9; None for what Decimal takes besides: other scripts, underscores, 1e999999."""
    if not text.isascii() or "_" in text or len(text) > MOST_DIGITS:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= MOST_DIGITS else None


def written(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The file, with the mark that spreadsheets want; no text can become a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:.2f}".replace(".", ",")
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    line = " ".join(value.split("\n")).replace("\x00", "")
    return f"'{line}" if line.startswith(_FORMULA) else line
