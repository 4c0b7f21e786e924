"""Metrics of predicted probabilities on the test set, with confidence intervals.

Malignant is the positive class, 1. Metrics based on counts are computed here with Wilson intervals. `ranking` computes
the metrics based on probabilities, and their bootstrap. This module imports numpy, so callers import it inside
functions.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import preconditions
from wdbc_assets.domain.evaluation import ranking
from wdbc_assets.domain.modeling import prediction

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FEWEST_RESAMPLES = 100  # with fewer, the bounds of a 95 % interval depend on one or two resamples


def evaluate(
    y_true: ArrayLike,
    p_malignant: ArrayLike,
    *,
    threshold: float = 0.5,
    bootstrap: int = 2000,
    seed: int = 42,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Return metrics of probabilities against the true diagnoses, as plain numbers in full precision for JSON.

    A row is predicted malignant if `p_malignant > threshold`. Each metric is `{"value", "low", "high", "interval"}`:

    - accuracy, precision, recall and specificity with Wilson intervals. Without a malignant prediction, the precision
      is None with a `reason`, and so are the values of the classification report derived from it.
    - f1, roc_auc, pr_auc (average precision), log_loss (natural, probabilities clipped to [1e-7, 1 - 1e-7]) and brier
      with percentile intervals from a stratified bootstrap, in which each resample keeps the number of each class.

    The confusion matrix is [[tn, fp], [fn, tp]].

    Raises:
        WdbcError: the diagnoses are not 0 and 1 or contain one class only, the lengths differ, a probability is not in
            [0, 1], or a setting is out of range.
    """
    preconditions.require_setting("threshold", threshold, fits=0 <= threshold <= 1, allowed="a number from 0 to 1")
    preconditions.require_setting(
        "bootstrap", bootstrap, fits=bootstrap >= FEWEST_RESAMPLES, allowed=f"{FEWEST_RESAMPLES} resamples or more"
    )
    preconditions.require_setting("confidence", confidence, fits=0 < confidence < 1, allowed="a number between 0 and 1")
    preconditions.require_seed(seed)
    p = np.asarray(p_malignant, dtype=np.float64)
    prediction.require_probabilities(p)
    preconditions.require_diagnoses(y_true, rows=len(p), of_each=1)
    y = np.asarray(y_true, dtype=np.int64)

    predicted = p > threshold
    (tn, fp), (fn, tp) = confusion = [
        [int(np.sum((y == actual) & (predicted == guess))) for guess in (0, 1)] for actual in (0, 1)
    ]
    ranked = ranking.RankedRows(y, p, predicted)
    values = ranked.metrics(np.ones((1, len(y))))
    resampled = [ranked.metrics(weights) for weights in ranking.resamples(y, bootstrap=bootstrap, seed=seed)]
    tail = (1 - confidence) / 2

    def bootstrapped(name: str) -> dict[str, Any]:
        low, high = np.quantile(np.concatenate([resample[name] for resample in resampled]), [tail, 1 - tail])
        return {"value": float(values[name][0]), "low": float(low), "high": float(high), "interval": "bootstrap"}

    return {
        "rows": len(y),
        "benign": tn + fp,
        "malignant": fn + tp,
        "threshold": float(threshold),
        "confidence": float(confidence),
        "bootstrap": {"resamples": bootstrap, "seed": seed, "stratified": True},
        "accuracy": proportion(tp + tn, len(y), confidence=confidence),
        "precision": proportion(tp, tp + fp, confidence=confidence, undefined="no row was predicted malignant"),
        "recall": proportion(tp, tp + fn, confidence=confidence),
        "specificity": proportion(tn, tn + fp, confidence=confidence),
        **{name: bootstrapped(name) for name in values},
        "confusion_matrix": confusion,
        "classification_report": _report(confusion),
        "roc_curve": ranked.roc_curve(),
    }


def proportion(hits: int, of: int, *, confidence: float = 0.95, undefined: str = "") -> dict[str, Any]:
    """Return hits / of with its Wilson score interval, or None with `undefined` as the reason if `of` is 0.

    Source: E. B. Wilson (1927), J. Am. Stat. Assoc. 22:209-212; it is method 3 of R. G. Newcombe (1998), Stat. Med.
    17:857-872.
    """
    if of == 0:
        return {"value": None, "low": None, "high": None, "interval": "wilson", "reason": undefined}
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    # At the ends the formula gives exactly 0 and 1, except for rounding.
    low = 0.0 if hits == 0 else (middle - half) / scale
    high = 1.0 if hits == of else (middle + half) / scale
    return {"value": share, "low": low, "high": high, "interval": "wilson"}


def _report(confusion: list[list[int]]) -> dict[str, Any]:
    """Return scikit-learn's classification report, but with None instead of 0 for undefined values."""
    (tn, fp), (fn, tp) = confusion
    rows = tn + fp + fn + tp
    classes: dict[str, dict[str, float | int | None]] = {
        name: {
            "precision": hits / guessed if guessed else None,
            "recall": hits / actual,
            "f1-score": 2 * hits / (guessed + actual),
            "support": actual,
        }
        for name, hits, guessed, actual in (("benign", tn, tn + fn, tn + fp), ("malignant", tp, tp + fp, tp + fn))
    }

    def average(weights: list[float]) -> dict[str, float | int | None]:
        averages: dict[str, float | int | None] = {}
        for metric in ("precision", "recall", "f1-score"):
            values = [scores[metric] for scores in classes.values()]
            defined = [value for value in values if value is not None]
            averages[metric] = float(np.dot(defined, weights)) if len(defined) == len(values) else None
        return {**averages, "support": rows}

    return {
        **classes,
        "accuracy": (tn + tp) / rows,
        "macro avg": average([0.5, 0.5]),
        "weighted avg": average([(tn + fp) / rows, (fn + tp) / rows]),
    }
