"""A batch of rows from a file to score: their measurements as one matrix, and the rows that cannot be parsed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wdbc_assets.domain.data import contract

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH_RULE = "row_has_every_column"
"""Violated by a row with more or fewer cells than columns."""
TEXT_RULE = "row_is_utf_8_text"
"""Violated by a row whose id or measurements are not valid UTF-8."""
QUOTES_RULE = "row_has_quotation_marks_in_place"
"""Violated by a row with an unclosed quote, a quote inside an unquoted cell, or text after a closing quote."""


@dataclass(frozen=True)
class MalformedRow:
    """A row that cannot be parsed into measurements; `content` describes what it has instead."""

    row: int
    content: str
    rule: str = WIDTH_RULE


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    `X` has the measurements, shape (n, 30), in column-major order, NaN where a cell is not a number. `ids` are as in
    the file, or None if it has none. `numbers` are the row numbers: the line of a CSV file, else the position starting
    at 1. `text(position, column)` returns the original text of a cell.
    """

    X: "NDArray[np.float64]"
    ids: pa.Array | None
    numbers: Sequence[int]
    malformed: tuple[MalformedRow, ...]
    text: Callable[[int, str], str]

    @property
    def rows(self) -> int:
        """The number of rows, including malformed ones."""
        return len(self.numbers) + len(self.malformed)

    def number(self, position: int) -> int:
        """Return the row number in the file of a row of `X`."""
        return self.numbers[position]


def matrix(columns: Callable[[str], "NDArray[np.float64]"], n: int) -> "NDArray[np.float64]":
    """Return the measurements as one matrix in column-major order. Infinite values become NaN."""
    X = np.empty((len(contract.FEATURES), n))
    for index, name in enumerate(contract.FEATURES):
        X[index] = columns(name)
        finite = np.isfinite(X[index])
        if not finite.all():
            X[index, ~finite] = np.nan
    return X.T
