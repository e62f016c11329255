"""Typst to PDF/UA-1 and PDF/A-2a, in a worker process (api/isolate.py): the only place of api that loads typst.

Only the fonts inside typst's wheel are used: bytes depend on no machine. Data are inert: none of it is read as Typst.
"""

import json
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, cast

import typst


class PaperError(RuntimeError):
    """The paper could not be made; `str()` is one French sentence."""


@cache
def _template(name: str) -> bytes:
    return resources.files("api").joinpath("templates", *name.split("/")).read_bytes()


def render(template: str, data: Mapping[str, Any], now: datetime) -> bytes:
    """`templates/<template>`, which reads data.json, tagged; `now` (aware) is its date. Raises PaperError.

    A text may hold signs that no embedded font has: they are then written as their numbers (U+6F22).
    """
    text = unicodedata.normalize("NFC", json.dumps(data, ensure_ascii=False))
    try:
        return _compile(template, text, now)
    except typst.TypstError:
        pass
    try:
        return _compile(template, "".join(c if _plain(c) else f"(U+{ord(c):04X})" for c in text), now)
    except typst.TypstError as error:
        raise PaperError("Ce document n’a pas pu être produit.") from error


def _plain(sign: str) -> bool:
    return sign < "\u0180" or sign in "–—‘’“”…€\u202f\u200b"


def _compile(template: str, data: str, now: datetime) -> bytes:
    files = {"main.typ": _template(template), "data.json": data.encode()}
    compiler = typst.Compiler(cast(bytes, files), ignore_system_fonts=True)
    stamp = now.replace(microsecond=0)
    return cast(bytes, compiler.compile(format="pdf", pdf_standards=["ua-1", "a-2a"], timestamp=stamp))
