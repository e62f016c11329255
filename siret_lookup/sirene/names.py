"""Search by name: whole name, then all its words, then the last one unfinished, then one typo in each word.

Each pass asks the index, filters included, for a bounded number of establishments; nothing is ranked over all the
places of a common word. The index's own order puts open head offices first. A word that no name has is the mistyped
one: the others are taken as they are, and only if no place at all is named so is every word mended.
"""

import json
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from siret_lookup.sirene.fold import COUNT, filter_mark, fold, neighbours, whole_mark
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
# Words only: enough to rank by. The rest of a row is read of those that are shown.
_SEARCH = f"""
SELECT names.rowid AS number, place.words, unit.words AS unit_words
FROM names JOIN place ON place.siret = names.rowid % {CLASS} LEFT JOIN unit ON unit.siren = place.siret / 100000
WHERE names MATCH ? AND names.rowid < ? AND replace(place.naf, '.', '') GLOB ? ORDER BY names.rowid LIMIT ?
"""  # noqa: S608
_SHOWN = f"""
SELECT asked.value AS number, place.siret, place.head, place.naf, place.kept, unit.kept AS unit_kept
FROM json_each(?) AS asked JOIN place ON place.siret = asked.value % {CLASS}
LEFT JOIN unit ON unit.siren = place.siret / 100000
"""  # noqa: S608
# Whatever the filters: they never change what a search is taken to mean.
_ANY = "SELECT 1 FROM names WHERE names MATCH ? LIMIT 1"
_KNOWN = "SELECT word, places FROM json_each(?) JOIN term ON word = value"


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
    found: dict[int, None] = {}
    if not words or wanted is None:
        return []
    for match in _passes(mirror, words, found):
        asked = (f"({match}) {wanted.match}", wanted.before, wanted.activity, size * _POOL)
        pool = sorted(mirror.rows(_SEARCH, asked), key=lambda row: _distance(row, words))
        found.update(dict.fromkeys(row["number"] for row in pool))
        if len(found) >= size:
            break
    shown = {row["number"]: _found(row) for row in mirror.rows(_SHOWN, (json.dumps([*found][:size]),))}
    return [shown[number] for number in found if number in shown]


def _passes(mirror: Mirror, words: list[str], found: Collection[int]) -> Iterator[str]:
    """What to ask of the index, one after the other; `found` tells what came of it."""
    known = {row["word"] for row in mirror.rows(_KNOWN, (json.dumps(words),))}
    each, missing = [[word] for word in words], [word for word in words if word not in known]
    if not missing:
        yield _all([*each, [whole_mark(words)]])
        yield _all(each)
    longer = _longer(mirror, words[-1])
    if longer and known.issuperset(words[:-1]):
        yield _all([*each[:-1], longer])
    close = {word: _close(mirror, word) for word in missing}
    if missing and (mended := _mended(words, close, [] if words[-1] in known else longer)):
        yield mended
        if found or mirror.rows(_ANY, (mended,)):
            return
    close |= {word: _close(mirror, word) for word in words if word not in close}
    if mended := _mended(words, close, longer):
        yield mended


def _mended(words: list[str], close: dict[str, list[str]], longer: list[str]) -> str:
    """All the words, each as one of those close to it; nothing where one has none."""
    *before, last = (close.get(word, [word]) for word in words)
    choices = [*before, [*last, *longer]]
    return _all(choices) if all(choices) else ""


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
    tried = json.dumps([*neighbours(word)])
    rows = mirror.rows(_KNOWN, (tried,))
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


def _distance(row: sqlite3.Row, words: list[str]) -> tuple[int, int, int]:
    """Words of the search that the names lack, then how many words name and signs have, then the index's order."""
    unit: list[str] = (row["unit_words"] or "").split()
    signs: list[str] = row["words"].split()
    length = next((place for place, word in enumerate(unit) if word.startswith(COUNT)), 0)
    return sum(word not in unit and word not in signs for word in words), length + len(signs), row["number"]


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
