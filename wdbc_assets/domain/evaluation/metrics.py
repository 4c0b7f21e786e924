"""Metrics of predicted probabilities on the test set, with confidence intervals.

Malignant is the positive class, 1. `metrics_result.Metrics` says which interval each metric has. How often the
intervals cover the true value was measured by simulation, on test sets of 114 patients from a population like the
published one; a test repeats this. This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import contract, preconditions
from wdbc_assets.domain.evaluation import bootstrap as resampling
from wdbc_assets.domain.evaluation import delong, intervals, ranking
from wdbc_assets.domain.evaluation.metrics_result import Bootstrap, ClassificationReport, ClassScores, Metrics
from wdbc_assets.domain.modeling import prediction

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FEWEST_RESAMPLES = 100  # with fewer, the bounds of a 95 % interval depend on one or two resamples
NO_PR_AUC_INTERVAL = "in test sets of 114 patients, no known interval covers the true value as often as it states"


def evaluate(
    y_true: ArrayLike,
    p_malignant: ArrayLike,
    *,
    threshold: float = 0.5,
    bootstrap: int = defaults.RESAMPLES,
    seed: int = defaults.SEED,
    confidence: float = defaults.CONFIDENCE,
) -> Metrics:
    """Return metrics of probabilities against the true diagnoses. A row is malignant if `p_malignant > threshold`.

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
    tn, fp, fn, tp = (int(np.sum((y == actual) & (predicted == guess))) for actual in (0, 1) for guess in (0, 1))
    confusion = ((tn, fp), (fn, tp))
    ranked = ranking.RankedRows(y, p)
    mean_losses = resampling.mean_losses(
        y,
        ranking.losses(y, p),
        largest=ranking.LARGEST_LOSS,
        bootstrap=bootstrap,
        seed=seed,
        confidence=confidence,
    )
    return Metrics(
        rows=len(y),
        benign=tn + fp,
        malignant=fn + tp,
        threshold=float(threshold),
        confidence=float(confidence),
        bootstrap=Bootstrap(bootstrap, seed, stratified=True),
        accuracy=intervals.proportion(tp + tn, len(y), confidence=confidence),
        precision=intervals.proportion(tp, tp + fp, confidence=confidence, undefined="no row was predicted malignant"),
        recall=intervals.proportion(tp, tp + fn, confidence=confidence),
        specificity=intervals.proportion(tn, tn + fp, confidence=confidence),
        f1=intervals.f1(tp, fp + fn, confidence=confidence),
        roc_auc=delong.roc_auc(p[y == contract.BENIGN], p[y == contract.MALIGNANT], confidence=confidence),
        pr_auc=intervals.without(ranked.average_precision(), NO_PR_AUC_INTERVAL),
        **mean_losses,
        confusion_matrix=confusion,
        classification_report=_report(confusion),
        roc_curve=ranked.roc_curve(),
    )


def _report(confusion: tuple[tuple[int, int], tuple[int, int]]) -> ClassificationReport:
    (tn, fp), (fn, tp) = confusion
    rows = tn + fp + fn + tp
    benign, malignant = (
        ClassScores(hits / guessed if guessed else None, hits / actual, 2 * hits / (guessed + actual), actual)
        for hits, guessed, actual in ((tn, tn + fn, tn + fp), (tp, tp + fp, tp + fn))
    )

    def average(benign_weight: float, malignant_weight: float) -> ClassScores:
        def mean(first: float, second: float) -> float:
            return float(np.dot([first, second], [benign_weight, malignant_weight]))

        precision = None
        if benign.precision is not None and malignant.precision is not None:
            precision = mean(benign.precision, malignant.precision)
        return ClassScores(
            precision=precision,
            recall=mean(benign.recall, malignant.recall),
            f1=mean(benign.f1, malignant.f1),
            support=rows,
        )

    return ClassificationReport(
        benign=benign,
        malignant=malignant,
        accuracy=(tn + tp) / rows,
        macro_average=average(0.5, 0.5),
        weighted_average=average((tn + fp) / rows, (fn + tp) / rows),
    )
