"""Parquet files, where `requirements/sirene.txt` is installed. The only file that knows pyarrow."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from siret_lookup.sirene.fold import COUNT
from siret_lookup.sirene.part import Part
from siret_lookup.sirene.rows import MASK, OVERSEAS, place_words, unit_words
from siret_lookup.sirene.schema import PLACES, SEPARATOR, UNITS, Stock

try:
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet
except ImportError:
    pyarrow = None

INSTALLED = pyarrow is not None
_ROWS = 20_000
# Words that `fold` would leave as they are, case aside.
_PLAIN = "^[A-Za-z0-9]+( [A-Za-z0-9]+)*$"


class Unreadable(ValueError):
    """Not a Parquet file, or a damaged one."""


def columns(path: Path) -> list[str]:
    """Names of the columns. Raises Unreadable."""
    try:
        return list(pyarrow.parquet.read_schema(path).names)
    except pyarrow.ArrowException as error:
        raise Unreadable from error


def batches(path: Path, stock: Stock) -> Iterator[Part]:
    """The file, by thousands of rows; nothing is an empty text. Raises Unreadable."""
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            present = [column for column in stock.columns if column in file.schema_arrow.names]
            total, done = max(file.metadata.num_rows, 1), 0
            for batch in file.iter_batches(_ROWS, columns=present, use_threads=False):
                done += batch.num_rows
                yield Part(_columns(batch, stock, present), done / total)
    except pyarrow.ArrowException as error:
        raise Unreadable from error


def _columns(batch: "pyarrow.RecordBatch", stock: Stock, present: list[str]) -> list[Sequence[str]]:
    cut = len(stock.columns) - len(stock.kept)
    nothing = pyarrow.repeat("", batch.num_rows)
    cells = [batch.column(c).cast(pyarrow.string()) if c in present else nothing for c in stock.columns]
    first = [pyarrow.compute.fill_null(cell, "").to_pylist() for cell in cells[:cut]]
    kept = [_joined(cells[cut:], SEPARATOR).to_pylist()] if stock.kept else []
    return [*first, *_made(stock, cells[cut : cut + stock.named]), *kept]


def _made(stock: Stock, cells: "list[pyarrow.StringArray]") -> list[list[str]]:
    """As `rows.made`, by whole columns: it is called for each row of the stock, and rows are slow."""
    if stock is PLACES:
        return [_areas(*cells[:2]), [place_words(signs) for signs in _joined(cells[2:], " ").to_pylist()]]
    return [_unit_words(cells)] if stock is UNITS else []


def _unit_words(cells: "list[pyarrow.StringArray]") -> list[str]:
    """A plain name, alone, is made here; the others are left to `rows.py`."""
    company, last, used, first, born_first, pseudonym = map(_said, cells[:6])
    pc = pyarrow.compute
    last = pc.coalesce(used, last)
    person = pc.binary_join_element_wise(pc.coalesce(first, born_first), last, " ")
    name = pc.coalesce(company, person, last, pseudonym, "")
    plain = pc.and_(pc.match_substring_regex(name, _PLAIN), pc.equal(_joined(cells[6:], ""), ""))
    name, spaces = pc.ascii_lower(name), pc.count_substring(name, " ")
    count = pc.add(spaces, 1).cast(pyarrow.string())
    alone = pc.if_else(pc.equal(spaces, 0), name, "")
    words = pc.binary_join_element_wise(name, pc.binary_join_element_wise(count, alone, ""), f" {COUNT}")
    other = pc.invert(plain)
    rest = (pc.fill_null(cell.filter(other), "").to_pylist() for cell in cells)
    made = pyarrow.array(map(unit_words, *rest), pyarrow.string())
    return pc.replace_with_mask(words, other, made).to_pylist()  # type: ignore[no-any-return]


def _areas(commune: "pyarrow.StringArray", postcode: "pyarrow.StringArray") -> list[str]:
    pc = pyarrow.compute
    code = pc.coalesce(_said(commune), _said(postcode), "")
    short, long = (pc.utf8_slice_codeunits(code, 0, length) for length in (2, 3))
    return pc.if_else(pc.greater_equal(code, OVERSEAS), long, short).to_pylist()  # type: ignore[no-any-return]


def _said(cell: "pyarrow.StringArray") -> "pyarrow.StringArray":
    """Null where nothing is said, or where it is masked."""
    return pyarrow.compute.if_else(pyarrow.compute.is_in(cell, value_set=pyarrow.array(["", MASK])), None, cell)


def _joined(cells: "list[pyarrow.StringArray]", separator: str) -> "pyarrow.StringArray":
    return pyarrow.compute.binary_join_element_wise(*cells, separator, null_handling="replace", null_replacement="")
