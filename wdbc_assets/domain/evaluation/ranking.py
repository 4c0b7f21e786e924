"""Metrics of probabilities, for weighted rows, and the bootstrap resamples that weigh them.

Each metric is written down once, for weighted rows: the figure itself is the case of weights 1, and a resample is the
case of whole-number weights. So 2,000 resamples are a few matrix operations, and not 2,000 calls of a library.
It imports numpy: import it where it is used, as `evaluation` is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LOG_LOSS_CLIP = 1e-7  # a probability of exactly 0 or 1 would make one wrong answer cost infinitely much
_CELLS_AT_ONCE = 1_000_000  # of the matrix of resamples x rows, to bound memory at 8 MB for each of a few matrices


class RankedRows:
    """The rows by falling probability, and the metrics of any weighting of them."""

    def __init__(self, y: NDArray[np.int64], p: NDArray[np.float64], predicted: NDArray[np.bool_]) -> None:
        order = np.argsort(-p, kind="stable")
        self._p = p[order]
        self._positive = (y[order] == 1).astype(float)
        self._predicted = predicted[order].astype(float)
        self._order = order
        # The first row of each run of equal probabilities: a threshold can't part such rows, and AUC counts them half.
        self._starts = np.flatnonzero(np.r_[True, np.diff(self._p) != 0])
        clipped = np.clip(self._p, LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP)
        self._surprise = -np.where(self._positive == 1, np.log(clipped), np.log1p(-clipped))
        self._squared_error = (self._p - self._positive) ** 2

    def metrics(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Give each metric for each row of `weights`, shape (n_weightings, n_rows), columns in the order of y.

        Both classes must have weight in every weighting, so that no metric is undefined.
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
        # Nothing is found before the first row with weight: there precision is 0 / 0 and its weight in the sum is 0.
        precision = found / np.maximum(found + alarmed, np.finfo(float).tiny)
        below = n_benign[:, None] - alarmed + at_benign / 2
        return {
            "f1": 2 * tp / (n_malignant + tp + fp),
            "roc_auc": (at_malignant * below).sum(axis=1) / (n_malignant * n_benign),
            "pr_auc": (at_malignant * precision).sum(axis=1) / n_malignant,
            "log_loss": _sums(weights, self._surprise) / rows,
            "brier": _sums(weights, self._squared_error) / rows,
        }

    def roc_curve(self) -> dict[str, list[float | None]]:
        """Give the corners of the ROC curve; the threshold of the first, at which nothing is malignant, is None."""
        found = np.add.reduceat(self._positive, self._starts).cumsum()
        alarmed = np.add.reduceat(1 - self._positive, self._starts).cumsum()
        corner = np.full(len(self._starts), fill_value=True)
        corner[1:-1] = (np.diff(found, 2) != 0) | (np.diff(alarmed, 2) != 0)
        return {
            "false_positive_rate": [0.0, *(alarmed / alarmed[-1])[corner].tolist()],
            "true_positive_rate": [0.0, *(found / found[-1])[corner].tolist()],
            "threshold": [None, *self._p[self._starts][corner].tolist()],
        }


def resamples(y: NDArray[np.int64], *, bootstrap: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Draw how often each row is taken, shape (at most bootstrap, n_rows): with replacement within each class."""
    generators = np.random.default_rng(seed).spawn(2)
    members = [np.flatnonzero(y == value) for value in (0, 1)]
    at_once = max(1, _CELLS_AT_ONCE // len(y))
    for start in range(0, bootstrap, at_once):
        count = min(at_once, bootstrap - start)
        weights = np.zeros((count, len(y)))
        for generator, rows in zip(generators, members, strict=True):
            drawn = generator.integers(len(rows), size=(count, len(rows)))
            cells = drawn + len(rows) * np.arange(count)[:, None]
            weights[:, rows] = np.bincount(cells.ravel(), minlength=count * len(rows)).reshape(count, len(rows))
        yield weights


def _sums(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted sums of the values, one per weighting; not by BLAS, whose last bits depend on the number of threads."""
    sums: NDArray[np.float64] = np.einsum("ij,j->i", weights, values)
    return sums
