"""Temperature: log-odds multiplied by one number, selected on out-of-fold log-odds.

A ridge penalty that is right for the coefficients makes the log-odds too small. One factor corrects that (C. Guo, G.
Pleiss, Y. Sun, K. Weinberger, 2017, PMLR 70:1321-1330, who divide by it). This module imports scikit-learn, so callers
import it inside functions. `store.skops_scan` allows this class in a model file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEMPERATURES = np.linspace(0.8, 2, 61).round(2)


class TemperedLogisticRegression(LogisticRegression):  # type: ignore[misc] # scikit-learn publishes no types
    """Ridge logistic regression whose coefficients and intercept are multiplied by `temperature` after the fit.

    newton-cholesky reaches the optimum to rounding error, which selection by log-loss needs.
    """

    def __init__(self, C: float = 1.0, *, temperature: float = 1.0, random_state: int | None = None) -> None:
        super().__init__(C=C, solver="newton-cholesky", tol=1e-8, random_state=random_state)
        self.temperature = temperature

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TemperedLogisticRegression:
        """Fit the regression, then multiply its log-odds."""
        super().fit(X, y, sample_weight)
        self.coef_ *= self.temperature
        self.intercept_ *= self.temperature
        return self


def best_temperature(log_odds: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Return the temperature in `TEMPERATURES` with the least log-loss; log-odds and diagnoses have shape (n,)."""
    wrong = np.where(y == 1, -log_odds, log_odds)  # the log-odds of the other class
    losses = [np.logaddexp(0, temperature * wrong).mean() for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])
