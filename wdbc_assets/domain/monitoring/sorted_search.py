"""A search in few sorted values that is several times faster than a binary search, and as exact.

A grid divides the range of the values into cells. For each cell a table has the number of values in earlier cells, so
that only the values of one cell, mostly none or one, remain to be compared. The cell of a number is computed with
rounding, but rounding keeps the order: a number in an earlier cell than a value is smaller, in a later cell larger.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_CELLS = 2**15  # a table of this size stays in the processor's cache
_FLATTEST, _STEEPEST = 1e-300, 1e300  # 0 times infinity would be NaN


class SortedSearch:
    """The place of any number among sorted values.

    Attributes:
        distinct: The values, each once.
    """

    def __init__(self, distinct: Array) -> None:
        """Prepare the search in at least one value, in ascending order, without repetitions."""
        self.distinct = distinct
        finite = distinct[np.isfinite(distinct)]
        self._least = float(finite[0]) if len(finite) else 0.0
        span = float(finite[-1]) - self._least if len(finite) else 0.0
        self._scale = min(max(_CELLS / span, _FLATTEST), _STEEPEST) if span else 1.0
        cells = self._cells(distinct)
        self._before = np.searchsorted(cells, np.arange(_CELLS)).astype(np.int32)
        self._most = int(np.bincount(cells).max())
        self._padded = np.append(distinct, np.nan)  # neither below nor equal to anything

    def find(self, numbers: Array) -> NDArray[np.int32]:
        """Return 2 k + 1 for a number that equals value k, and 2 k for one between the values k - 1 and k.

        No number may be NaN; infinite ones are allowed.
        """
        below = self._before.take(self._cells(numbers))
        for _ in range(self._most):
            below += self._padded.take(below) < numbers
        found: NDArray[np.int32] = 2 * below + (self._padded.take(below) == numbers)
        return found

    def _cells(self, numbers: Array) -> NDArray[np.int32]:
        with np.errstate(over="ignore"):
            scaled = (numbers - self._least) * self._scale
        np.clip(scaled, 0, _CELLS - 1, out=scaled)
        cells: NDArray[np.int32] = scaled.astype(np.int32)
        return cells
