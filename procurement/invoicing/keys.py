"""References, numbers and names as people mistype them: the folded forms under which they are compared."""

import re
import unicodedata
from functools import lru_cache
from itertools import accumulate

_CACHE = 1 << 16
_TOKEN = 6  # a shorter part of a text is a year or a lot, not a reference
_WORD = 4
_EMPTY_WORDS = (
    "avec chez dans des dont elle entre et fait hors les leur lot lots marche marches mois par pour prestation "
    "prestations public publics sans selon ses societe son sous sur travaux une fourniture fournitures service "
    "services facture contrat sarl sasu eurl"
)
_DULL = frozenset(word.upper().rstrip("S") for word in _EMPTY_WORDS.split())


@lru_cache(_CACHE)
def fold(text: str) -> str:
    """Upper case ASCII: accents and anything that has no plain letter are dropped."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()


@lru_cache(_CACHE)
def key(text: str) -> str:
    """A reference as people mistype it: letters and digits only, upper case."""
    return re.sub(r"[^A-Z0-9]", "", fold(text))


@lru_cache(_CACHE)
def citations(text: str) -> frozenset[str]:
    """The references that a free text may hold: the whole of it, and each long part that has a figure."""
    parts = (key(part) for part in re.split(r"[\s,;:()]+", text))
    long = {part for part in parts if len(part) >= _TOKEN and any(sign.isdigit() for sign in part)}
    return frozenset({key(text)} | long) - {""}


@lru_cache(_CACHE)
def company_of(vat: str) -> str:
    """The SIREN that a French VAT number ends with, else the number itself, folded."""
    folded = key(vat)
    return folded[4:] if folded.startswith("FR") and folded[4:].isdigit() and len(folded) == 13 else folded


@lru_cache(_CACHE)
def number_key(text: str) -> str:
    """An invoice number without punctuation nor leading zeros: « F-0042 » and « F 42 » are one number."""
    return ".".join(part.lstrip("0") or "0" for part in re.findall(r"[A-Z]+|\d+", fold(text)))


@lru_cache(_CACHE)
def signs(text: str) -> str:
    """Letters and figures of any alphabet, upper case, without accents."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text).upper() if sign.isalnum())


def look_alike(one: str, other: str) -> bool:
    """True where the two differ only by letters or figures that are not plain: they may pass for each other."""
    written = signs(one), signs(other)
    if len(written[0]) != len(written[1]) or (written[0].isascii() and written[1].isascii()):
        return False
    return all(a == b or (a.isalpha() == b.isalpha() and not (a + b).isascii()) for a, b in zip(*written, strict=True))


@lru_cache(_CACHE)
def spelled(text: str) -> frozenset[str]:
    """A reference as it is written, whatever its case: the whole of a text, and each of its parts."""
    written = text.strip().casefold()
    return frozenset({written, *re.split(r"[\s,;:()]+", written)}) - {""}


def same_number(one: str, other: str) -> bool:
    """True for numbers that differ by punctuation, case, accents or leading zeros only.

    A letter of another alphabet may look like any letter, and is taken for it. « 2026-1-11 » and « 2026-11-1 » are two
    numbers: each is cut where the other is not.
    """
    if number_key(one) == number_key(other) or look_alike(one, other):
        return True
    if key(one) != key(other):
        return False
    cuts = _cuts(one), _cuts(other)
    return cuts[0] <= cuts[1] or cuts[1] <= cuts[0]


@lru_cache(_CACHE)
def _cuts(text: str) -> frozenset[int]:
    """After how many signs of its key a reference is cut by punctuation."""
    parts = [len(part) for part in re.findall(r"[A-Z0-9]+", fold(text))]
    return frozenset(accumulate(parts[:-1]))


@lru_cache(_CACHE)
def words(text: str) -> frozenset[str]:
    """The words of a name or a subject that mean something, folded, without their plural."""
    found = (word.rstrip("S") for word in re.findall(r"[A-Z]+", fold(text)) if len(word) >= _WORD)
    return frozenset(found) - _DULL
