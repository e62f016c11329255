"""Build a mirror from stock files, or merge a delta into one. Written beside, then swapped whole.

Whatever happens before the last rename – a bad file, a full disk, a kill – leaves the mirror that was there.
"""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import compress, repeat
from pathlib import Path

from siret_lookup.sirene.mirror import BadMirror, Mirror
from siret_lookup.sirene.part import Part
from siret_lookup.sirene.reading import BadStock, batches, recognise
from siret_lookup.sirene.schema import (
    CLASS,
    CLASSES,
    FORMAT,
    INDEX,
    INDEX_CLASS,
    MARKS,
    PLACES,
    SEPARATOR,
    TABLES,
    TERMS,
    UNITS,
    Stock,
)

Progress = Callable[[str, float], None]
# No journal, no waiting for the disk: an unfinished file is thrown away. What a mask replaces is overwritten.
_FAST = """
PRAGMA page_size = 16384;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA secure_delete = ON;
PRAGMA cache_size = -131072;
PRAGMA temp_store = FILE;
"""
_INDEXING = "Index des noms"


@dataclass(frozen=True, slots=True)
class Built:
    """What the new mirror holds: establishments, legal units, the day of the stock."""

    places: int
    units: int
    stock_day: date


def build(
    files: Sequence[Path],
    out: Path,
    onto: Path | None = None,
    stock_day: date | None = None,
    progress: Progress = lambda _doing, _part: None,
) -> Built:
    """Write the mirror `out` from `files`, on top of the mirror `onto` where one is given.

    A row replaces the one of the same number; a row of status N takes it away. The day of the stock is the last
    treatment that its rows tell, unless given. `progress` gets what is being done and the part done (0 to 1).
    Raises BadStock.
    """
    known = [(path, recognise(path)) for path in files]
    if onto is None and not {UNITS, PLACES} <= {stock for _, stock in known}:
        raise BadStock("Il faut les deux fichiers StockUniteLegale et StockEtablissement pour construire le miroir.")
    with _beside(out) as part:
        if onto is not None:
            _copy(onto, part)
        with closing(_connect(part)) as db:
            if onto is None:
                db.executescript(TABLES)
            days = [_load(db, path, stock, progress) for path, stock in known]
            built = _finish(db, stock_day or _day(days, db), progress)
        return built


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(_FAST)
    return db


def _copy(onto: Path, part: Path) -> None:
    try:
        with Mirror(onto):
            shutil.copyfile(onto, part)
    except BadMirror as error:
        raise BadStock(error.sentence) from None
    except OSError as error:
        raise BadStock(f"« {onto.name} » ne se lit pas : {error.strerror or 'erreur du système'}.") from None


def _load(db: sqlite3.Connection, path: Path, stock: Stock, progress: Progress) -> str:
    """Load one file; give the last day of treatment that it tells, or nothing."""
    gone: list[tuple[str]] = []
    last = [""]
    progress(path.name, 0.0)
    with _whole(db):
        for part in batches(path, stock):
            db.executemany(stock.insert, _cells(part, path, stock, gone, last))
            progress(path.name, min(part.done, 1.0))
        if gone:
            db.executemany(f"DELETE FROM {stock.table} WHERE {stock.first[0]} = ?", gone)  # noqa: S608
    return last[0][:10]


def _cells(part: Part, path: Path, stock: Stock, gone: list[tuple[str]], last: list[str]) -> Iterable[tuple[str, ...]]:
    """Rows for the table. Those of status N, not diffused at all, go to `gone`. By whole columns: rows are slow."""
    told, cells = part.columns[: stock.passed], part.columns[stock.passed :]
    numbers, inside = cells[0], {max(len(stock.kept) - 1, 0)}
    if not (
        set(map(len, numbers)) == {stock.digits}
        and all(map(str.isdigit, numbers))
        and set(map(str.count, cells[-1], repeat(SEPARATOR))) == inside
    ):
        raise BadStock(f"« {path.name} » est abîmé : une ligne n’a pas un {stock.first[0]} lisible.")
    if not told:
        return zip(*cells, strict=True)
    last[0] = max(last[0], *told[1])
    if "N" not in told[0]:
        return zip(*cells, strict=True)
    shown = [status != "N" for status in told[0]]
    gone += [(number,) for number, kept in zip(numbers, shown, strict=True) if not kept]
    return compress(zip(*cells, strict=True), shown)


def _day(days: list[str], db: sqlite3.Connection) -> date:
    before = db.execute("SELECT value FROM about WHERE key = 'stock_day'").fetchone()
    told = max([*days, before[0] if before else ""])
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise BadStock("Ces fichiers ne disent pas la date du stock : donnez-la avec --date AAAA-MM-JJ.") from None


def _finish(db: sqlite3.Connection, day: date, progress: Progress) -> Built:
    progress(_INDEXING, 0.0)
    db.executescript(INDEX)
    with _whole(db):
        for number, where in enumerate(CLASSES):
            db.execute(INDEX_CLASS.format(number=number, CLASS=CLASS, MARKS=MARKS, where=where))
            progress(_INDEXING, (number + 1) / 5)
    db.execute("INSERT INTO names(names) VALUES ('optimize')")
    progress(_INDEXING, 0.8)
    with _whole(db):
        db.execute(TERMS)
        counts = [db.execute(f"SELECT count(*) FROM {stock.table}").fetchone()[0] for stock in (PLACES, UNITS)]  # noqa: S608
        about = [("format", FORMAT), ("stock_day", day.isoformat()), ("places", counts[0]), ("units", counts[1])]
        db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", [(key, str(value)) for key, value in about])
    progress(_INDEXING, 1.0)
    return Built(counts[0], counts[1], day)


@contextmanager
def _whole(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction; after a fault nothing is rolled back: the whole file is thrown away."""
    db.execute("BEGIN")
    yield
    db.execute("END")


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A file next to `out` that takes its place at the end, once it is on the disk. One builder at a time."""
    part = out.with_name(out.name + ".part")
    try:
        with part.open("ab") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BadStock(f"Une autre construction de « {out.name} » est en cours.") from None
            held.truncate(0)
            try:
                yield part
                os.fsync(held.fileno())
                part.replace(out)
                _sync(out.parent)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise BadStock(f"« {out} » ne s’écrit pas : {error.strerror or 'erreur du système'}.") from None
    except sqlite3.Error as error:
        raise BadStock(f"« {out} » ne s’écrit pas : {error}.") from None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
