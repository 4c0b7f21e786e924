"""The bootstrap-t interval of a mean loss, on the log scale: for the Brier score and the log-loss.

Few patients carry most of a loss, so its mean is skewed, and percentiles of the bootstrap cover its true value too
rarely. In a bootstrap-t, each resample is divided by its own standard error. This module imports numpy, so callers
import it inside functions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain import defaults
from wdbc_assets.domain.evaluation.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

NO_LOSS = "the mean is 0, which has no logarithm"
NO_SPREAD = "the loss is the same for every patient of a class"
FEW_LOSSES = "too few patients have different losses"
_CELLS_PER_BLOCK = 1_000_000  # of the matrix of resamples x rows: at most 8 MB for each of a few matrices
_ROUNDING = 1e-12  # a variance below this share of the mean square is 0, except for rounding


def mean_losses(
    y: NDArray[np.int64],
    losses: Mapping[str, NDArray[np.float64]],
    *,
    largest: Mapping[str, float],
    bootstrap: int,
    seed: int,
    confidence: float = defaults.CONFIDENCE,
) -> dict[str, Interval]:
    """Return the mean of each kind of loss with its interval, or without one and with the reason.

    The statistic is t = (log(mean*) - log(mean)) / se(log(mean*)), where * marks a resample and se is the delta
    method's. The resamples keep the number of patients of each class, and so do the standard errors. Its order
    statistics floor((bootstrap + 1) tail) from either end give the bounds, with nothing interpolated.

    Args:
        y: the diagnoses, 1 = malignant, shape (n_rows,).
        losses: each patient's loss, at least 0, shape (n_rows,).
        largest: the largest possible loss of a patient, which no bound exceeds.
        bootstrap: the number of resamples.
        seed: their random seed.
        confidence: the coverage.

    Source: B. Efron (1981), Can. J. Stat. 9:139-158; A. C. Davison, D. V. Hinkley (1997), Bootstrap Methods and their
    Application, sections 3.2 (several samples) and 5.2 (studentized bootstrap, transformed).
    """
    samples = {name: _Sample(y, row_losses) for name, row_losses in losses.items()}
    drawn: dict[str, list[NDArray[np.float64]]] = {name: [] for name in losses}
    for weights in resamples(y, bootstrap=bootstrap, seed=seed):
        for name, sample in samples.items():
            drawn[name].append(sample.studentized(weights))
    rank = max(1, math.floor((bootstrap + 1) * (1 - confidence) / 2))
    return {
        name: sample.interval(np.sort(np.concatenate(drawn[name])), rank, largest[name])
        for name, sample in samples.items()
    }


def resamples(y: NDArray[np.int64], *, bootstrap: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each row is drawn with replacement within its class, shape (at most bootstrap, n_rows)."""
    generators = np.random.default_rng(seed).spawn(2)
    members = [np.flatnonzero(y == value) for value in (0, 1)]
    block = max(1, _CELLS_PER_BLOCK // len(y))
    for start in range(0, bootstrap, block):
        count = min(block, bootstrap - start)
        weights = np.zeros((count, len(y)))
        for generator, rows in zip(generators, members, strict=True):
            drawn = generator.integers(len(rows), size=(count, len(rows)))
            cells = drawn + len(rows) * np.arange(count)[:, None]
            weights[:, rows] = np.bincount(cells.ravel(), minlength=count * len(rows)).reshape(count, len(rows))
        yield weights


class _Sample:
    """The losses of both classes, centred, with the mean of all."""

    def __init__(self, y: NDArray[np.int64], losses: NDArray[np.float64]) -> None:
        self._rows = [np.flatnonzero(y == value) for value in (0, 1)]
        self._mean = float(losses.mean())
        self._centred = [_centred(losses[rows]) for rows in self._rows]
        self._mean_squares = [float((centred**2).mean()) for centred in self._centred]
        self._share = [len(rows) / len(y) for rows in self._rows]
        self._se = math.sqrt(sum(map(_variance_of_mean, self._share, self._mean_squares, map(len, self._rows))))

    def studentized(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return t for each row of weights; infinite if a resample has no spread but another mean."""
        mean, variance = np.full(len(weights), self._mean), np.zeros(len(weights))
        for rows, centred, mean_square, share in zip(
            self._rows, self._centred, self._mean_squares, self._share, strict=True
        ):
            times = weights[:, rows]
            shift = _sums(times, centred) / len(rows)
            spread = _sums(times, centred**2) / len(rows) - shift**2
            mean += share * shift
            variance += _variance_of_mean(share, 1.0, len(rows)) * np.where(
                spread > _ROUNDING * mean_square, spread, 0.0
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            t: NDArray[np.float64] = np.log(mean / self._mean) * mean / np.sqrt(variance)
        t[np.isnan(t)] = 0.0  # neither spread nor another mean
        t[mean <= _ROUNDING * self._mean] = -math.inf
        return t

    def interval(self, studentized: NDArray[np.float64], rank: int, largest: float) -> Interval:
        """Return the mean with its interval, from the sorted statistics of the resamples."""
        if self._mean == 0 or self._se == 0:
            reason = NO_LOSS if self._mean == 0 else NO_SPREAD
            return Interval(value=self._mean, low=None, high=None, method="bootstrap_t", reason=reason)
        lower, upper = float(studentized[rank - 1]), float(studentized[-rank])
        if not (math.isfinite(lower) and math.isfinite(upper)):
            return Interval(value=self._mean, low=None, high=None, method="bootstrap_t", reason=FEW_LOSSES)
        middle, se = math.log(self._mean), self._se / self._mean
        low, high = (min(middle - t * se, math.log(largest)) for t in (upper, lower))
        return Interval(value=self._mean, low=math.exp(low), high=math.exp(high), method="bootstrap_t")


def _centred(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the differences from the mean; exactly 0 for equal losses, whose mean is subject to rounding."""
    centred: NDArray[np.float64] = losses - (losses[0] if np.ptp(losses) == 0 else losses.mean())
    return centred


def _variance_of_mean(share: float, variance: float, rows: int) -> float:
    """Return what a class adds to the variance of the mean of all rows."""
    return share**2 * variance / rows


def _sums(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weighted sums without BLAS, whose last bits depend on the number of threads."""
    sums: NDArray[np.float64] = np.einsum("ij,j->i", weights, values)
    return sums
