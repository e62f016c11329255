"""Blocks → PDF/UA-1 and PDF/A-3a. The only file that knows typst and segno.

Words travel as a JSON file beside the template: they are never read as Typst. Only the fonts inside the wheel are
used, so that bytes do not depend on the machine. typst keeps memory: callers run this in a recycled worker process.
"""

import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, cast

import segno
import typst

from dce_templates.blocks import (
    Block,
    ClauseMark,
    Document,
    Fields,
    Heading,
    Items,
    Note,
    Para,
    Sign,
    Table,
    gathered,
    relative_widths,
)

MEDIA_TYPE = "application/pdf"
# Kinds that open with a table of contents; what the attached data is of.
LONG = ("rc", "ccap", "concession")
_OF = {
    "dc1": "de la candidature", "dc2": "de la candidature", "amendment": "de l'avenant",
    "subcontract": "de la sous-traitance",
}  # fmt: skip
# Where a line may end inside a word too wide for its place; document.typ gives it neither width nor sign.
_BREAK = "\u200b"
# Letters that fit on one line, mostly wide ones: across the page, in a heading, in the title.
_LINE, _HEADING, _TITLE = 64, 44, 28
CHECK = "Vérifier cette signature :"
_INVISIBLE = "\ufeff"  # the byte order mark of a file, pasted with its text; PDF/A refuses it
_REFUSED = re.compile(r'(?:text|codepoint) `"(.+?)"`')


class PdfError(RuntimeError):
    """The PDF could not be made; `str()` is one French sentence."""


def _fit(text: str, room: int) -> str:
    """The text, whose words longer than `room` may be cut anywhere: nothing runs off the page."""
    if len(text) <= room:
        return text
    return re.sub(rf"\S{{{room + 1},}}", lambda word: _BREAK.join(word[0]), text)


def _fit_rows(rows: Iterable[tuple[str, ...]], widths: Sequence[float]) -> list[list[str]]:
    """Rows of cells; each column has its share of the line, less its margins."""
    rooms = [max(int(_LINE * width / sum(widths)) - 2, 1) for width in widths]
    return [[_fit(text, room) for text, room in zip(row, rooms, strict=True)] for row in rows]


def _plain(block: Block | tuple[Sign, ...]) -> dict[str, Any]:
    match block:
        case tuple():
            room = _LINE // len(block) - 4
            return {"type": "signs", "parties": [[_fit(text, room) for text in (s.party, *s.lines)] for s in block]}
        case Heading(level, text, anchor):
            return {"type": "heading", "level": level, "text": _fit(text, _HEADING), "anchor": anchor}
        case Items(items):
            return {"type": "items", "items": [_fit(item, _LINE) for item in items]}
        case Table(caption, header, rows):
            widths = relative_widths(block)
            head, *body = _fit_rows((header, *rows), widths)
            return {"type": "table", "caption": _fit(caption, _LINE), "columns": widths, "header": head, "rows": body}
        case Fields(caption, rows):
            return {"type": "fields", "caption": _fit(caption, _LINE), "rows": _fit_rows(rows, (1, 2))}
        case Para(text) | Note(text):
            return {"type": type(block).__name__.lower(), "text": _fit(text, _LINE)}
        case Sign() | ClauseMark():
            raise TypeError(f"{block} is not drawn alone")


def _data(document: Document, attached: bytes | None, check_at: str) -> bytes:
    data = {
        "name": f"{document.title} – {document.subject}",
        "author": document.buyer,
        "title": _fit(document.title, _TITLE),
        "subject": _fit(document.subject, _HEADING),
        "buyer": _fit(document.buyer, _HEADING),
        "reference": document.reference,
        "footer": _fit(f"{document.reference} – {document.title}", _LINE),
        "contents": document.kind in LONG,
        "attached": attached is not None,
        "attachment": f"Données {_OF.get(document.kind, 'de la consultation')}, lisibles par un ordinateur",
        "check": _fit(f"{CHECK} {check_at}", _HEADING) if check_at else "",
        "blocks": [_plain(block) for block in gathered(document.blocks) if not isinstance(block, ClauseMark)],
    }
    return json.dumps(data, ensure_ascii=False).replace(_INVISIBLE, "").encode()


@cache
def _template() -> bytes:
    return resources.files("dce_templates").joinpath("render", "document.typ").read_bytes()


def _refusal(document: Document, error: typst.TypstError) -> str:
    """One sentence, with the signs that no embedded font has."""
    signs = dict.fromkeys(_REFUSED.findall(str(error.diagnostic)))
    which = f"ces signes : {' '.join(signs)}" if signs else "les émojis et signes rares"
    return f"Le PDF « {document.title} » n'a pas pu être produit : retirez {which}."


def code_of(address: str) -> bytes:
    """A QR code as SVG, the same each time; a quarter of it may be hidden or dirty, as paper in a file gets."""
    out = io.BytesIO()
    segno.make(address, error="q", micro=False, boost_error=False).save(out, kind="svg", border=4, nl=False)
    return out.getvalue()


def render_pdf(document: Document, now: datetime, attached: bytes | None = None, check_at: str = "") -> bytes:
    """A tagged PDF; `now` (aware) is its only date; `attached` is a JSON kept inside. Raises PdfError.

    `check_at`: the address where anyone verifies its signatures, printed at the end in words and as a QR code.
    """
    files = {"main.typ": _template(), "doc.json": _data(document, attached, check_at)}
    if check_at:
        files["check.svg"] = code_of(check_at)
    if attached is not None:
        files["donnees.json"] = attached
    try:
        compiler = typst.Compiler(cast(bytes, files), ignore_system_fonts=True)
        data, warnings = compiler.compile_with_warnings(
            format="pdf", pdf_standards=["ua-1", "a-3a"], timestamp=now.replace(microsecond=0)
        )
    except typst.TypstError as error:
        raise PdfError(_refusal(document, error)) from error
    if warnings or not isinstance(data, bytes):
        raise PdfError(f"Le PDF « {document.title} » contient un caractère ou une police absente.")
    return data
