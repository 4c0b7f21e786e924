"""A piece of a file to score: some rows, their measurements as one matrix, and the rows that could not be laid out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wdbc_assets.domain.data import contract

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH_RULE = "row_has_every_column"
"""What a row breaks that has more or fewer cells than there are columns."""
TEXT_RULE = "row_is_utf_8_text"
"""What a row breaks whose id or measurements are no text in UTF-8."""
QUOTES_RULE = "row_has_quotation_marks_in_place"
"""What a row breaks that has a quotation mark inside a cell without them, behind one, or not closed."""


@dataclass(frozen=True)
class Torn:
    """A row that has no measurements to judge; `found` says what it has instead."""

    row: int
    found: str
    rule: str = WIDTH_RULE


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    `X` has the measurements, shape (n, 30), column by column in memory, NaN where there is no number. `ids` are as
    given, or None if the file has none. `numbers` are the rows' numbers: the line in a text, else the position from 1.
    `text(position, column)` returns a cell as it stands in the file.
    """

    X: "NDArray[np.float64]"
    ids: pa.Array | None
    numbers: Sequence[int]
    torn: tuple[Torn, ...]
    text: Callable[[int, str], str]

    @property
    def rows(self) -> int:
        """Return how many rows of the file this is."""
        return len(self.numbers) + len(self.torn)

    def number(self, position: int) -> int:
        """Return the number in the file of a row of `X`."""
        return self.numbers[position]


def matrix(columns: Callable[[str], "NDArray[np.float64]"], n: int) -> "NDArray[np.float64]":
    """Return the measurements as one matrix, each column of it in one piece of memory; an infinity is no number."""
    X = np.empty((len(contract.FEATURES), n))
    for place, name in enumerate(contract.FEATURES):
        X[place] = columns(name)
        finite = np.isfinite(X[place])
        if not finite.all():
            X[place, ~finite] = np.nan
    return X.T
