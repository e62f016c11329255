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
from siret_lookup.sirene.part import Part
from siret_lookup.sirene.rows import made
from siret_lookup.sirene.schema import SEPARATOR, STOCKS, Stock

# Few: what is read stays in the processor’s cache, which makes it twice as quick.
_ROWS = 100
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


def batches(path: Path, stock: Stock) -> Iterator[Part]:
    """The file, by thousands of rows. Raises BadStock."""
    with _faults(path):
        yield from parquet.batches(path, stock) if _is_parquet(path) else _csv_batches(path, stock)


def _csv_batches(path: Path, stock: Stock) -> Iterator[Part]:
    cut = len(stock.columns) - len(stock.kept)
    with _open_csv(path) as (file, position):
        reader = csv.reader(file, strict=True)
        header = _clean(next(reader))
        rows = filter(None, reader)
        first = _picker(header, stock.columns[: cut + stock.named])
        keep = _picker(header, stock.kept) if stock.kept else None
        while batch := list(islice(rows, _ROWS)):
            try:
                columns = list(zip(*map(first, batch), strict=True))
                kept = [list(map(SEPARATOR.join, map(keep, batch)))] if keep else []
            except IndexError:
                raise _short(path, header, stock) from None
            yield Part([*columns[:cut], *made(stock, columns[cut:]), *kept], position())


def _short(path: Path, header: list[str], stock: Stock) -> BadStock:
    """The first line that lacks a column: it is looked for afterwards, as counting lines has its price."""
    width = max(place for place, name in enumerate(header) if name in stock.columns)
    with _open_csv(path) as (file, _):
        reader = csv.reader(file, strict=True)
        line = next((reader.line_num for row in reader if 0 < len(row) <= width), 0)
    return BadStock(f"« {path.name} » est tronqué ou abîmé : la ligne {line} n’a pas toutes ses colonnes.")


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
