"""Two well-known distances between distributions. They are descriptions and never raise an alarm.

The Kolmogorov-Smirnov statistic is the largest distance of the distribution functions. The population stability index
(PSI) is the sum over ten bins of (share - reference share) log(share / reference share). Neither has a threshold that
holds what it says: both grow with fewer patients, a test of the first ignores the error of the reference and is
repeated with every batch, and the customary .1 and .25 of the second come from no distribution at all. Source: B.
Yurdakul (2018), Statistical Properties of Population Stability Index.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.monitoring import streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.domain.monitoring.streams import Reference

    Array = NDArray[np.float64]

_BINS = 10


@dataclass(frozen=True)
class Distance:
    """How far the distribution of a quantity is from the reference.

    Attributes:
        quantity: One of `streams.QUANTITIES`.
        kolmogorov_smirnov: The largest distance of the distribution functions, between 0 and 1.
        stability_index: The population stability index, at least 0.
    """

    quantity: str
    kolmogorov_smirnov: float
    stability_index: float


class DistanceFromReference:
    """The distances of any number of patients from the reference. Patients are counted, part by part, and not kept."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._edges = np.quantile(reference.values, np.arange(1, _BINS) / _BINS, axis=1).T
        self._ranks = np.zeros((len(streams.QUANTITIES), 2 * reference.rows + 1), dtype=np.int64)
        self._upto = np.zeros(self._edges.shape, dtype=np.int64)

    def add(self, ordered: Array, counts: NDArray[np.int64]) -> None:
        """Count patients: their 32 quantities in order, shape (32, m), and the reference's `rank_counts` of them."""
        self._ranks += counts
        for row, column in enumerate(ordered):
            self._upto[row] += np.searchsorted(column, self._edges[row], side="right")

    def distances(self) -> tuple[Distance, ...]:
        """Return the distances of the counted patients, of whom there must be one."""
        return tuple(
            Distance(name, _kolmogorov_smirnov(before, counts), _stability_index(before, edges, upto, counts.sum()))
            for name, before, counts, edges, upto in zip(
                streams.QUANTITIES, self._reference.values, self._ranks, self._edges, self._upto, strict=True
            )
        )


def _kolmogorov_smirnov(before: Array, counts: NDArray[np.int64]) -> float:
    """Return the largest distance of the distribution functions, from the reference and the number of each rank.

    Between two values of the reference its distribution function is constant, so the distance is largest at a value of
    the reference, or just below one.
    """
    below, upto = (np.searchsorted(before, before, side=side) for side in ("left", "right"))
    total = np.cumsum(counts)
    now_upto = total[below + upto]
    now_below = now_upto - counts[below + upto]
    n, m = len(before), total[-1]
    return float(max(np.abs(upto / n - now_upto / m).max(), np.abs(below / n - now_below / m).max()))


def _stability_index(before: Array, edges: Array, now_upto: NDArray[np.int64], m: int) -> float:
    shares = []
    for upto, n in ((np.searchsorted(before, edges, side="right"), len(before)), (now_upto, m)):
        counts = np.diff(upto, prepend=0, append=n)
        shares.append((counts + 0.5) / (n + 0.5 * _BINS))  # an empty bin would make the index infinite
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
