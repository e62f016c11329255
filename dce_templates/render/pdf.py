"""Blocks → PDF/UA-1 and PDF/A-3a. The only file that knows typst.

Words travel as a JSON file beside the template: they are never read as Typst. Only the fonts inside the wheel are
used, so that bytes do not depend on the machine. typst keeps memory: callers run this in a recycled worker process.
"""

import json
from dataclasses import asdict
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, cast

import typst

from dce_templates.blocks import Block, ClauseMark, Document, Sign, Table, gathered, relative_widths

MEDIA_TYPE = "application/pdf"
# Kinds that open with a table of contents; what the attached data is of.
_LONG = ("rc", "ccap")
_OF = {"dc1": "de la candidature", "dc2": "de la candidature"}


class PdfError(RuntimeError):
    """The PDF could not be made; `str()` is one French sentence."""


def _plain(block: Block | tuple[Sign, ...]) -> dict[str, Any]:
    if isinstance(block, tuple):
        return {"type": "signs", "parties": [[sign.party, *sign.lines] for sign in block]}
    data = {"type": type(block).__name__.lower(), **asdict(block)}
    return data | {"columns": relative_widths(block)} if isinstance(block, Table) else data


def _data(document: Document, attached: bytes | None) -> bytes:
    data = {
        "title": document.title,
        "subject": document.subject,
        "buyer": document.buyer,
        "reference": document.reference,
        "footer": f"{document.reference} – {document.title}",
        "contents": document.kind in _LONG,
        "attached": attached is not None,
        "attachment": f"Données {_OF.get(document.kind, 'de la consultation')}, lisibles par un ordinateur",
        "blocks": [_plain(block) for block in gathered(document.blocks) if not isinstance(block, ClauseMark)],
    }
    return json.dumps(data, ensure_ascii=False).encode()


@cache
def _template() -> bytes:
    return resources.files("dce_templates").joinpath("render", "document.typ").read_bytes()


def render_pdf(document: Document, now: datetime, attached: bytes | None = None) -> bytes:
    """A tagged PDF; `now` (aware) is its only date; `attached` is a JSON kept inside. Raises PdfError."""
    files = {"main.typ": _template(), "doc.json": _data(document, attached)}
    if attached is not None:
        files["donnees.json"] = attached
    try:
        compiler = typst.Compiler(cast(bytes, files), ignore_system_fonts=True)
        data, warnings = compiler.compile_with_warnings(
            format="pdf", pdf_standards=["ua-1", "a-3a"], timestamp=now.replace(microsecond=0)
        )
    except typst.TypstError as error:
        raise PdfError(
            f"Le PDF « {document.title} » n'a pas pu être produit : retirez les émojis et signes rares."
        ) from error
    if warnings or not isinstance(data, bytes):
        raise PdfError(f"Le PDF « {document.title} » contient un caractère ou une police absente.")
    return data
