"""Prevalence shift: what a model's probabilities are worth where another share of the patients is malignant.

If the patients of each class are the same elsewhere and only the share of malignant differs, Bayes' rule gives the
recalibrated log-odds: add logit(new prevalence) - logit(old prevalence). Source: M. Saerens, P. Latinne,
C. Decaestecker (2002), Neural Comput. 14:21-41.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.evaluation import ranking
from wdbc_assets.domain.evaluation.results import OtherPrevalence

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

PREVALENCES = (0.05, 0.1, 0.2)
"""Shares of malignant patients to look at, from screening to a referral clinic; in the training data it is .37."""


def offset(old: float, new: float) -> float:
    """Return what recalibration from one prevalence to another adds to the log-odds; both are between 0 and 1."""
    return math.log(new / (1 - new)) - math.log(old / (1 - old))


def elsewhere(y: ArrayLike, p: NDArray[np.float64], new: float) -> OtherPrevalence:
    """Return what to expect at another prevalence: each class is weighted so that `new` of the patients are malignant.

    Args:
        y: The diagnoses, 1 for malignant, shape (n,); both classes occur.
        p: The probabilities of malignant, shape (repeats, n).
        new: The share of malignant elsewhere, between 0 and 1.
    """
    truth = np.asarray(y)
    old = float(truth.mean())
    weights = np.where(truth == 1, new / old, (1 - new) / (1 - old)) / truth.size
    added = offset(old, new)
    with np.errstate(divide="ignore"):  # a probability of 0 or 1 stays one
        log_odds = np.log(p) - np.log1p(-p) + added
    recalibrated = 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))

    def log_loss(probabilities: NDArray[np.float64]) -> float:
        return float(np.mean([weights @ ranking.losses(truth, repeat)["log_loss"] for repeat in probabilities]))

    return OtherPrevalence(
        prevalence=new,
        observed_expected=new / float((p @ weights).mean()),
        log_loss=log_loss(p),
        offset=added,
        recalibrated_log_loss=log_loss(recalibrated),
    )
