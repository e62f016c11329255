"""Stock files as they come: CSV, the same in a zip, or Parquet. Rows as text, in the order of the wanted columns."""

import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, cast

from siret_lookup.sirene import parquet
from siret_lookup.sirene.schema import SEPARATOR, STOCKS, Stock

_ROWS = 20_000
_BUFFER = 1 << 20


class BadStock(ValueError):
    """A file that cannot be used; `sentence` is one French sentence that names it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def recognise(path: Path) -> Stock:
    """Which stock file this is, by its columns. Raises BadStock."""
    with _faults(path):
        names = set(parquet.columns(path) if _is_parquet(path) else _header(path))
    missing = {stock: [column for column in stock.needed if column not in names] for stock in STOCKS}
    stock, lacking = min(missing.items(), key=lambda item: len(item[1]) / len(item[0].needed))
    if not lacking:
        return stock
    if len(lacking) > len(stock.needed) / 2:
        raise BadStock(f"« {path.name} » n’est pas un fichier du stock Sirene : ses colonnes sont autres.")
    raise BadStock(f"« {path.name} » ressemble à {stock.title}, mais il lui manque la colonne {lacking[0]}.")


def batches(path: Path, stock: Stock) -> Iterator[tuple[list[str], float]]:
    """Rows of `stock.columns`, joined by SEPARATOR, by thousands, and the part read (0 to 1). Raises BadStock."""
    with _faults(path):
        if _is_parquet(path):
            yield from parquet.batches(path, stock.columns, SEPARATOR)
        else:
            yield from _csv_batches(path, stock.columns)


def _csv_batches(path: Path, wanted: tuple[str, ...]) -> Iterator[tuple[list[str], float]]:
    with _open_csv(path) as (file, position):
        reader = csv.reader(file, strict=True)
        pick = _picker(_clean(next(reader)), wanted)
        rows = map(SEPARATOR.join, map(pick, filter(None, reader)))
        try:
            while batch := list(islice(rows, _ROWS)):
                yield batch, position()
        except IndexError:
            line = reader.line_num
            raise BadStock(
                f"« {path.name} » est tronqué ou abîmé : la ligne {line} n’a pas toutes ses colonnes."
            ) from None


def _picker(header: list[str], wanted: tuple[str, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    """A column that the file lacks is read as empty."""
    if all(column in header for column in wanted):
        pick: Callable[[list[str]], tuple[str, ...]] = itemgetter(*map(header.index, wanted))
        return pick
    places = [header.index(column) if column in header else None for column in wanted]
    return lambda row: tuple("" if place is None else row[place] for place in places)


def _header(path: Path) -> list[str]:
    with _open_csv(path) as (file, _):
        return _clean(next(csv.reader(file, strict=True), []))


def _clean(header: list[str]) -> list[str]:
    return [name.strip() for name in header]


@contextmanager
def _open_csv(path: Path) -> Iterator[tuple[IO[str], Callable[[], float]]]:
    """The text, and how far it is read."""
    if not zipfile.is_zipfile(path):
        if path.suffix.lower() == ".zip":
            raise zipfile.BadZipFile
        with path.open("rb", buffering=_BUFFER) as plain:
            size = max(path.stat().st_size, 1)
            yield io.TextIOWrapper(plain, "utf-8-sig", newline=""), lambda: plain.tell() / size
        return
    with zipfile.ZipFile(path) as archive:
        inside = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".csv")]
        if len(inside) != 1:
            raise BadStock(f"« {path.name} » doit contenir un seul fichier CSV ; il en contient {len(inside)}.")
        with archive.open(inside[0]) as packed:
            buffered = io.BufferedReader(cast(io.RawIOBase, packed), _BUFFER)
            size = max(inside[0].file_size, 1)
            yield io.TextIOWrapper(buffered, "utf-8-sig", newline=""), lambda: packed.tell() / size


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(4) != b"PAR1" and path.suffix.lower() != ".parquet":
            return False
    if not parquet.INSTALLED:
        raise BadStock(
            f"« {path.name} » est un fichier Parquet : pour le lire, installez requirements/sirene.txt, "
            "ou donnez le même fichier en CSV zippé, qui se lit sans rien de plus."
        )
    return True


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Whatever the file does wrong becomes one sentence."""
    try:
        yield
    except UnicodeDecodeError:
        raise BadStock(f"« {path.name} » n’est pas en UTF-8 : prenez le fichier « _utf8 » de l’Insee.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, parquet.Unreadable, csv.Error):
        raise BadStock(f"« {path.name} » est abîmé ou tronqué : téléchargez-le de nouveau.") from None
    except OSError as error:
        raise BadStock(f"« {path.name} » ne se lit pas : {error.strerror or 'erreur du système'}.") from None
