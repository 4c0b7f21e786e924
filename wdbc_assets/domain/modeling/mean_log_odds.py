"""The mean of two models on the scale of log-odds.

This module imports scikit-learn, so callers import it inside functions. `store.skops_scan` allows this class in a model
file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class MeanLogOdds(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn publishes no types
    """A classifier whose log-odds are the mean of those of an additive model and of a stack.

    Both are fitted on the same rows: `spline_` and `stack_`.
    """

    def __init__(self, spline: Any, stack: Any) -> None:
        self.spline = spline
        self.stack = stack

    def fit(self, X: Any, y: Any) -> MeanLogOdds:
        """Fit both models on X, shape (n, columns), and the diagnoses y, which are 0 or 1."""
        validate_data(self, X, skip_check_array=True)  # remembers the names of the columns
        self.spline_ = clone(self.spline).fit(X, y)
        self.stack_ = clone(self.stack).fit(X, y)
        self.classes_ = self.stack_.classes_
        return self

    def decision_function(self, X: Any) -> Array:
        """Return the log-odds of class 1, shape (n,)."""
        check_is_fitted(self)
        log_odds: Array = (self.spline_.decision_function(X) + self.stack_.decision_function(X)) / 2
        return log_odds

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of both classes, shape (n, 2)."""
        log_odds = self.decision_function(X)
        return np.column_stack([expit(-log_odds), expit(log_odds)])

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return the more probable class of each row, shape (n,)."""
        classes: NDArray[np.int64] = self.classes_[(self.decision_function(X) > 0).astype(int)]
        return classes
