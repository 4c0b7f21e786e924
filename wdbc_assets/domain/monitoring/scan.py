"""The scan for a shift: the mean of the last batches against all that came before, over windows of several lengths.

For a window of the last k batches, z = (mean of the window - mean of the reference and all earlier batches) /
sqrt(v (1 / n_window + 1 / n_before)), where v is the variance of a stream whose distribution is that of the reference.
The reference is a sample, so its own error is in n_before. An alarm is |z| above a threshold that `calibration` gives
with the resulting rate of false alarms; the statistic follows no textbook distribution, because windows and streams
overlap.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LEAST_ROWS = 30
"""A window of fewer patients is not tested: it says too little, and its mean is far from normal."""


def windows(count: int, lengths: Sequence[int]) -> list[int]:
    """Return the lengths of the windows that fit into a number of batches."""
    return [length for length in lengths if length <= count]


def scores(
    rows: NDArray[np.int64],
    sums: Array,
    variances: Array,
    *,
    lengths: Sequence[int],
    reference_rows: int,
    reference_sums: Array,
    reference_variances: Array,
) -> Array:
    """Return z of the windows that end with the last batch, shape (windows, streams); NaN for too few patients.

    Args:
        rows: The number of patients of each batch, oldest first, shape (batches,).
        sums: The sum of each stream in each batch, shape (batches, streams).
        variances: The sum of the variances of the patients' values, shape (batches, streams).
        lengths: The lengths of the windows, each at most the number of batches.
        reference_rows: The number of patients of the reference.
        reference_sums, reference_variances: The same sums in the reference, shape (streams,).
    """
    z = np.full((len(lengths), sums.shape[1]), np.nan)
    total, total_sum, total_variance = rows.sum(), sums.sum(axis=0), variances.sum(axis=0)
    for row, length in enumerate(lengths):
        within = slice(len(rows) - length, None)
        n, window, variance = rows[within].sum(), sums[within].sum(axis=0), variances[within].sum(axis=0)
        if n < LEAST_ROWS:
            continue
        before = reference_rows + total - n
        difference = window / n - (reference_sums + total_sum - window) / before
        error = variance / n**2 + (reference_variances + total_variance - variance) / before**2
        z[row] = difference / np.sqrt(error)
    return z
