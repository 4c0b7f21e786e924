"""Metrics of probabilities for weighted rows, and bootstrap resamples as weights.

Each metric is implemented once, for weighted rows: weights of 1 give the metric itself, and integer weights represent a
resample. 2,000 resamples are therefore a few matrix operations instead of 2,000 library calls. This module imports
numpy, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.evaluation.results import RocCurve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LOG_LOSS_CLIP = 1e-7  # with a probability of exactly 0 or 1, one wrong prediction would make the log-loss infinite
_CELLS_PER_BLOCK = 1_000_000  # of the matrix of resamples x rows: at most 8 MB for each of a few matrices


class RankedRows:
    """Rows in descending order of probability, and their metrics for any weights."""

    def __init__(self, y: NDArray[np.int64], p: NDArray[np.float64], predicted: NDArray[np.bool_]) -> None:
        order = np.argsort(-p, kind="stable")
        self._p = p[order]
        self._positive = (y[order] == 1).astype(float)
        self._predicted = predicted[order].astype(float)
        self._order = order
        # The first row of each run of ties: a threshold cannot separate them, and the AUC counts them as one half.
        self._starts = np.flatnonzero(np.r_[True, np.diff(self._p) != 0])
        clipped = np.clip(self._p, LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP)
        self._surprise = -np.where(self._positive == 1, np.log(clipped), np.log1p(-clipped))
        self._squared_error = (self._p - self._positive) ** 2

    def metrics(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return each metric for each row of `weights`, shape (n_weightings, n_rows), with columns in the order of y.

        Both classes must have a positive weight in every row, so that every metric is defined.
        """
        weights = weights[:, self._order]
        malignant = weights * self._positive
        benign = weights - malignant
        n_malignant, n_benign = malignant.sum(axis=1), benign.sum(axis=1)
        rows = n_malignant + n_benign
        tp, fp = _sums(malignant, self._predicted), _sums(benign, self._predicted)
        at_malignant = np.add.reduceat(malignant, self._starts, axis=1)
        at_benign = np.add.reduceat(benign, self._starts, axis=1)
        found, alarmed = at_malignant.cumsum(axis=1), at_benign.cumsum(axis=1)
        # Before the first row with a weight, precision is 0 / 0, but its weight in the sum is 0.
        precision = found / np.maximum(found + alarmed, np.finfo(float).tiny)
        below = n_benign[:, None] - alarmed + at_benign / 2
        return {
            "f1": 2 * tp / (n_malignant + tp + fp),
            "roc_auc": (at_malignant * below).sum(axis=1) / (n_malignant * n_benign),
            "pr_auc": (at_malignant * precision).sum(axis=1) / n_malignant,
            "log_loss": _sums(weights, self._surprise) / rows,
            "brier": _sums(weights, self._squared_error) / rows,
        }

    def roc_curve(self) -> RocCurve:
        """Return the corners of the ROC curve."""
        found = np.add.reduceat(self._positive, self._starts).cumsum()
        alarmed = np.add.reduceat(1 - self._positive, self._starts).cumsum()
        corner = np.full(len(self._starts), fill_value=True)
        corner[1:-1] = (np.diff(found, 2) != 0) | (np.diff(alarmed, 2) != 0)
        return RocCurve(
            false_positive_rate=(0.0, *(alarmed / alarmed[-1])[corner].tolist()),
            true_positive_rate=(0.0, *(found / found[-1])[corner].tolist()),
            threshold=(None, *self._p[self._starts][corner].tolist()),
        )


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


def _sums(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weighted sums without BLAS, whose last bits depend on the number of threads."""
    sums: NDArray[np.float64] = np.einsum("ij,j->i", weights, values)
    return sums
