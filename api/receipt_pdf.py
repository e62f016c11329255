"""The receipt as PDF/UA-1, made in a worker process (api/isolate.py), the only place of api that loads typst.

Only the fonts inside typst's wheel are used: bytes depend on no machine.
"""

import json
import unicodedata
from dataclasses import asdict
from datetime import datetime
from functools import cache
from importlib import resources
from typing import cast

import typst

from api.receipt import Receipt


class ReceiptError(RuntimeError):
    """The receipt could not be made; `str()` is one French sentence."""


@cache
def _template() -> bytes:
    return resources.files("api").joinpath("templates", "candidacies", "receipt.typ").read_bytes()


def render(receipt: Receipt, now: datetime) -> bytes:
    """A tagged PDF/UA-1; `now` (aware) is the deposit's instant. Raises ReceiptError.

    A file's name may hold signs that no embedded font has: they are then written as their numbers (U+6F22).
    """
    data = unicodedata.normalize("NFC", json.dumps(asdict(receipt), ensure_ascii=False))
    try:
        return _compile(data, now)
    except typst.TypstError:
        pass
    try:
        return _compile("".join(c if _plain(c) else f"(U+{ord(c):04X})" for c in data), now)
    except typst.TypstError as error:
        raise ReceiptError("Le récépissé n’a pas pu être produit.") from error


def _plain(sign: str) -> bool:
    return sign < "\u0180" or sign in "–—‘’“”…€\u202f"


def _compile(data: str, now: datetime) -> bytes:
    files = {"main.typ": _template(), "receipt.json": data.encode()}
    compiler = typst.Compiler(cast(bytes, files), ignore_system_fonts=True)
    stamp = now.replace(microsecond=0)
    return cast(bytes, compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=stamp))
