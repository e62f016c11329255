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

LONGEST = 32
BREAK = "\u200b"  # where a line may end inside a word too wide for its place
TIGHT = "\u00a0\u202f"  # spaces of French numbers and signs


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


def fit(value: Any, longest: int = LONGEST) -> Any:
    """Every word of more signs than `longest` may be cut: a name or a digest never runs off the page."""
    if isinstance(value, dict):
        return {key: fit(each, longest) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [fit(each, longest) for each in value]
    if not isinstance(value, str):
        return value
    clean = "".join(sign if sign.isprintable() or sign in TIGHT else " " for sign in value)
    return " ".join(_cut(word, longest) for word in clean.split(" "))


def _cut(word: str, longest: int) -> str:
    if len(word) <= longest:
        return word
    return BREAK.join(word[start : start + 8] for start in range(0, len(word), 8))
