"""A JSON file of unknown origin: what Python would let through without a word is told or refused."""

import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from jsonschema import Draft202012Validator, validators  # type: ignore[import-untyped]

# Of a number that anything may be compared with.
MOST_DIGITS = 40
_BLANK = "\ufeff \t\r\n"
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_HALF_SIGN = (
    "Ce fichier contient la moitié d’un caractère (« \\ud800 » ou semblable, seul) : aucun logiciel ne peut l’écrire. "
    "Retirez-la du texte où elle figure."
)


class JsonRefused(Exception):
    """The file is not taken; `sentence` is French and shown to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def looks_like_xml(content: bytes) -> bool:
    """The first sign is « < », in any encoding that JSON or XML may have."""
    head = content[:400]
    return head.decode(json.detect_encoding(head), "ignore").lstrip(_BLANK).startswith("<")


def load_json(content: bytes) -> tuple[Any, list[str]]:
    """The document, numbers with a point as Decimal, and the names that stand twice in one object.

    A number too large to count with stays text, which a schema refuses by its name. Raises JsonRefused.
    """
    twice: list[str] = []
    try:
        text = content.decode(json.detect_encoding(content)).lstrip(_BLANK)
        document = json.loads(
            text,
            parse_int=partial(_number, int),
            parse_float=partial(_number, Decimal),
            parse_constant=_no_constant,
            object_pairs_hook=partial(_once, twice),
        )
        halved = _HALF.search(text) is not None and _has_half_signs(document)
    except (ValueError, RecursionError) as error:
        raise JsonRefused(_why(error)) from error
    if halved:
        raise JsonRefused(_HALF_SIGN)
    return document, twice


def _why(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    where = f" (ligne {line})" if line else ""
    control = "control character" in str(error)
    why = " : il a un caractère de contrôle ou une fin de ligne dans un texte" if control else ""
    return f"Ce fichier n’est ni un JSON, ni un XML bien formé{where}{why}."


def _number(kind: Callable[[str], int | Decimal], text: str) -> int | Decimal | str:
    exact = Decimal(text) if len(text) <= MOST_DIGITS else None
    return text if exact is None or abs(exact.adjusted()) > MOST_DIGITS else kind(text)


def _once(twice: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice += [name for name, count in counts.items() if count > 1 and name not in twice]
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _has_half_signs(document: Any) -> bool:
    """Half of a pair of UTF-16 is no character: no XML and no database takes it."""
    try:
        json.dumps(document, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_whole(checker: Any, value: object) -> bool:
    """12.0 is an integer of JSON Schema; numbers with a point are Decimal here."""
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


Validator = validators.extend(
    Draft202012Validator, type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole)
)
