"""What is usual for a model's measurements, by the reference of its training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.modeling import smoke_test

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.store.bundle_loader import Served

    Array = NDArray[np.float64]

# How far beyond the middle 95 % of the training part a measurement is usual: as far again as that part is wide.
_WIDTHS_BEYOND = 1.0


@dataclass(frozen=True, eq=False)
class Usual:
    """From where to where each measurement is like those of the training part; arrays of shape (30,)."""

    low: Array
    high: Array
    names: NDArray[np.str_]

    @classmethod
    def of(cls, served: Served) -> Usual:
        """Take it from a bundle's reference."""
        quantiles = smoke_test.quantiles(served.reference)
        low, high = quantiles[0], quantiles[-1]
        beyond = _WIDTHS_BEYOND * (high - low)
        return cls(low - beyond, high + beyond, np.array(served.features))

    def outside(self, X: Array) -> list[list[str]]:
        """Name for each row of X the measurements that are not like those of the training part."""
        beyond = (self.low > X) | (self.high < X)
        if not beyond.any():
            return [[] for _ in X]
        return [self.names[row].tolist() for row in beyond]
