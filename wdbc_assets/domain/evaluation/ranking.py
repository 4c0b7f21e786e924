"""Metrics of predicted probabilities: the loss of each patient, average precision, and the ROC curve.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.evaluation.metrics_result import RocCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOG_LOSS_CLIP = 1e-7  # with a probability of exactly 0 or 1, one wrong prediction would make the log-loss infinite
LARGEST_LOSS = {"log_loss": -math.log(LOG_LOSS_CLIP), "brier": 1.0}
"""The largest possible loss of one patient."""


def losses(y: NDArray[np.int64], p: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return each patient's natural log-loss and squared error; their means are the log-loss and the Brier score."""
    clipped = np.clip(p, LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP)
    return {"log_loss": -np.where(y == 1, np.log(clipped), np.log1p(-clipped)), "brier": (p - y) ** 2}


class RankedRows:
    """Rows in descending order of probability. Both classes must occur."""

    def __init__(self, y: NDArray[np.int64], p: NDArray[np.float64]) -> None:
        order = np.argsort(-p, kind="stable")
        ranked, positive = p[order], (y[order] == 1).astype(float)
        # The first row of each run of ties, which a threshold cannot separate.
        starts = np.flatnonzero(np.r_[True, np.diff(ranked) != 0])
        self._thresholds = ranked[starts]
        self._at = np.add.reduceat(positive, starts)
        self._found = self._at.cumsum()
        self._alarmed = np.add.reduceat(1 - positive, starts).cumsum()

    def average_precision(self) -> float:
        """Return the mean precision over the malignant rows, each at the threshold that just reaches it."""
        return float((self._at * self._found / (self._found + self._alarmed)).sum() / self._found[-1])

    def roc_curve(self) -> RocCurve:
        """Return the corners of the ROC curve."""
        corner = np.full(len(self._thresholds), fill_value=True)
        corner[1:-1] = (np.diff(self._found, 2) != 0) | (np.diff(self._alarmed, 2) != 0)
        return RocCurve(
            false_positive_rate=(0.0, *(self._alarmed / self._alarmed[-1])[corner].tolist()),
            true_positive_rate=(0.0, *(self._found / self._found[-1])[corner].tolist()),
            threshold=(None, *self._thresholds[corner].tolist()),
        )
