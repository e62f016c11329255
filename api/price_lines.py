"""Price lines as an officer types or pastes them, one a line ⇄ the dossier's list.

« code ; libellé ; unité ; quantité ; chapitre »: the last two may be left out. A line pasted from a spreadsheet has
tabs. What is missing or cannot be read stays as typed; the checks name the line.
"""

import csv
import re
from collections.abc import Callable, Mapping
from typing import Any

COLUMNS = {"code": "code", "label": "libellé", "unit": "unité", "quantity": "quantité", "chapter": "chapitre"}
HOW = "écrivez « code ; libellé ; unité ; quantité », chacun séparé par un point-virgule."
_EXTRA = "extra"
# A line that csv would refuse is no price.
_LONGEST = 100_000


def read_lines(text: str, number: Callable[[str], str]) -> list[dict[str, Any]]:
    """Each line as a price of the dossier; `number` reads a quantity as the form's other numbers."""
    found = []
    for line in text.splitlines():
        parts = _parts(line)
        row: dict[str, Any] = {key: part for key, part in zip(COLUMNS, parts, strict=False) if part}
        if "quantity" in row:
            row["quantity"] = number(row["quantity"])
        if extra := [part for part in parts[len(COLUMNS) :] if part]:
            row[_EXTRA] = extra
        if row:
            found.append(row)
    return found


def _parts(line: str) -> list[str]:
    if len(line) > _LONGEST:
        return [" ".join(line.split())]
    delimiter = "\t" if "\t" in line else ";"
    rows = list(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    return [" ".join(part.split()) for part in rows[0]] if rows else []


def show_lines(value: Any) -> str:
    """The dossier's prices as the form shows them."""
    if not isinstance(value, list | tuple):
        return "" if value is None else _quoted(value)
    return "\n".join(_line(row) for row in value)


def _line(row: Any) -> str:
    if not isinstance(row, Mapping):
        return _quoted(row)
    parts = [_quoted(row.get(key), decimal=key == "quantity") for key in COLUMNS]
    extra = row.get(_EXTRA, [])
    parts += [_quoted(part) for part in (extra if isinstance(extra, list) else [extra])]
    while parts and not parts[-1]:
        parts.pop()
    return " ; ".join(parts)


def _quoted(value: Any, decimal: bool = False) -> str:
    text = "" if value is None else " ".join(str(value).split())
    if decimal and re.fullmatch(r"-?[0-9]+\.[0-9]+", text):
        return text.replace(".", ",")
    return '"' + text.replace('"', '""') + '"' if ";" in text or text.startswith('"') else text


def located(path: str, sentence: str) -> str:
    """The sentence with its line and column: « Ligne 3, quantité : un nombre est attendu. »"""
    _, rank, column = (*path.split("."), "", "")[:3]
    if not rank.isdigit():
        return sentence
    if column == _EXTRA:
        return f"Ligne {int(rank) + 1} : il y a plus de cinq éléments ; {HOW}"
    where = f", {COLUMNS[column]}" if column in COLUMNS else ""
    return f"Ligne {int(rank) + 1}{where} : {sentence if where else HOW}"
