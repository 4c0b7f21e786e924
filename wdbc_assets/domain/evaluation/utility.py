"""Net benefit: what the decisions of a model are worth, in true positives per patient.

At a threshold t, a patient called malignant gains 1 if malignant and costs t / (1 - t) if benign: acting at a
probability of 5 % accepts 19 benign biopsies for one malignant one. Source: A. J. Vickers, E. B. Elkin (2006), Med.
Decis. Making 26:565-574.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.evaluation.results import DecisionCurve, Difference

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

THRESHOLDS = (0.05, 0.1, 0.2)
"""The thresholds over which the net benefit is averaged: the range in which a biopsy is discussed."""

CURVE = tuple(percent / 100 for percent in range(1, 51))
"""The thresholds of a decision curve: beyond one half nobody waits with a biopsy."""

_RESAMPLES, _SEED = 2000, 0


def net_benefits(y: ArrayLike, p: ArrayLike, thresholds: tuple[float, ...] = THRESHOLDS) -> NDArray[np.float64]:
    """Return what each patient contributes to the net benefit, the mean over the thresholds, shape (n,).

    The net benefit is the mean of the contributions.

    Args:
        y: The diagnoses, 1 for malignant, shape (n,).
        p: The probabilities of malignant, shape (n,).
        thresholds: Probabilities from which a patient is called malignant.
    """
    mean: NDArray[np.float64] = np.mean(_contributions(y, p, thresholds), axis=0)
    return mean


def decision_curve(y: ArrayLike, p: NDArray[np.float64], thresholds: tuple[float, ...] = CURVE) -> DecisionCurve:
    """Return the net benefit by threshold, its mean over the repeats, with a 95 % interval over patients.

    The interval is the percentile interval of a bootstrap of patients; it is that of each threshold by itself. Source:
    A. J. Vickers, A. M. Cronin, E. B. Elkin, M. Gonen (2008), BMC Med. Inform. Decis. Mak. 8:53.

    Args:
        y: The diagnoses, 1 for malignant, shape (n,).
        p: The probabilities of malignant, shape (repeats, n).
        thresholds: Probabilities between 0 and 1 from which a patient is called malignant.
    """
    truth = np.asarray(y)
    of_patients = np.mean([_contributions(truth, repeat, thresholds) for repeat in p], axis=0)
    low, high = np.quantile(_resampled(truth.size) @ of_patients.T, [0.025, 0.975], axis=0)
    treat_all = _contributions(truth, np.ones(truth.size), thresholds).mean(axis=1)
    curves = (of_patients.mean(axis=1), low, high, treat_all)
    net_benefit, low, high, treat_all = (tuple(curve.tolist()) for curve in curves)
    return DecisionCurve(thresholds=thresholds, net_benefit=net_benefit, low=low, high=high, treat_all=treat_all)


def difference(candidate: pd.DataFrame, champion: pd.DataFrame) -> Difference:
    """Return the net benefit of the first minus that of the second, with its 95 % interval over patients.

    Both are out-of-fold predictions of the same patients in the same folds. The interval is the percentile interval of
    a bootstrap of patients, each with the mean of its contributions over the repeats.
    """
    paired = _by_patient(candidate) - _by_patient(champion)
    low, high = np.quantile(_resampled(len(paired)) @ paired, [0.025, 0.975])
    return Difference(mean=float(paired.mean()), low=float(low), high=float(high))


def _by_patient(predictions: pd.DataFrame) -> NDArray[np.float64]:
    gains = predictions.assign(gain=net_benefits(predictions["diagnosis"], predictions["probability"]))
    return gains.groupby("patient", sort=True)["gain"].mean().to_numpy(dtype=np.float64)


def _contributions(y: ArrayLike, p: ArrayLike, thresholds: tuple[float, ...]) -> NDArray[np.float64]:
    """Return what each patient contributes to the net benefit at each threshold, shape (thresholds, n)."""
    truth, probability = np.asarray(y), np.asarray(p, dtype=np.float64)
    return np.array([np.where(truth == 1, 1.0, -t / (1 - t)) * (probability >= t) for t in thresholds])


def _resampled(n: int) -> NDArray[np.float64]:
    """Return the share of each patient in each resample, shape (resamples, n)."""
    counts: NDArray[np.float64] = np.random.default_rng(_SEED).multinomial(n, np.full(n, 1 / n), size=_RESAMPLES) / n
    return counts
