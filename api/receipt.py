"""The receipt of a deposit: five legal items (arrêté of 22 March 2019, ECOM1831552A, art. 2-II), as PDF/UA-1.

Runs in a worker process (api/isolate.py). Only the fonts inside typst's wheel are used: bytes depend on no machine.
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, cast

import typst

NOTE = (
    "Récépissé établi selon l’article 2-II de l’arrêté du 22 mars 2019 (ECOM1831552A) : déposant, acheteur, intitulé et "
    "objet, date et heure, liste des documents. Chaque empreinte se recalcule sur votre fichier ; si elle est la même, "
    "c’est bien ce fichier qui a été reçu. Les fichiers sont scellés jusqu’à l’ouverture des plis."
)
KINDS = {"candidacy": "Candidature", "offer": "Offre"}


class ReceiptError(RuntimeError):
    """The receipt could not be made; `str()` is one French sentence."""


@dataclass(frozen=True)
class ReceiptFile:
    """One received document; sha256 and size (bytes) are of the clear file."""

    number: str
    kind: str
    name: str
    size: str
    sha256: str
    received_at: str


@dataclass(frozen=True)
class Receipt:
    """What the paper says, in words; lists are (label, value)."""

    title: str
    reference: str
    buyer: str
    offer: str
    depositor: list[tuple[str, str]]
    consultation: list[tuple[str, str]]
    time: list[tuple[str, str]]
    files: list[ReceiptFile]
    snapshot_sha256: str
    note: str = NOTE


def offer_sentence(snapshot: Mapping[str, Any], offers_here: bool, elsewhere: str) -> str:
    """In so many words: the OFFER is, or is not, received here."""
    files = sum(1 for f in snapshot["files"] if f["kind"] == "offer")
    if files:
        amount = ", et son montant" if snapshot["amount_sealed"] else ""
        return f"L’OFFRE EST REÇUE ICI : {files} fichier{'s' if files > 1 else ''} d’offre{amount}."
    if not offers_here:
        return f"L’OFFRE N’EST PAS REÇUE ICI : elle se dépose à cette adresse : {elsewhere}"
    if snapshot["amount_sealed"]:
        return "L’OFFRE N’EST PAS REÇUE ICI EN ENTIER : un montant est déposé, mais aucun fichier d’offre."
    return "L’OFFRE N’EST PAS REÇUE ICI : seule la candidature est déposée."


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
