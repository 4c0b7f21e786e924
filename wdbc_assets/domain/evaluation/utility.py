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
    malignant = np.asarray(y) == 1
    shares = np.arange(len(p) + 1) / len(p)  # in how many of the repeats a patient is called malignant
    curves: dict[str, list[float]] = {"net_benefit": [], "low": [], "high": [], "treat_all": []}
    for threshold in thresholds:
        called = np.add.reduce(p >= threshold, axis=0, dtype=np.int64)
        class_counts = [np.bincount(called[members], minlength=len(shares)) for members in (malignant, ~malignant)]
        values, counts = np.concatenate([shares, -_cost(threshold) * shares]), np.concatenate(class_counts)
        low, high = _interval(values, counts)
        treat_all = malignant.mean() - _cost(threshold) * (~malignant).mean()
        for name, value in zip(curves, ((values * counts).sum() / malignant.size, low, high, treat_all), strict=True):
            curves[name].append(float(value))
    return DecisionCurve(thresholds=thresholds, **{name: tuple(curve) for name, curve in curves.items()})


def difference(y: NDArray[np.int64], candidate: NDArray[np.float64], champion: NDArray[np.float64]) -> Difference:
    """Return the net benefit of the first minus that of the second, with its 95 % interval over patients.

    The interval is the percentile interval of a bootstrap of patients, each with the mean of its contributions over the
    repeats.

    Args:
        y: The diagnoses, 1 for malignant, shape (n,).
        candidate: The candidate's out-of-fold P(malignant), shape (repeats, n).
        champion: The champion's, of the same patients in the same folds.
    """
    paired = _by_patient(y, candidate) - _by_patient(y, champion)
    low, high = _interval(*np.unique(paired, return_counts=True))
    return Difference(mean=float(paired.mean()), low=low, high=high)


def _by_patient(y: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    gains: NDArray[np.float64] = sum((net_benefits(y, repeat) for repeat in p), np.zeros(len(y))) / len(p)
    return gains


def _contributions(y: ArrayLike, p: ArrayLike, thresholds: tuple[float, ...]) -> NDArray[np.float64]:
    """Return what each patient contributes to the net benefit at each threshold, shape (thresholds, n)."""
    truth, probability = np.asarray(y), np.asarray(p, dtype=np.float64)
    return np.array([np.where(truth == 1, 1.0, -_cost(t)) * (probability >= t) for t in thresholds])


def _cost(threshold: float) -> float:
    return threshold / (1 - threshold)


def _interval(values: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of the bootstrapped mean of patients, `counts` of whom have each value.

    How often a resample draws each value is multinomial, so it takes no longer for many patients.
    """
    n = int(counts.sum())
    drawn = np.random.default_rng(_SEED).multinomial(n, counts / n, size=_RESAMPLES)
    means = (drawn * values).sum(axis=1) / n  # the last digits of a product of matrices depend on the number of threads
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
