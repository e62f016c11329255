"""The readable page of an invoice: typst, its words as JSON beside the template, never read as Typst.

Only the fonts inside the wheel are used, so that bytes do not depend on the machine.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Any, cast

import typst

_INVISIBLE = "\ufeff"


class PageRefused(Exception):
    """The page cannot be drawn; `sentence` is French and shown to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@cache
def _template() -> bytes:
    return resources.files("procurement").joinpath("invoicing", "paper.typ").read_bytes()


def page(shown: Mapping[str, Any], issued_on: date) -> bytes:
    """A tagged PDF/A-3 of what is shown (words, rows of words); its only date is `issued_on`. Raises PageRefused."""
    words = json.dumps(shown, ensure_ascii=False).replace(_INVISIBLE, "").encode()
    files = {"main.typ": _template(), "invoice.json": words}
    stamp = datetime(issued_on.year, issued_on.month, issued_on.day, tzinfo=UTC)
    try:
        compiler = typst.Compiler(cast(bytes, files), ignore_system_fonts=True)
        made = compiler.compile(format="pdf", pdf_standards=["ua-1", "a-3a"], timestamp=stamp)
    except typst.TypstError as error:
        raise PageRefused(
            "La page de la facture ne peut pas être écrite : un nom ou un libellé contient un signe rare, à retirer."
        ) from error
    return bytes(cast(bytes, made))
