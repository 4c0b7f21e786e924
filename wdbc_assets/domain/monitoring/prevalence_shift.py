"""Whether a shift is explained by another share of malignant patients alone.

If only the prevalence changed, the patients of each class are those of the reference, in other proportions. The
proportion that fits the log-odds best is estimated by expectation maximization. The shift counts as one of prevalence
only if the estimate differs clearly from the reference, and no stream differs from the reference with its classes in
that proportion. Source of the estimate: M. Saerens, P. Latinne, C. Decaestecker (2002), Neural Comput. 14:21-41,
here on the counts of 20 bins, which add up over batches.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.monitoring import streams

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.streams import Reference, Sketch

LARGEST_REMAINDER = 3.5
"""The largest |z| that may remain if the prevalence explains the shift."""

CLEAR_DIFFERENCE = 3.0
"""Standard errors by which the estimated prevalence must differ from that of the reference."""

_ROUNDS, _PRECISION = 500, 1e-7


@dataclass(frozen=True)
class PrevalenceShift:
    """What the log-odds of a window say about the share of malignant patients.

    Attributes:
        before: The prevalence of the reference.
        estimate: The estimated prevalence of the window.
        difference: Their difference in standard errors.
        remainder: The largest |z| of a stream against the reference with its classes in the estimated proportion.
    """

    before: float
    estimate: float
    difference: float
    remainder: float

    @property
    def explains(self) -> bool:
        """Whether the prevalence alone explains the shift."""
        return abs(self.difference) >= CLEAR_DIFFERENCE and self.remainder <= LARGEST_REMAINDER


def assess(reference: Reference, window: Sketch) -> PrevalenceShift:
    """Return what a window of at least one patient says about the prevalence."""
    before, n = reference.prevalence, window.rows
    estimate = _estimate(reference, np.array(window.bins, dtype=float))
    error = math.sqrt(before * (1 - before) * (1 / n + 1 / reference.rows))
    expected = np.array([1 - estimate, estimate]) @ reference.shares
    observed = np.array(window.sums) / (2 * reference.rows * n)
    variances = np.repeat(streams.VARIANCES, len(streams.QUANTITIES))
    z = (observed - expected) / np.sqrt(variances * (1 / n + 1 / reference.rows))
    return PrevalenceShift(before, estimate, (estimate - before) / error, float(np.abs(z).max()))


def _estimate(reference: Reference, counts: np.ndarray) -> float:
    """Return the prevalence that maximizes the likelihood of the counts of the bins."""
    benign, malignant = reference.bin_shares
    prevalence = reference.prevalence
    for _ in range(_ROUNDS):
        weight = prevalence * malignant / (prevalence * malignant + (1 - prevalence) * benign)
        updated = float(counts @ weight / counts.sum())
        if abs(updated - prevalence) < _PRECISION:
            return updated
        prevalence = updated
    return prevalence
