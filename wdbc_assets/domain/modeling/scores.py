"""By what score candidates compete: scikit-learn's scorers, by their names, more being better.

Those that the recipes name are written out, for scikit-learn's checks of the input cost as much as a small fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def scorer(name: str) -> Callable[[Any, Any, np.ndarray], float]:
    """Give the score of a fitted classifier on rows X with diagnoses y (1 = malignant), as a function of the three."""
    from sklearn.metrics import get_scorer

    return {"accuracy": _accuracy, "neg_log_loss": _negative_log_loss}.get(name) or get_scorer(name)


def _accuracy(estimator: Any, X: Any, y: np.ndarray) -> float:
    return float((estimator.predict(X) == y).mean())


def _negative_log_loss(estimator: Any, X: Any, y: np.ndarray) -> float:
    """Give the mean logarithm of the probability of the diagnosis itself, clipped as scikit-learn clips it.

    Raises ValueError if the answers are no probabilities.
    """
    import numpy as np

    of_truth = estimator.predict_proba(X)[np.arange(len(y)), y]
    if not ((of_truth >= 0) & (of_truth <= 1)).all():  # in this form NaN counts as outside
        raise ValueError("it answers with what are no probabilities")
    least = np.finfo(np.float64).eps
    return float(np.log(np.clip(of_truth, least, 1 - least)).mean())
