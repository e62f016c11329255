"""Parquet files, where `requirements/sirene.txt` is installed. The only file that knows pyarrow."""

from collections.abc import Iterator
from pathlib import Path

try:
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet
except ImportError:
    pyarrow = None

INSTALLED = pyarrow is not None
_ROWS = 20_000


class Unreadable(ValueError):
    """Not a Parquet file, or a damaged one."""


def columns(path: Path) -> list[str]:
    """Names of the columns. Raises Unreadable."""
    try:
        return list(pyarrow.parquet.read_schema(path).names)
    except pyarrow.ArrowException as error:
        raise Unreadable from error


def batches(path: Path, wanted: tuple[str, ...], separator: str) -> Iterator[tuple[list[str], float]]:
    """Rows of these columns, joined, empty where there is nothing, and the part done. Raises Unreadable."""
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            present = [column for column in wanted if column in file.schema_arrow.names]
            total, done = max(file.metadata.num_rows, 1), 0
            for batch in file.iter_batches(_ROWS, columns=present):
                done += batch.num_rows
                cells = [batch.column(c).cast(pyarrow.string()) if c in present else "" for c in wanted]
                joined = pyarrow.compute.binary_join_element_wise(
                    *cells, separator, null_handling="replace", null_replacement=""
                )
                yield joined.to_pylist(), done / total
    except pyarrow.ArrowException as error:
        raise Unreadable from error
