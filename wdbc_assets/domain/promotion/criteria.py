"""The criteria of the gate: each is a requirement with the measured value, its interval and its bound.

`gate` combines them into a verdict. numpy is imported inside functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.evaluation.results import Difference, EvaluationSummary, Metrics

ACCURACY_MARGIN = -0.015
"""The lower bound of the difference in accuracy must exceed it: at worst, one more of 67 patients is misclassified."""

SPECIFICITY_MARGIN = 0.02
"""The additional share of benign patients that may be called malignant at a recall of 98 %: 7 of 357 patients."""

RECALL = 0.98
"""The recall at which specificities are compared: the default recall target of the decision policy."""

TEST_FLOORS = {"accuracy": 0.939, "roc_auc": 0.975}
"""What the fitted pipeline must reach on the test set: three standard deviations below the mean of 200 splits."""

EXPERIMENT_PATIENTS, EXPERIMENT_ANSWERED = 100, 0.999
"""The number of patients from which an experiment counts, and the share of them that must have been scored. Agreement
is shown but not used, because the diagnoses are not known yet."""


LOG_LOSS, COMPARED = "log_loss", ("log_loss", "accuracy", "specificity")


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One requirement: its text, the measured value (with its 95 % interval, if any), and whether it is met."""

    name: str
    demand: str
    holds: bool
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    found: str = ""

    def __str__(self) -> str:
        if self.holds:
            return f"{self.name} holds: {self.demand}"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.4f}, {self.high:.4f}]"
        value = "undefined" if self.value is None else f"{self.value:.4f}"
        return f"{self.name} is {self.found or value + interval}, needed: {self.demand}"


def known(bound: float | None) -> float:
    """Return the end of an interval, or NaN if there is none, so that no comparison with it is true."""
    return math.nan if bound is None else bound


def comparison_criteria(
    predictions: pd.DataFrame, summary: EvaluationSummary, candidate: str, champion: str
) -> tuple[Criterion, ...]:
    """Return the criteria that compare a candidate with the champion, from both predictions and their summary."""
    log_loss, accuracy = _differences(summary, candidate, champion)
    specificity = _specificity_difference(predictions, candidate, champion, folds=summary.folds)
    return (
        Criterion(
            name=LOG_LOSS,
            demand="upper bound of the difference below 0",
            holds=known(log_loss.high) < 0,
            bound=0.0,
            value=log_loss.mean,
            low=log_loss.low,
            high=log_loss.high,
        ),
        Criterion(
            name="accuracy",
            demand=f"lower bound of the difference above {ACCURACY_MARGIN:g}",
            holds=known(accuracy.low) > ACCURACY_MARGIN,
            bound=ACCURACY_MARGIN,
            value=accuracy.mean,
            low=accuracy.low,
            high=accuracy.high,
        ),
        Criterion(
            name="specificity",
            demand=f"at a recall of {RECALL:g}, at most {SPECIFICITY_MARGIN:g} lower",
            holds=known(specificity.mean) >= -SPECIFICITY_MARGIN,
            bound=-SPECIFICITY_MARGIN,
            value=specificity.mean,
            low=specificity.low,
            high=specificity.high,
        ),
    )


def _differences(summary: EvaluationSummary, candidate: str, champion: str) -> tuple[Difference, Difference]:
    """Return candidate - champion in log-loss and in accuracy; 0 if both are the same recipe."""
    from wdbc_assets.domain.evaluation import results

    if candidate == champion:
        return results.NO_DIFFERENCE, results.NO_DIFFERENCE
    (pair,) = summary.differences
    if pair.recipe == candidate:
        return pair.log_loss, pair.accuracy
    return pair.log_loss.negated(), pair.accuracy.negated()


def _specificity_difference(predictions: pd.DataFrame, candidate: str, champion: str, *, folds: int) -> Difference:
    """Return the difference of the specificities at each repeat's threshold, with its interval over the folds."""
    from wdbc_assets.domain.evaluation import comparison, results

    if candidate == champion:
        return results.NO_DIFFERENCE
    of = [specificities(predictions[predictions["recipe"] == name]) for name in (candidate, champion)]
    value, low, high = comparison.corrected_interval(of[0] - of[1], folds=folds)
    return results.Difference(mean=value, low=low, high=high)


def specificities(predictions: pd.DataFrame) -> np.ndarray:
    """Return one recipe's specificity in each fold, repeat by repeat, shape (repeats * folds,).

    The threshold of a repeat is the one that a decision policy would choose from its predictions for the recall target
    `RECALL` (`decision_policy.recall_threshold`).
    """
    from wdbc_assets.domain.data import contract
    from wdbc_assets.domain.evaluation import decision_policy

    malignant = predictions[predictions["diagnosis"] == contract.MALIGNANT]
    threshold = malignant.groupby("repeat")["probability"].agg(
        lambda probabilities: decision_policy.recall_threshold(probabilities.to_numpy(), RECALL)[0]
    )
    benign = predictions[predictions["diagnosis"] == contract.BENIGN]
    correct = benign["probability"] < benign["repeat"].map(threshold)
    return correct.groupby([benign["repeat"], benign["fold"]], sort=True).mean().to_numpy(dtype="float64")


def floor_criteria(means: Mapping[str, float | None], repeats: int) -> tuple[Criterion, Criterion]:
    """Return the criteria that compare a candidate's mean metrics with the quality floors and the leakage alarms."""
    protocol = "full" if repeats >= recipes.PROTOCOLS["full"] else "quick"
    missed, alarms = floors.missed(means, protocol), floors.alarms(means)
    return (
        Criterion(
            name="floors",
            demand=f"no mean is worse than its quality floor for the {protocol} protocol",
            holds=not missed,
            found="; ".join(missed),
        ),
        Criterion(name="alarms", demand="no mean raises a leakage alarm", holds=not alarms, found="; ".join(alarms)),
    )


def test_set_criteria(test: Metrics) -> tuple[Criterion, ...]:
    """Return the criteria for the fitted pipeline's metrics on the test set."""
    measured = (("test accuracy", "accuracy", test.accuracy), ("test ROC-AUC", "roc_auc", test.roc_auc))
    return tuple(
        Criterion(
            name=name,
            demand=f"at least {TEST_FLOORS[metric]:g} on the test set",
            holds=known(figure.value) >= TEST_FLOORS[metric],
            value=figure.value,
            low=figure.low,
            high=figure.high,
            bound=TEST_FLOORS[metric],
        )
        for name, metric, figure in measured
    )


def evidence_criteria(grid: str, *, same_patients: bool, same_code: bool) -> tuple[Criterion, ...]:
    """Return the criteria that require the evidence to belong to this candidate."""
    search = grid == "full"
    return (
        Criterion(
            name="search",
            demand="fitted with the full grid, as evaluated",
            holds=search,
            found="" if search else f"the grid {grid}",
        ),
        Criterion(
            name="patients",
            demand="fitted on patients of the evaluated clean frame",
            holds=same_patients,
            found="" if same_patients else "a different clean frame; run `wdbc run`, then `wdbc evaluate`",
        ),
        Criterion(
            name="code",
            demand="fitted and evaluated with the current code",
            holds=same_code,
            found="" if same_code else "different code; run `wdbc run`, then `wdbc evaluate`",
        ),
    )


def is_long_enough(experiment: Mapping[str, int]) -> bool:
    """Return whether an experiment has enough patients to count; one with damaged records always counts."""
    return experiment["scored"] + experiment["failed"] >= EXPERIMENT_PATIENTS or experiment.get("unreadable", 0) > 0


def experiment_criteria(experiment: Mapping[str, int] | None) -> tuple[Criterion, ...]:
    """Return the criterion for the patients that the challenger was given, or none if there were too few."""
    if experiment is None or not is_long_enough(experiment):
        return ()
    given = experiment["scored"] + experiment["failed"]
    answered = experiment["scored"] / given if given else 0.0
    unreadable = experiment.get("unreadable", 0)
    damage = f"; {unreadable} records of the experiment cannot be read" if unreadable else ""
    return (
        Criterion(
            name="experiment",
            demand=f"at least {EXPERIMENT_ANSWERED:.1%} of the experiment's patients scored",
            holds=answered >= EXPERIMENT_ANSWERED and not unreadable,
            value=answered,
            bound=EXPERIMENT_ANSWERED,
            found=f"{experiment['failed']} of {given} patients not scored{damage}",
        ),
    )
