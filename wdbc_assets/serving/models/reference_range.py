"""The reference range of a model: the values of each measurement that are typical of its training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.modeling import smoke_test

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.store.bundle_loader import Served

    Array = NDArray[np.float64]

# The central 95 % interval of the training set is extended on both sides by its width times this factor.
_MARGIN = 1.0


@dataclass(frozen=True, eq=False)
class ReferenceRange:
    """Lower and upper limit of each measurement, arrays of shape (30,)."""

    low: Array
    high: Array
    names: NDArray[np.str_]

    @classmethod
    def from_bundle(cls, served: Served) -> ReferenceRange:
        """Compute the range from the quantiles stored in a bundle."""
        quantiles = smoke_test.quantiles(served.reference.quantiles)
        low, high = quantiles[0], quantiles[-1]
        margin = _MARGIN * (high - low)
        return cls(low - margin, high + margin, np.array(served.features))

    def outside(self, X: Array) -> list[list[str]]:
        """Return for each row of X the names of the measurements outside the range."""
        outside = (self.low > X) | (self.high < X)
        if not outside.any():
            return [[] for _ in X]
        return [self.names[row].tolist() for row in outside]
