"""Net benefit: what the decisions of a model are worth, in true positives per patient.

At a threshold t, a patient called malignant gains 1 if malignant and costs t / (1 - t) if benign: acting at a
probability of 5 % accepts 19 benign biopsies for one malignant one. Source: A. J. Vickers, E. B. Elkin (2006), Med.
Decis. Making 26:565-574.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.evaluation.results import Difference

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

THRESHOLDS = (0.05, 0.1, 0.2)
"""The thresholds over which the net benefit is averaged: the range in which a biopsy is discussed."""

_RESAMPLES, _SEED = 2000, 0


def net_benefits(y: ArrayLike, p: ArrayLike, thresholds: tuple[float, ...] = THRESHOLDS) -> NDArray[np.float64]:
    """Return what each patient contributes to the net benefit, the mean over the thresholds, shape (n,).

    The net benefit is the mean of the contributions.

    Args:
        y: The diagnoses, 1 for malignant, shape (n,).
        p: The probabilities of malignant, shape (n,).
        thresholds: Probabilities from which a patient is called malignant.
    """
    truth, probability = np.asarray(y), np.asarray(p, dtype=np.float64)
    gains = [np.where(truth == 1, 1.0, -t / (1 - t)) * (probability >= t) for t in thresholds]
    mean: NDArray[np.float64] = np.mean(gains, axis=0)
    return mean


def difference(candidate: pd.DataFrame, champion: pd.DataFrame) -> Difference:
    """Return the net benefit of the first minus that of the second, with its 95 % interval over patients.

    Both are out-of-fold predictions of the same patients in the same folds. The interval is the percentile interval of
    a bootstrap of patients, each with the mean of its contributions over the repeats.
    """
    paired = _by_patient(candidate) - _by_patient(champion)
    n = len(paired)
    counts = np.random.default_rng(_SEED).multinomial(n, np.full(n, 1 / n), size=_RESAMPLES)
    low, high = np.quantile(counts @ paired / n, [0.025, 0.975])
    return Difference(mean=float(paired.mean()), low=float(low), high=float(high))


def _by_patient(predictions: pd.DataFrame) -> NDArray[np.float64]:
    gains = predictions.assign(gain=net_benefits(predictions["diagnosis"], predictions["probability"]))
    return gains.groupby("patient", sort=True)["gain"].mean().to_numpy(dtype=np.float64)
