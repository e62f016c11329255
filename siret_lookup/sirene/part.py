"""A few thousand rows of a stock file, column by column."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Columns: status and day of treatment (where the stock has them), then the cells of the table in their order.

    `done` is how much of the file is read, 0 to 1.
    """

    columns: list[Sequence[str]]
    done: float
