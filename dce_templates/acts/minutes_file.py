"""Records of a procedure as files. A plain function that pickles: it runs in a worker process."""

import unicodedata
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import TypeVar, cast

from dce_templates.acts.minutes import Minutes, Record, record
from dce_templates.render import docx, pdf

T = TypeVar("T")


def render(kind: Record, facts: Minutes, extension: str, now: datetime) -> bytes:
    """One record as `docx` or `pdf`; `now` (aware) is when it is made. Raises PdfError.

    Candidates choose their names: signs that no embedded font has are written as their numbers (U+6F22).
    """
    made = record(kind, _mapped(facts, _clean), now)
    if extension == "docx":
        return docx.render_docx(made, now)
    try:
        return pdf.render_pdf(made, now)
    except pdf.PdfError:
        return pdf.render_pdf(_mapped(made, _spelled), now)


def _mapped(value: T, change: Callable[[str], str]) -> T:
    """The same with every text changed."""
    if isinstance(value, str):
        return cast(T, change(value))
    if isinstance(value, tuple):
        return cast(T, tuple(_mapped(item, change) for item in value))
    if is_dataclass(value) and not isinstance(value, type):
        inside = {field.name: _mapped(getattr(value, field.name), change) for field in fields(value)}
        return cast(T, replace(value, **inside))
    return value


def _clean(text: str) -> str:
    """On one line, of signs that can be printed."""
    seen = "".join(sign if sign.isprintable() else " " for sign in unicodedata.normalize("NFC", text))
    return " ".join(seen.split(" "))


def _spelled(text: str) -> str:
    return "".join(c if c < "\u0180" or c in "–—‘’“”…€\u202f☐" else f"(U+{ord(c):04X})" for c in text)
