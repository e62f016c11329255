"""Reading a mirror: one establishment by its SIRET, and what took its place."""

import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from siret_lookup.identity import Identity
from siret_lookup.outcome import Outcome
from siret_lookup.sirene.rows import (
    Fields,
    address_lines,
    city,
    masked,
    place_fields,
    postcode,
    shown,
    trade_name,
    unit_fields,
    unit_name,
)
from siret_lookup.sirene.schema import FORMAT
from siret_lookup.siret import Siret
from siret_lookup.sources.insee import ESTABLISHMENT_STATES, UNIT_STATES
from siret_lookup.words import french_day
from siret_lookup.workforce import in_words

_PERSON = "1000"
_NAF_2025 = "NAF2025"
_LOOKUP = """
SELECT place.siret, place.state, place.head, place.naf, place.kept, unit.state AS unit_state, unit.kept AS unit_kept
FROM place LEFT JOIN unit ON unit.siren = place.siret / 100000 WHERE place.siret = ?
"""


class BadMirror(ValueError):
    """The file is no mirror that this version reads; `sentence` says so in French."""

    def __init__(self, path: Path) -> None:
        self.sentence = f"« {path} » n’est pas un miroir Sirene lisible : construisez-le avec « mps sirene build »."
        super().__init__(self.sentence)


@dataclass(frozen=True, slots=True)
class Succession:
    """`siret` took the place of the establishment asked about, on an ISO day."""

    siret: str
    day: str | None
    head_office_moved: bool
    economic_continuity: bool


@dataclass(slots=True)
class _Open:
    """One thread's connection, and which file it has open."""

    db: sqlite3.Connection
    file: tuple[int, int]
    stock_day: date


class Mirror:
    """A handle for any number of threads; a file swapped in later is seen at the next question.

    Raises BadMirror where there is no file, or not a mirror.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = threading.local()
        self._check()

    @property
    def stock_day(self) -> date:
        """The day of Insee's last treatment that the copy holds."""
        return self._check().stock_day

    def rows(self, query: str, values: Iterable[object]) -> list[sqlite3.Row]:
        """What a query gives. Raises BadMirror."""
        try:
            found: list[sqlite3.Row] = self._check().db.execute(query, tuple(values)).fetchall()
        except sqlite3.DatabaseError:
            raise BadMirror(self.path) from None
        return found

    def close(self) -> None:
        """Close this thread's connection."""
        opened: _Open | None = self._threads.__dict__.pop("opened", None)
        if opened:
            opened.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _check(self) -> _Open:
        try:
            stat = self.path.stat()
        except OSError:
            raise BadMirror(self.path) from None
        file = (stat.st_ino, stat.st_mtime_ns)
        opened: _Open | None = self._threads.__dict__.get("opened")
        if opened is None or opened.file != file:
            self.close()
            opened = self._threads.opened = self._connect(file)
        return opened

    def _connect(self, file: tuple[int, int]) -> _Open:
        db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            about = dict(db.execute("SELECT key, value FROM about").fetchall())
            if about["format"] != FORMAT:
                raise BadMirror(self.path)
            return _Open(db, file, date.fromisoformat(about["stock_day"]))
        except (sqlite3.DatabaseError, KeyError, ValueError):
            db.close()
            raise BadMirror(self.path) from None


def lookup(mirror: Mirror, siret: Siret) -> Identity | None:
    """What the copy says of this establishment, or None where it does not know it. Raises BadMirror."""
    found = mirror.rows(_LOOKUP, (int(siret.value),))
    return _identity(siret, found[0], mirror.stock_day) if found else None


def successors(mirror: Mirror, siret: Siret) -> tuple[Succession, ...]:
    """What took the place of a closed establishment, the latest first. Raises BadMirror."""
    rows = mirror.rows("SELECT * FROM succession WHERE old = ? ORDER BY day DESC, new", (int(siret.value),))
    return tuple(
        Succession(f"{row['new']:014d}", row["day"] or None, row["head_office"] == "true", row["continuity"] == "true")
        for row in rows
    )


def _identity(siret: Siret, row: sqlite3.Row, day: date) -> Identity:
    unit, place = unit_fields(row["unit_kept"]), place_fields(row["kept"])
    legal_form, head_nic = shown(unit, "categorieJuridiqueUniteLegale"), shown(unit, "nicSiegeUniteLegale")
    state = ESTABLISHMENT_STATES.get(row["state"])
    workforce, year = _workforce(unit, place)
    return Identity(
        siret=siret.value,
        siren=siret.siren,
        outcome=Outcome.OBTAINED,
        fetched_at=datetime(day.year, day.month, day.day, tzinfo=UTC),
        source=f"Sirene (copie locale du {french_day(day)})",
        name=unit_name(unit),
        trade_name=trade_name(place),
        kind=_kind(legal_form),
        legal_form_code=legal_form,
        address_lines=address_lines(place),
        postcode=postcode(place),
        city=city(place),
        country=shown(place, "libellePaysEtrangerEtablissement"),
        naf=naf_pair(row["naf"], place),
        naf_2025=(code, _NAF_2025) if (code := shown(place, "activitePrincipaleNAF25Etablissement")) else None,
        establishment_state=state,
        unit_state=UNIT_STATES.get(row["unit_state"]),
        closed_on=shown(place, "dateDebut") if state == "closed" else None,
        head_office=row["head"] == "true",
        head_office_siret=f"{siret.siren}{head_nic.zfill(5)}" if head_nic else None,
        category=shown(unit, "categorieEntreprise"),
        workforce=workforce,
        workforce_year=year,
        masked=masked(unit, place),
    )


def naf_pair(code: str, place: Fields) -> tuple[str, str] | None:
    """The activity and the nomenclature it is of."""
    return (code, shown(place, "nomenclatureActivitePrincipaleEtablissement") or "") if code else None


def _workforce(unit: Fields, place: Fields) -> tuple[str | None, str | None]:
    """The establishment's bracket and its year, else the legal unit's."""
    for fields, name in ((place, "Etablissement"), (unit, "UniteLegale")):
        if bracket := in_words(fields.get(f"trancheEffectifs{name}")):
            return bracket, shown(fields, f"anneeEffectifs{name}")
    return None, None


def _kind(legal_form: str | None) -> str | None:
    if legal_form is None:
        return None
    return "natural_person" if legal_form == _PERSON else "legal_person"
