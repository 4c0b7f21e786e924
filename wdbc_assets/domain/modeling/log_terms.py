"""Transformers that replace each measurement by two terms of its logarithm.

Every measurement is a size, a shape or a variation of these. It is positive, and in most of them the spread grows with
the value, so effects are closer to additive in the logarithm. This module imports scikit-learn, so callers import it
inside functions. `store.skops_scan` allows these classes in a model file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from wdbc_assets.domain.modeling.spline_scorer import reciprocal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

KNOTS = (0.1, 0.5, 0.9)
"""The quantiles of the logarithm at which the knots of a spline are: F. E. Harrell (2015), Regression Modeling
Strategies, 2nd ed., table 2.3."""

OFFSET_QUANTILE = 0.05
FAR_BELOW = 1e-3


class _LogTerms(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn publishes no types
    """Learns the logarithm of each column: log(x + offset).

    A column with zeros has the 5 % quantile of its positive training values as its offset, any other 0. `offsets_` has
    the offsets. `least_` has a thousandth of the smallest training value of x + offset; smaller values, which may have
    no logarithm, count as this one.
    """

    def fit(self, X: Any, _y: object = None) -> _LogTerms:
        """Learn the offsets from the training rows, shape (n, columns).

        Raises:
            ValueError: a measurement is negative, missing or infinite.
        """
        values = validate_data(self, X, dtype=np.float64)
        if (values < 0).any():
            raise ValueError("a measurement is negative, so it has no logarithm")
        self.offsets_ = np.array([_offset(column) for column in values.T])
        least = FAR_BELOW * (values + self.offsets_).min(axis=0)
        self.least_ = np.maximum(least, np.finfo(np.float64).tiny)
        self._learn(self._logarithms(values))
        return self

    def _learn(self, logarithms: Array) -> None:
        """Learn what else the terms need from the logarithms of the training rows."""

    def _logarithms(self, values: Array) -> Array:
        logarithms: Array = np.log(np.maximum(values + self.offsets_, self.least_))
        return logarithms

    def _validated(self, X: Any) -> Array:
        check_is_fitted(self)
        values: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return values


class LogSpline(_LogTerms):
    """The logarithm of each column, then its restricted cubic spline term with three knots.

    Both terms together are a curve that is cubic between the knots and straight beyond them. `knots_` has one row for
    each knot. If knots coincide, the term is its limit for knots that approach each other; if all three do, it is 0.
    """

    def _learn(self, logarithms: Array) -> None:
        self.knots_ = np.quantile(logarithms, KNOTS, axis=0)

    def transform(self, X: Any) -> Array:
        """Return the logarithms, then the spline terms, shape (n, 2 * columns)."""
        logarithms = self._logarithms(self._validated(X))
        return np.hstack([logarithms, restricted_cubic(logarithms, self.knots_)])


class WithLogarithm(_LogTerms):
    """Each column unchanged, then its logarithm."""

    def transform(self, X: Any) -> Array:
        """Return the measurements, then their logarithms, shape (n, 2 * columns)."""
        values = self._validated(X)
        return np.hstack([values, self._logarithms(values)])


def _offset(column: Array) -> float:
    if column.min() > 0:
        return 0.0
    positive = column[column > 0]
    return float(np.quantile(positive, OFFSET_QUANTILE)) if len(positive) else 1.0


def restricted_cubic(values: Array, knots: Array) -> Array:
    """Return the restricted cubic spline term of each column of values, given one row for each of three knots.

    With p(u) = max(u, 0)^3 this is [p(x - k1) - p(x - k2) (k3 - k1)/(k3 - k2) + p(x - k3) (k2 - k1)/(k3 - k2)] /
    (k2 - k1), computed piece by piece, which stays exact when knots are close and when x is far beyond them.
    """
    first, middle, last = knots
    below, above = middle - first, last - middle
    a = np.clip(values, first, middle) - first
    b = np.clip(values, middle, last) - middle
    beyond = np.maximum(values, last) - last
    between: Array = a**3 * reciprocal(below) + b * (3 * below + b * (3 - b * reciprocal(above)))
    terms: Array = between + 3 * (below + above) * beyond
    return terms
