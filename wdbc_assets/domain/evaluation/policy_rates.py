"""What a decision policy does to patients of known diagnosis: rates at the threshold, triage, and coverage."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import decision_policy, intervals
from wdbc_assets.domain.evaluation.decision_policy import (
    BENIGN,
    MALIGNANT,
    OUTCOMES,
    REFER,
    Coverage,
    Histogram,
    OnTestSet,
    OutOfFold,
    Quantiles,
    Rates,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHOSEN_BY_RECALL = "the threshold was chosen by the recall of these patients"
# Bins for the histogram of out-of-fold probabilities: half a unit of log-odds wide; the outer ones extend to 0 and 1.
_EDGES = (0.0, *(round(1 / (1 + math.exp(-halves / 2)), 6) for halves in range(-14, 15)), 1.0)


def rates(y: NDArray[np.int64], p: NDArray[np.float64], threshold: float, quantiles: Quantiles) -> Rates:
    """Return what the threshold and the prediction sets make of patients of both classes.

    Args:
        y: The diagnoses, 1 for malignant, shape (n,); both classes occur.
        p: P(malignant), shape (n,).
        threshold: Patients at or above it are positive.
        quantiles: Of the prediction sets.
    """
    above, malignant, outcomes = (
        decision_policy.is_above(p, threshold),
        y == contract.MALIGNANT,
        decision_policy.triage(p, quantiles),
    )
    tp, fp = int((above & malignant).sum()), int((above & ~malignant).sum())
    fn, tn = int(malignant.sum()) - tp, int((~malignant).sum()) - fp
    return Rates(
        confusion_matrix=((tn, fp), (fn, tp)),
        recall=intervals.proportion(tp, tp + fn),
        specificity=intervals.proportion(tn, tn + fp),
        ppv=intervals.proportion(tp, tp + fp, undefined="no patient is at or above the threshold"),
        npv=intervals.proportion(tn, tn + fn, undefined="no patient is below the threshold"),
        positive_likelihood_ratio=intervals.ratio(
            tp, tp + fn, fp, tn + fp, infinite="no benign patient is at or above the threshold"
        ),
        negative_likelihood_ratio=intervals.ratio(
            fn, tp + fn, tn, tn + fp, infinite="no benign patient is below the threshold"
        ),
        referred=intervals.proportion(int((outcomes == REFER).sum()), len(y)),
        triage={
            name: {outcome: int((outcomes[y == code] == outcome).sum()) for outcome in OUTCOMES}
            for name, code in ((BENIGN, contract.BENIGN), (MALIGNANT, contract.MALIGNANT))
        },
    )


def out_of_fold(y: NDArray[np.int64], p: NDArray[np.float64], threshold: float, quantiles: Quantiles) -> OutOfFold:
    """Return the rates on the training set, without an interval where the threshold was chosen by the recall.

    `p` has the out-of-fold probabilities; the parameters are those of `rates`.
    """
    everything = rates(y, p, threshold, quantiles)
    by_recall = ("recall", "ppv", "npv", "positive_likelihood_ratio", "negative_likelihood_ratio")
    withheld = {
        name: intervals.without(value.value, value.reason or CHOSEN_BY_RECALL)
        for name, value in everything.by_name.items()
        if name in by_recall
    }
    return OutOfFold(**{**vars(everything), **withheld}, histogram=_histogram(y, p))


def on_test_set(y: NDArray[np.int64], p: NDArray[np.float64], threshold: float, quantiles: Quantiles) -> OnTestSet:
    """Return the rates and the coverage on the test set; the parameters are those of `rates`."""
    return OnTestSet(**vars(rates(y, p, threshold, quantiles)), coverage=_coverage(y, p, quantiles))


def _coverage(y: NDArray[np.int64], p: NDArray[np.float64], quantiles: Quantiles) -> Coverage:
    holds = decision_policy.possible(p, quantiles)
    benign, malignant = (
        intervals.proportion(int(holds[name][y == code].sum()), int((y == code).sum()))
        for name, code in ((BENIGN, contract.BENIGN), (MALIGNANT, contract.MALIGNANT))
    )
    return Coverage(benign, malignant)


def _histogram(y: NDArray[np.int64], p: NDArray[np.float64]) -> Histogram:
    benign, malignant = (
        tuple(np.histogram(p[y == code], _EDGES)[0].tolist()) for code in (contract.BENIGN, contract.MALIGNANT)
    )
    return Histogram(_EDGES, benign, malignant)
