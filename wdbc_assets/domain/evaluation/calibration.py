"""Calibration: of the patients given a probability of .8, is it eight in ten that are malignant?

Every sum here takes patients to be independent, so each must come once: of repeated cross-validation, with the mean of
its probabilities. It imports numpy: import it where it is used.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.evaluation import metrics, ranking
from wdbc_assets.domain.modeling import prediction

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BINS = 10  # of equal width; the last one holds 1 too


def summary(y: ArrayLike, p: ArrayLike) -> dict[str, Any]:
    """Judge the calibration of one probability of malignant per patient; gives plain numbers, ready for JSON.

    `bins` has all ten, each `{"low", "high", "rows", "mean_probability", "share", "share_low", "share_high"}`: the
    share of malignant with its Wilson interval; None where there are no rows. `brier` is what `brier_parts` gives.
    """
    truth, probability = _arrays(y, p)
    return {
        "ece": expected_calibration_error(truth, probability),
        "spiegelhalter_z": spiegelhalter_z(truth, probability),
        "bins": _bins(truth, probability),
        "brier": brier_parts(truth, probability),
    }


def expected_calibration_error(y: ArrayLike, p: ArrayLike) -> float:
    """Give the mean distance between probability and share of malignant, over ten bins of equal width.

    Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht (2015), AAAI, 2901-2907; with the probability of malignant.
    """
    truth, probability = _arrays(y, p)
    surplus = np.bincount(_bin_of(probability), weights=probability - truth, minlength=BINS)
    return float(np.abs(surplus).sum() / len(truth))


def spiegelhalter_z(y: ArrayLike, p: ArrayLike) -> float | None:
    """Give by how many standard errors the Brier score exceeds what it would be if the probabilities were right.

    Above 0 they are too sure of themselves, below 0 not sure enough. It needs no bins. Probabilities are clipped as for
    the log-loss, else one wrong answer at exactly 0 or 1 would have no standard error; None if all are one half.

    Source: D. J. Spiegelhalter (1986), Stat. Med. 5:421-433.
    """
    truth, probability = _arrays(y, p)
    sure = np.clip(probability, ranking.LOG_LOSS_CLIP, 1 - ranking.LOG_LOSS_CLIP)
    variance = float(((1 - 2 * sure) ** 2 * sure * (1 - sure)).sum())
    return float(((truth - sure) * (1 - 2 * sure)).sum()) / math.sqrt(variance) if variance > 0 else None


def brier_parts(y: ArrayLike, p: ArrayLike) -> dict[str, float]:
    """Part the Brier score: score = reliability - resolution + uncertainty + within_bins, to rounding error.

    Reliability is the mean square distance between probability and share of malignant of the bins, resolution that
    between the bins' shares and the share of all, uncertainty the score of that share for everybody. They add up alone
    only if all probabilities of a bin are equal; `within_bins` is what else they need: their variance inside the bins,
    less twice their covariance with the outcome there.

    Source: A. H. Murphy (1973), J. Appl. Meteorol. 12:595-600; within the bins D. B. Stephenson, C. A. S. Coelho,
    I. T. Jolliffe (2008), Weather Forecast. 23:752-757.
    """
    truth, probability = _arrays(y, p)
    rows, mean_probability, share = _by_bin(truth, probability)
    bins, overall = _bin_of(probability), float(truth.mean())
    aside, beyond = probability - mean_probability[bins], truth - share[bins]
    return {
        "score": float(((probability - truth) ** 2).mean()),
        "reliability": float((rows * (mean_probability - share) ** 2).sum() / len(truth)),
        "resolution": float((rows * (share - overall) ** 2).sum() / len(truth)),
        "uncertainty": overall * (1 - overall),
        "within_bins": float((aside**2 - 2 * aside * beyond).mean()),
    }


def _bins(truth: NDArray[np.float64], probability: NDArray[np.float64]) -> list[dict[str, Any]]:
    rows, mean_probability, _ = _by_bin(truth, probability)
    malignant = np.bincount(_bin_of(probability), weights=truth, minlength=BINS)
    found = []
    for one in range(BINS):
        share = metrics.proportion(int(malignant[one]), int(rows[one]), undefined="no patient is in this bin")
        found.append(
            {
                "low": one / BINS,
                "high": (one + 1) / BINS,
                "rows": int(rows[one]),
                "mean_probability": float(mean_probability[one]) if rows[one] else None,
                "share": share["value"],
                "share_low": share["low"],
                "share_high": share["high"],
            }
        )
    return found


def _by_bin(
    truth: NDArray[np.float64], probability: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Give each bin's number of rows, mean probability, and share of malignant; 0 for those of an empty bin."""
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
