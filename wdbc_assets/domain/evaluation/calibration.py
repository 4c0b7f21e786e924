"""Calibration: whether eight of ten patients with a predicted probability of .8 are malignant.

The statistics assume independent patients, so each is computed on patients who occur once. For repeated
cross-validation it is computed for each repeat, and the mean over the repeats is that of the recipe. (The mean of a
patient's probabilities over the repeats would be the prediction of another model, the average of ten.) `curves` fits
what needs a model. This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from wdbc_assets.domain.evaluation import curves, intervals, ranking
from wdbc_assets.domain.evaluation.results import BrierParts, Calibration, CalibrationBin, Range, Spread
from wdbc_assets.domain.modeling import prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

T = TypeVar("T")

BINS = 10  # of equal width; the last one includes 1
DRAWS = 500
"""Simulated sets of outcomes for each repeat, for the ECE of calibrated probabilities."""

SEED = 42


def summary(y: ArrayLike, p: ArrayLike) -> Calibration:
    """Return calibration statistics of P(malignant).

    Args:
        y: the diagnoses, 1 = malignant, shape (n_patients,).
        p: one probability per patient, shape (n_patients,), or one row per repeat, shape (n_repeats, n_patients).
    """
    truth, repeats = np.asarray(y, dtype=np.float64), np.atleast_2d(np.asarray(p, dtype=np.float64))
    prediction.require_probabilities(repeats.ravel())
    in_the_large = [_or_reason(curves.intercept, truth, each) for each in repeats]
    lowest, highest = (_spread([_picked(estimate, which) for estimate in in_the_large]).mean for which in (1, 2))
    errors = [_or_reason(curves.smooth_errors, truth, each) for each in repeats]
    ici, e50, e90 = (_spread([_picked(estimate, which) for estimate in errors]) for which in range(3))
    z = [spiegelhalter_z(truth, each) for each in repeats]
    parts = [vars(brier_parts(truth, each)) for each in repeats]
    return Calibration(
        slope=slope(truth, repeats),
        intercept=_spread([_picked(estimate, 0) for estimate in in_the_large]),
        intercept_low=lowest,
        intercept_high=highest,
        observed_expected=_spread([_or_reason(observed_expected, truth, each) for each in repeats]),
        ici=ici,
        e50=e50,
        e90=e90,
        ece=float(np.mean([expected_calibration_error(truth, each) for each in repeats])),
        ece_if_calibrated=ece_if_calibrated(repeats),
        spiegelhalter_z=None if None in z else float(np.mean([value for value in z if value is not None])),
        bins=_bins(np.tile(truth, len(repeats)), repeats.ravel(), repeats=len(repeats)),
        brier=BrierParts(**{name: float(np.mean([each[name] for each in parts])) for name in parts[0]}),
    )


def slope(y: ArrayLike, p: NDArray[np.float64]) -> Spread:
    """Return the calibration slope of the probabilities of each repeat, shape (n_repeats, n_patients)."""
    truth = np.asarray(y, dtype=np.float64)
    return _spread([_or_reason(curves.slope, truth, each) for each in p])


def observed_expected(y: ArrayLike, p: ArrayLike) -> float:
    """Return the number of malignant patients divided by the sum of the probabilities.

    Raises:
        CannotBeSaid: every probability is 0.
    """
    truth, probability = _arrays(y, p)
    if not probability.any():
        raise curves.CannotBeSaid("every probability is 0")
    return float(truth.sum() / probability.sum())


def ece_if_calibrated(repeats: NDArray[np.float64]) -> Range:
    """Return the distribution of the ECE if each patient is malignant with exactly its probability.

    It is not 0, because the shares of a bin vary by chance. Each row of `repeats` is a set of probabilities; diagnoses
    are drawn from it `DRAWS` times, with a fixed seed.

    Source: J. Vaicenavicius et al. (2019), AISTATS, PMLR 89:3459-3467, section 5 (consistency resampling), after J.
    Bröcker, L. A. Smith (2007), Weather Forecast. 22:651-661.
    """
    random, drawn = np.random.default_rng(SEED), list[float]()
    for probability in repeats:
        ordered = np.sort(probability)
        starts = np.flatnonzero(np.r_[True, np.diff(_bin_of(ordered)) != 0])
        for _ in range(DRAWS):  # one by one, because all at once take 500 numbers for each patient
            surplus = np.add.reduceat(ordered - (random.random(len(ordered)) < ordered), starts)
            drawn.append(float(np.abs(surplus).sum()) / len(ordered))
    errors = np.array(drawn)
    low, high = np.quantile(errors, [0.025, 0.975])
    return Range(mean=float(errors.mean()), low=float(low), high=float(high))


def expected_calibration_error(y: ArrayLike, p: ArrayLike) -> float:
    """Return the mean absolute difference between probability and share of malignant over ten bins of equal width.

    Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht (2015), AAAI, 2901-2907; with the probability of malignant.
    """
    truth, probability = _arrays(y, p)
    surplus = np.bincount(_bin_of(probability), weights=probability - truth, minlength=BINS)
    return float(np.abs(surplus).sum() / len(truth))


def spiegelhalter_z(y: ArrayLike, p: ArrayLike) -> float | None:
    """Return the difference of the Brier score from its expectation under calibration, in standard errors.

    It is positive for overconfident and negative for underconfident probabilities, and needs no bins. Probabilities are
    clipped as for the log-loss, because one wrong prediction of exactly 0 or 1 would have a standard error of 0. The
    result is None if all probabilities are .5.

    Source: D. J. Spiegelhalter (1986), Stat. Med. 5:421-433.
    """
    truth, probability = _arrays(y, p)
    sure = np.clip(probability, ranking.LOG_LOSS_CLIP, 1 - ranking.LOG_LOSS_CLIP)
    variance = float(((1 - 2 * sure) ** 2 * sure * (1 - sure)).sum())
    return float(((truth - sure) * (1 - 2 * sure)).sum()) / math.sqrt(variance) if variance > 0 else None


def brier_parts(y: ArrayLike, p: ArrayLike) -> BrierParts:
    """Decompose the Brier score: score = reliability - resolution + uncertainty + within_bins, to rounding error.

    Reliability is the mean squared difference between the probability and the share of malignant in the bins,
    resolution that between the bins' shares and the overall share, and uncertainty the score of predicting the overall
    share for every patient. These three add up to the score only if the probabilities within a bin are equal.
    `within_bins` is the remainder: the variance of the probabilities within the bins, minus twice their covariance with
    the outcome.

    Source: A. H. Murphy (1973), J. Appl. Meteorol. 12:595-600; within the bins D. B. Stephenson, C. A. S. Coelho,
    I. T. Jolliffe (2008), Weather Forecast. 23:752-757.
    """
    truth, probability = _arrays(y, p)
    rows, mean_probability, share = _by_bin(truth, probability)
    bins, overall = _bin_of(probability), float(truth.mean())
    aside, beyond = probability - mean_probability[bins], truth - share[bins]
    return BrierParts(
        score=float(((probability - truth) ** 2).mean()),
        reliability=float((rows * (mean_probability - share) ** 2).sum() / len(truth)),
        resolution=float((rows * (share - overall) ** 2).sum() / len(truth)),
        uncertainty=overall * (1 - overall),
        within_bins=float((aside**2 - 2 * aside * beyond).mean()),
    )


def _or_reason(measure: Callable[..., T], y: NDArray[np.float64], p: NDArray[np.float64]) -> T | curves.CannotBeSaid:
    try:
        return measure(y, p)
    except curves.CannotBeSaid as reason:
        return reason


def _picked(values: tuple[float, ...] | curves.CannotBeSaid, which: int) -> float | curves.CannotBeSaid:
    return values if isinstance(values, curves.CannotBeSaid) else values[which]


def _spread(values: Sequence[float | curves.CannotBeSaid]) -> Spread:
    """Return mean and standard deviation, or the first reason if a repeat has no value."""
    known = [value for value in values if not isinstance(value, curves.CannotBeSaid)]
    if len(known) < len(values):
        reason = next(str(value) for value in values if isinstance(value, curves.CannotBeSaid))
        return Spread(mean=None, sd=None, reason=reason)
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return Spread(mean=float(np.mean(known)), sd=sd)


def _bins(truth: NDArray[np.float64], probability: NDArray[np.float64], *, repeats: int) -> tuple[CalibrationBin, ...]:
    counts, mean_probability, _ = _by_bin(truth, probability)
    rows = counts / repeats
    malignant = np.bincount(_bin_of(probability), weights=truth, minlength=BINS) / repeats
    shares = [
        intervals.proportion(float(malignant[number]), float(rows[number]), undefined="no patient is in this bin")
        for number in range(BINS)
    ]
    return tuple(
        CalibrationBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            rows=float(rows[number]),
            mean_probability=float(mean_probability[number]) if rows[number] else None,
            share=share.value,
            share_low=share.low,
            share_high=share.high,
        )
        for number, share in enumerate(shares)
    )


def _by_bin(
    truth: NDArray[np.float64], probability: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the number of rows, mean probability and share of malignant of each bin; 0 for empty bins."""
    bins = _bin_of(probability)
    rows = np.bincount(bins, minlength=BINS)
    divisors = np.maximum(rows, 1)
    return (
        rows,
        np.bincount(bins, weights=probability, minlength=BINS) / divisors,
        np.bincount(bins, weights=truth, minlength=BINS) / divisors,
    )


def _bin_of(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((probability * BINS).astype(np.int64), BINS - 1)


def _arrays(y: ArrayLike, p: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    probability = np.asarray(p, dtype=np.float64)
    prediction.require_probabilities(probability)
    return np.asarray(y, dtype=np.float64), probability
