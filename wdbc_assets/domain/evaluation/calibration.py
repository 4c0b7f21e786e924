"""Calibration: whether eight of ten patients with a predicted probability of .8 are malignant.

The statistics assume independent patients, so each patient must occur once: for repeated cross-validation, with the
mean of its probabilities. This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.evaluation import intervals, ranking
from wdbc_assets.domain.evaluation.results import BrierParts, Calibration, CalibrationBin
from wdbc_assets.domain.modeling import prediction

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BINS = 10  # of equal width; the last one includes 1


def summary(y: ArrayLike, p: ArrayLike) -> Calibration:
    """Return calibration statistics of P(malignant), one value per patient."""
    truth, probability = _arrays(y, p)
    return Calibration(
        ece=expected_calibration_error(truth, probability),
        spiegelhalter_z=spiegelhalter_z(truth, probability),
        bins=_bins(truth, probability),
        brier=brier_parts(truth, probability),
    )


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


def _bins(truth: NDArray[np.float64], probability: NDArray[np.float64]) -> tuple[CalibrationBin, ...]:
    rows, mean_probability, _ = _by_bin(truth, probability)
    malignant = np.bincount(_bin_of(probability), weights=truth, minlength=BINS)
    shares = [
        intervals.proportion(int(malignant[number]), int(rows[number]), undefined="no patient is in this bin")
        for number in range(BINS)
    ]
    return tuple(
        CalibrationBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            rows=int(rows[number]),
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
    of = np.maximum(rows, 1)
    return (
        rows,
        np.bincount(bins, weights=probability, minlength=BINS) / of,
        np.bincount(bins, weights=truth, minlength=BINS) / of,
    )


def _bin_of(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((probability * BINS).astype(np.int64), BINS - 1)


def _arrays(y: ArrayLike, p: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    probability = np.asarray(p, dtype=np.float64)
    prediction.require_probabilities(probability)
    return np.asarray(y, dtype=np.float64), probability
