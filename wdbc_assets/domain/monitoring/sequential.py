"""Tests that may be looked at after every patient: e-processes.

An e-process is the capital of a bet against a hypothesis. If the hypothesis is true, its expectation never exceeds 1,
so it ever reaches 1 / alpha with a probability of at most alpha, however often one looks (Ville's inequality). Source:
A. Ramdas, P. Gruenwald, V. Vovk, G. Shafer (2023), Statist. Sci. 38:576-601.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

LEAST_RECALL = 0.95
"""The hypothesis of `recall`: at least this share of the malignant patients is found."""

RECALL_ALARM = 40.0
"""The evidence at which the recall is in alarm: in at most 2.5 % of models that hold it, ever."""

ROLLBACK = 20.0
"""The evidence at which a champion is rolled back: wrongly for at most 5 % of champions, ever."""

MARGIN = 0.002
"""By how much the Brier score of the champion may be worse than the previous one's."""

_RECALLS = np.array([0.92, 0.90, 0.85, 0.75])
_STAKES = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
_LARGEST_LOG = 700.0


def recall(called_malignant: ArrayLike) -> Array:
    """Return the evidence after each malignant patient that the recall is below 0.95.

    Args:
        called_malignant: Whether each malignant patient was, in the order in which the outcomes became known.
    """
    hits = np.asarray(called_malignant, dtype=bool)[:, None]
    ratios = np.where(hits, _RECALLS / LEAST_RECALL, (1 - _RECALLS) / (1 - LEAST_RECALL))
    return _mean_capital(np.log(ratios))


def rollback(champion: ArrayLike, previous: ArrayLike, y: ArrayLike) -> Array:
    """Return the evidence after each patient that the champion is worse than the previous one by the Brier score.

    With d the difference of the squared errors, the capital is the mean over the stakes of the products of
    1 + stake (d - margin) / (1 + margin); each factor is positive, and its expectation is at most 1 if the champion is
    worse by no more than the margin.

    Args:
        champion, previous: The probabilities of malignant that both models give to the same patients.
        y: The diagnoses, 1 for malignant, in the order in which they became known.
    """
    truth = np.asarray(y, dtype=float)
    difference = (np.asarray(champion) - truth) ** 2 - (np.asarray(previous) - truth) ** 2
    return _mean_capital(np.log1p(_STAKES * (difference[:, None] - MARGIN) / (1 + MARGIN)))


def _mean_capital(logarithms: Array) -> Array:
    """Return the mean over the columns of the cumulative products, given the logarithms of the factors."""
    capital: Array = np.exp(np.minimum(logarithms.cumsum(axis=0), _LARGEST_LOG)).mean(axis=1)
    return capital
