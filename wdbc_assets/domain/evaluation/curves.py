"""Models of the outcome by predicted probability: the logistic recalibration, and a smooth calibration curve.

A model that cannot be fitted raises `CannotBeSaid`; no result is ever NaN or infinite. This module imports numpy, so
callers import it inside functions.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain import defaults
from wdbc_assets.domain.evaluation import log_odds as logits

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPAN = 0.75  # the share of the patients that the curve uses at each point
MOST = 5_000
"""Patients of whom each different probability is a point of the curve: its time grows with their square."""

_WIDTHS = 2048  # cells between 0 and 1
_CELLS_PER_BLOCK = 1_000_000  # of the matrices of points x patients: at most 8 MB for each of a dozen
_STEPS, _TOLERANCE, _ROUNDING = 100, 1e-10, 1e-13
_RANK = 1e-10  # a term with a smaller share of the weights is dropped: the points determine a lower degree only


class CannotBeSaid(ValueError):
    """The data do not determine a measure; the text is the reason."""


def slope(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Return b of the logistic regression y ~ a + b logit(p), without a penalty.

    It is below 1 for overconfident and above 1 for underconfident probabilities, which are clipped as for the log-loss.

    Raises:
        CannotBeSaid: there is one class only, the probabilities are all equal, or they separate the classes.

    Source: D. R. Cox (1958), Biometrika 45:562-565; D. B. Miller et al. (1993), Stat. Med. 12:1001-1014.
    """
    log_odds = logits.of_probabilities(p)
    _require_both_classes(y)
    if np.ptp(log_odds) == 0:
        raise CannotBeSaid("all probabilities are equal")
    benign, malignant = log_odds[y == 0], log_odds[y == 1]
    if benign.max() <= malignant.min() or malignant.max() <= benign.min():
        raise CannotBeSaid("the probabilities separate the classes without error, so every larger slope fits better")
    centre, scale = log_odds.mean(), log_odds.std()
    return float(_fitted(y, np.column_stack([np.ones(len(y)), (log_odds - centre) / scale]), 0.0)[0][1] / scale)


def intercept(
    y: NDArray[np.float64], p: NDArray[np.float64], *, confidence: float = defaults.CONFIDENCE
) -> tuple[float, float, float]:
    """Return a of the logistic regression y ~ a + logit(p) with its interval: calibration in the large.

    It is above 0 if more patients are malignant than predicted. The interval uses the sandwich variance, which also
    holds if the slope is not 1.

    Raises:
        CannotBeSaid: there is one class only.

    Source: D. R. Cox (1958), as above; H. White (1982), Econometrica 50:1-25.
    """
    _require_both_classes(y)
    offset = logits.of_probabilities(p)
    (value,), fitted = _fitted(y, np.ones((len(y), 1)), offset)
    error = math.sqrt(float(((y - fitted) ** 2).sum())) / float((fitted * (1 - fitted)).sum())
    half = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return float(value), float(value) - half, float(value) + half


def smooth_errors(y: NDArray[np.float64], p: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return mean, median and 90th percentile of |probability - share of malignant by the smooth curve|.

    These are the integrated calibration index (ICI), E50 and E90.

    Raises:
        CannotBeSaid: there are too few patients for a curve.

    Source: P. C. Austin, E. W. Steyerberg (2019), Stat. Med. 38:4051-4065.
    """
    errors = np.abs(smooth(y, p) - p)
    return float(errors.mean()), float(np.median(errors)), float(np.quantile(errors, 0.9))


def smooth(y: NDArray[np.float64], p: NDArray[np.float64], *, span: float = SPAN) -> NDArray[np.float64]:
    """Return the share of malignant for each probability: loess of degree 2 with tricube weights, clipped to [0, 1].

    Each local parabola is fitted by orthogonal polynomials, without interpolation between points. More than `MOST`
    patients are grouped first, by probability in cells of equal width, and the curve is interpolated between the means
    of the cells.

    Raises:
        CannotBeSaid: there are too few patients for a curve.

    Source: W. S. Cleveland, S. J. Devlin (1988), J. Am. Stat. Assoc. 83:596-610.
    """
    nearest = math.floor(len(p) * span + 1e-5)
    if nearest < 3:
        raise CannotBeSaid("there are too few patients for a curve")
    groups = p if len(p) <= MOST else np.floor(p * _WIDTHS)
    place, counts = np.unique(groups, return_inverse=True, return_counts=True)[1:]
    points, shares = (np.bincount(place.reshape(-1), weights=values) / counts for values in (p, y))
    blocks = np.array_split(points, math.ceil(len(points) ** 2 / _CELLS_PER_BLOCK))
    curve = np.concatenate([_parabolas(shares, points, counts, block, nearest) for block in blocks])
    smoothed: NDArray[np.float64] = np.interp(p, points, np.clip(curve, 0, 1))
    return smoothed


def _parabolas(
    y: NDArray[np.float64],
    p: NDArray[np.float64],
    counts: NDArray[np.int64],
    points: NDArray[np.float64],
    nearest: int,
) -> NDArray[np.float64]:
    """Return at each point the value of the parabola through its nearest patients, shape (n_points,).

    Patients of the same probability are one group, with the share of malignant `y`.
    """
    distance = np.abs(p - points[:, None])
    order = np.argsort(distance, axis=1)
    last = (counts[order].cumsum(axis=1) < nearest).sum(axis=1)[:, None]  # the group with the last one of the nearest
    reach = np.take_along_axis(distance, np.take_along_axis(order, last, axis=1), axis=1)
    is_tied = reach == 0  # all of the nearest have this very probability, and only they count
    away = np.where(is_tied, distance > 0, (p - points[:, None]) / np.where(is_tied, 1.0, reach))
    weights = _cube(np.clip(1 - _cube(np.abs(away)), 0, None)) * counts
    total_weight = weights.sum(axis=1)
    weighted = weights * y
    curve: NDArray[np.float64] = weighted.sum(axis=1) / total_weight
    # The terms of degree 1 and 2, each orthogonal to those before; at the point itself, `away` is 0.
    middle = (weights * away).sum(axis=1) / total_weight
    first = away - middle[:, None]
    norm = (weights * first * first).sum(axis=1)
    curve -= middle * _ratio((weighted * first).sum(axis=1), norm, total_weight)
    square = away * away
    height = (weights * square).sum(axis=1) / total_weight
    tilt = _ratio((weights * square * first).sum(axis=1), norm, total_weight)
    second = square - height[:, None] - tilt[:, None] * first
    norm = (weights * second * second).sum(axis=1)
    curve += (tilt * middle - height) * _ratio((weighted * second).sum(axis=1), norm, total_weight)
    return curve


def _cube(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values * values * values  # ten times as fast as a power


def _ratio(
    projection: NDArray[np.float64], norm: NDArray[np.float64], total_weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    determined = norm > _RANK * total_weight
    ratio: NDArray[np.float64] = np.where(determined, projection / np.where(determined, norm, 1.0), 0.0)
    return ratio


def _fitted(
    y: NDArray[np.float64], design: NDArray[np.float64], offset: NDArray[np.float64] | float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coefficients of a logistic regression and its probabilities, by Newton's method with halved steps."""
    from scipy.special import expit

    def loss(coefficients: NDArray[np.float64]) -> float:
        log_odds = offset + (design * coefficients).sum(axis=1)
        return float((np.logaddexp(0, log_odds) - y * log_odds).sum())

    coefficients = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        fitted = expit(offset + (design * coefficients).sum(axis=1))
        gradient = (design * (y - fitted)[:, None]).sum(axis=0)
        spread = (fitted * (1 - fitted))[:, None]
        try:
            step = np.linalg.solve(np.einsum("ij,ik->jk", design * spread, design), gradient)
        except np.linalg.LinAlgError:
            break
        before = loss(coefficients)
        while loss(coefficients + step) > before * (1 + _ROUNDING):
            step = step / 2
        coefficients = coefficients + step
        if np.abs(step).max() <= _TOLERANCE:
            return coefficients, fitted
    raise CannotBeSaid("the logistic regression did not converge")


def _require_both_classes(y: NDArray[np.float64]) -> None:
    if len(np.unique(y)) < 2:
        raise CannotBeSaid("all patients have the same diagnosis")
