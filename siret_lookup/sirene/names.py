"""Search by name: whole name, then all its words, then the last one unfinished, then one typo in each word.

Each pass asks the index, filters included, for a bounded number of establishments; nothing is ranked over all the
places of a common word. The index's own order puts open head offices first.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from siret_lookup.sirene.fold import count_mark, filter_mark, fold, neighbours
from siret_lookup.sirene.mirror import Mirror, naf_pair
from siret_lookup.sirene.rows import (
    city,
    department,
    masked,
    place_fields,
    postcode,
    trade_name,
    unit_fields,
    unit_name,
)
from siret_lookup.sirene.schema import CLASS, OPEN_BEFORE

_WORDS = 12
# A shorter word is taken as it is: one typo away from it lies almost everything.
_TYPO_LETTERS = 4
_PREFIX_LETTERS = 3
_PREFIX_SCANNED = 2_000
_ALTERNATIVES = 40
_POOL = 4
_SEARCH = f"""
SELECT names.rowid AS number, place.siret, place.head, place.naf, place.kept, unit.kept AS unit_kept
FROM names JOIN place ON place.siret = names.rowid % {CLASS} LEFT JOIN unit ON unit.siren = place.siret / 100000
WHERE names MATCH ? AND names.rowid < ? AND replace(place.naf, '.', '') GLOB ? ORDER BY names.rowid LIMIT ?
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Found:
    """One establishment. `naf` is (code, nomenclature); `masked` names what is not diffused, as in Identity.

    `open`: neither the establishment nor its legal unit is closed.
    """

    siret: str
    siren: str
    name: str | None
    trade_name: str | None
    postcode: str | None
    city: str | None
    department: str | None
    naf: tuple[str, str] | None
    open: bool
    head_office: bool
    masked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Filter:
    """`match` is for the index, `activity` (a pattern of NAF code without its dot) for the rows it gives."""

    match: str
    activity: str
    before: int


def search(
    mirror: Mirror,
    text: str,
    department: str | None = None,
    activity: str | None = None,
    open_only: bool = True,
    size: int = 20,
) -> list[Found]:
    """The establishments that a name means, best first, `size` at most.

    `department` is `69`, `2A`, `971`; `activity` the beginning of a NAF code in force in the register (`62`, `62.01Z`).
    Accents and case do not count, one typo per word of four letters or more does not either. Raises BadMirror.
    """
    words = fold(text).split()[:_WORDS]
    wanted = _filter(department, activity, open_only)
    found: dict[str, Found] = {}
    if not words or wanted is None:
        return []
    for match in _passes(mirror, words):
        asked = (f"({match}) {wanted.match}", wanted.before, wanted.activity, size * _POOL)
        pool = [(_found(row), row["number"]) for row in mirror.rows(_SEARCH, asked)]
        for one, _ in sorted(pool, key=lambda item: _distance(item[0], item[1], words)):
            found.setdefault(one.siret, one)
        if len(found) >= size:
            break
    return list(found.values())[:size]


def _passes(mirror: Mirror, words: list[str]) -> Iterator[str]:
    each = [[word] for word in words]
    yield _all([*each, [count_mark(len(words))]])
    yield _all(each)
    *before, last = words
    longer = _longer(mirror, last)
    if longer:
        yield _all([*([word] for word in before), longer])
    close = [_close(mirror, word) for word in words]
    close[-1] += longer
    if all(close):
        yield _all(close)


def _longer(mirror: Mirror, word: str) -> list[str]:
    """The commonest words that begin so."""
    if len(word) < _PREFIX_LETTERS:
        return []
    query = "SELECT word, places FROM term WHERE word >= ? AND word < ? LIMIT ?"
    return _commonest(mirror.rows(query, (word, word + "\U0010ffff", _PREFIX_SCANNED)))


def _close(mirror: Mirror, word: str) -> list[str]:
    """The word itself and the commonest ones at one typo, if the index has them."""
    if len(word) < _TYPO_LETTERS:
        return [word]
    tried = json.dumps([*{word, *neighbours(word)}])
    rows = mirror.rows("SELECT word, places FROM json_each(?) JOIN term ON word = value", (tried,))
    itself = [word] if any(row["word"] == word for row in rows) else []
    return [*itself, *(other for other in _commonest(rows) if other != word)]


def _commonest(rows: Iterable[sqlite3.Row]) -> list[str]:
    return [row["word"] for row in sorted(rows, key=lambda row: (-row["places"], row["word"]))[:_ALTERNATIVES]]


def _all(choices: list[list[str]]) -> str:
    return " AND ".join(f"({_either(words)})" for words in choices)


def _either(words: Iterable[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)


def _filter(department: str | None, activity: str | None, open_only: bool) -> _Filter | None:
    """None where no establishment can be inside."""
    area, code = ((text or "").strip().replace(".", "").upper() for text in (department, activity))
    if not re.fullmatch(r"[0-9AB]{0,3}", area) or not re.fullmatch(r"[0-9]{0,2}|[0-9]{3,4}[A-Z]?", code):
        return None
    divisions = [code[:2]] if len(code) != 1 else [f"{code}{i}" for i in range(10)]
    match = f"AND ({_either(filter_mark(area, one) for one in divisions)})" if area or code else ""
    return _Filter(match, f"{code}*", OPEN_BEFORE if open_only else 3 * CLASS)


def _distance(one: Found, number: int, words: list[str]) -> tuple[int, int, int]:
    """Words of the search that the names lack, then how many words they have, then the index's order."""
    names = set(fold(f"{one.name or ''} {one.trade_name or ''}").split())
    return sum(word not in names for word in words), len(names), number


def _found(row: sqlite3.Row) -> Found:
    siret = f"{row['siret']:014d}"
    unit, place = unit_fields(row["unit_kept"]), place_fields(row["kept"])
    return Found(
        siret=siret,
        siren=siret[:9],
        name=unit_name(unit),
        trade_name=trade_name(place),
        postcode=postcode(place),
        city=city(place),
        department=department(place),
        naf=naf_pair(row["naf"], place),
        open=row["number"] < OPEN_BEFORE,
        head_office=row["head"] == "true",
        masked=masked(unit, place),
    )
