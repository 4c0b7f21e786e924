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


def distances(reference: Reference, quantities: Array) -> tuple[Distance, ...]:
    """Return the distances of at least one patient's 32 quantities, shape (32, m), from the reference."""
    return tuple(
        Distance(name, _kolmogorov_smirnov(before, now), _stability_index(before, now))
        for name, before, now in zip(streams.QUANTITIES, reference.values, np.sort(quantities, axis=1), strict=True)
    )


def _kolmogorov_smirnov(before: Array, now: Array) -> float:
    """Return the largest distance of the distribution functions of two sorted samples."""
    places = np.concatenate([before, now])
    shares = [np.searchsorted(sample, places, side="right") / len(sample) for sample in (before, now)]
    return float(np.abs(shares[0] - shares[1]).max())


def _stability_index(before: Array, now: Array) -> float:
    edges = np.quantile(before, np.arange(1, _BINS) / _BINS)
    shares = []
    for sample in (before, now):
        counts = np.diff(np.searchsorted(sample, edges, side="right"), prepend=0, append=len(sample))
        shares.append((counts + 0.5) / (len(sample) + 0.5 * _BINS))  # an empty bin would make the index infinite
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
