"""Columns of a table in partitions, brought together when a rule asks for them: a few at a time, never the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from wdbc_assets.domain.data import contract

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Partitions

HELD = 2**28
"""How many bytes of measurements are held. It takes twice as many for a moment to bring them together."""

# The order in which `medians_are_usual` asks for them; each pass over the table brings a few neighbours together.
_ORDER = [measurement.column(statistic) for measurement in contract.MEASUREMENTS for statistic in measurement.usual]


class HasFrame(Protocol):
    """A partition with a frame that has the 30 features among its columns."""

    @property
    def frame(self) -> pd.DataFrame:
        """The rows."""


class ColumnsOf(Mapping[str, "NDArray[np.generic]"]):
    """The columns of a table: the given ones, and those of the 30 features, float64, shape (n,)."""

    def __init__(self, partitions: Partitions[HasFrame], given: Mapping[str, NDArray[np.generic]]) -> None:
        self._partitions, self._given = partitions, given
        self._held: dict[str, NDArray[np.generic]] = {}

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        """Return a column; a measurement that is not held takes one pass over the table."""
        if name in self._given:
            return self._given[name]
        if name not in self._held and name in contract.FEATURES:
            self._held = {}  # released before others are brought together
            start, rows = _ORDER.index(name), len(self._given[contract.DIAGNOSIS])
            names = _ORDER[start : start + max(1, HELD // (8 * max(1, rows)))]
            parts = self._partitions.map(partial(_measurements, names))
            self._held = dict(zip(names, np.concatenate([np.empty((len(names), 0)), *parts], axis=1), strict=True))
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the columns."""
        yield from (*self._given, *contract.FEATURES)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._given) + len(contract.FEATURES)


def _measurements(names: list[str], part: HasFrame) -> NDArray[np.float64]:
    return np.array([part.frame[name].to_numpy(dtype=np.float64) for name in names])
