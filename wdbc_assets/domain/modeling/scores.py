"""Scores for comparing candidates, by scikit-learn's scorer names; higher is better.

The scores that the recipes use are implemented here, because scikit-learn's input checks cost as much as a small fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def scorer(name: str) -> Callable[[Any, Any, np.ndarray], float]:
    """Return the scoring function of this name: `score(classifier, X, y)` with diagnoses y (1 = malignant)."""
    from sklearn.metrics import get_scorer

    return {"accuracy": _accuracy, "neg_log_loss": _negative_log_loss}.get(name) or get_scorer(name)


def _accuracy(estimator: Any, X: Any, y: np.ndarray) -> float:
    return float((estimator.predict(X) == y).mean())


def _negative_log_loss(estimator: Any, X: Any, y: np.ndarray) -> float:
    """Return the mean logarithm of the probability of the true class, clipped as in scikit-learn.

    Raises:
        ValueError: the classifier returns values that are not probabilities.
    """
    import numpy as np

    of_truth = estimator.predict_proba(X)[np.arange(len(y)), y]
    if not ((of_truth >= 0) & (of_truth <= 1)).all():  # in this form NaN counts as outside
        raise ValueError("its predictions are not probabilities")
    least = np.finfo(np.float64).eps
    return float(np.log(np.clip(of_truth, least, 1 - least)).mean())
