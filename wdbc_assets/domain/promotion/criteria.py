"""The gate's criteria: each is one demand with what was found, its interval and its bound. `promotion` decides by them.

It imports numpy where it is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

ACCURACY_MARGIN = -0.015
"""A lower bound of the accuracy's difference above it: at worst one more patient of 67 is called wrongly."""

SPECIFICITY_MARGIN = 0.02
"""As many of the benign may be called malignant in addition, where 98 % of the malignant are found: 7 of 357."""

RECALL = 0.98
"""Where specificities are compared: the recall that the decision policy aims at by default."""

TEST_FLOORS = {"accuracy": 0.939, "roc_auc": 0.975}
"""What the fitted pipeline must reach on the test part: three standard deviations below what 200 splits gave."""

EXPERIMENT_PATIENTS, EXPERIMENT_ANSWERED = 100, 0.999
"""From how many patients on an experiment counts, and for what share there must have been an answer. How far the two
agreed is shown and decides nothing: nobody knows yet who was right."""


class _Difference(TypedDict):
    value: float | None
    low: float | None
    high: float | None


LOG_LOSS, COMPARED = "log_loss", ("log_loss", "accuracy", "specificity")


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One demand: what it is, what was found (with the ends of the 95 % interval, if it has any), and if it holds."""

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
    """Return the end of an interval; NaN where there is none: then nothing is more than chance, or equivalent."""
    return math.nan if bound is None else bound


def comparison_criteria(
    predictions: pd.DataFrame, summary: Mapping[str, Any], candidate: str, champion: str
) -> tuple[Criterion, ...]:
    """Judge a candidate against the champion, on the predictions of both and their summary."""
    log_loss, accuracy = (_difference(summary, candidate, champion, of) for of in ("log_loss", "accuracy"))
    specificity = _specificity_difference(predictions, candidate, champion, folds=summary["folds"])
    return (
        Criterion(
            name=LOG_LOSS,
            demand="upper bound of the difference below 0",
            holds=known(log_loss["high"]) < 0,
            bound=0.0,
            **log_loss,
        ),
        Criterion(
            name="accuracy",
            demand=f"lower bound of the difference above {ACCURACY_MARGIN:g}",
            holds=known(accuracy["low"]) > ACCURACY_MARGIN,
            bound=ACCURACY_MARGIN,
            **accuracy,
        ),
        Criterion(
            name="specificity",
            demand=f"at a recall of {RECALL:g}, not lower by more than {SPECIFICITY_MARGIN:g}",
            holds=known(specificity["value"]) >= -SPECIFICITY_MARGIN,
            bound=-SPECIFICITY_MARGIN,
            **specificity,
        ),
    )


def _difference(summary: Mapping[str, Any], candidate: str, champion: str, of: str) -> _Difference:
    if candidate == champion:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    (found,) = summary["differences"]
    mean, low, high = (found[of][part] for part in ("mean", "low", "high"))
    if found["recipe"] == candidate:
        return {"value": mean, "low": low, "high": high}
    return {"value": -mean, "low": None if high is None else -high, "high": None if low is None else -low}


def _specificity_difference(predictions: pd.DataFrame, candidate: str, champion: str, *, folds: int) -> _Difference:
    """Give the difference of the specificities at each repeat's threshold, over the folds, as the others are."""
    from wdbc_assets.domain.evaluation import comparison

    if candidate == champion:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    of = [specificities(predictions[predictions["recipe"] == name]) for name in (candidate, champion)]
    value, low, high = comparison.corrected_interval(of[0] - of[1], folds=folds)
    return {"value": value, "low": low, "high": high}


def specificities(predictions: pd.DataFrame) -> np.ndarray:
    """Give one recipe's specificity in each fold, repeat by repeat, shape (repeats * folds,).

    A patient is called malignant at the threshold of the repeat: the largest at which `RECALL` of all malignant
    patients of that repeat are found (`policy.recall_threshold`).
    """
    from wdbc_assets.domain.data import contract
    from wdbc_assets.domain.evaluation import decision_policy

    malignant = predictions[predictions["diagnosis"] == contract.MALIGNANT]
    threshold = malignant.groupby("repeat")["probability"].agg(
        lambda found: decision_policy.recall_threshold(found.to_numpy(), RECALL)[0]
    )
    benign = predictions[predictions["diagnosis"] == contract.BENIGN]
    right = benign["probability"] < benign["repeat"].map(threshold)
    return right.groupby([benign["repeat"], benign["fold"]], sort=True).mean().to_numpy(dtype="float64")


def floor_criteria(figures: Mapping[str, Mapping[str, Any]], repeats: int) -> tuple[Criterion, Criterion]:
    """Judge a candidate's means by the floors of its protocol and the alarms."""
    protocol = "full" if repeats >= recipes.PROTOCOLS["full"] else "quick"
    missed, alarms = floors.missed(figures, protocol), floors.alarms(figures)
    return (
        Criterion(
            name="floors",
            demand=f"no mean is worse than its floor on the {protocol} protocol",
            holds=not missed,
            found="; ".join(missed),
        ),
        Criterion(name="alarms", demand="no mean is too good to be true", holds=not alarms, found="; ".join(alarms)),
    )


def test_set_criteria(test: Mapping[str, Any]) -> tuple[Criterion, ...]:
    """Judge what the fitted pipeline reaches on the test part."""
    return tuple(
        Criterion(
            name=f"test {'ROC-AUC' if name == 'roc_auc' else name}",
            demand=f"at least {floor:g} on the test part",
            holds=test[name]["value"] is not None and test[name]["value"] >= floor,
            value=test[name]["value"],
            low=test[name]["low"],
            high=test[name]["high"],
            bound=floor,
        )
        for name, floor in TEST_FLOORS.items()
    )


def evidence_criteria(grid: str, *, same_patients: bool, same_code: bool) -> tuple[Criterion, ...]:
    """Say whether the evidence is of this candidate."""
    search = grid == "full"
    return (
        Criterion(
            name="search",
            demand="fitted by the search that was judged: the full grid",
            holds=search,
            found="" if search else f"the grid {grid}",
        ),
        Criterion(
            name="patients",
            demand="fitted on patients of the clean frame that was judged",
            holds=same_patients,
            found="" if same_patients else "another clean frame; run `wdbc run`, then `wdbc evaluate`",
        ),
        Criterion(
            name="code",
            demand="fitted and judged by the present code",
            holds=same_code,
            found="" if same_code else "other code; run `wdbc run`, then `wdbc evaluate`",
        ),
    )


def is_long_enough(experiment: Mapping[str, int]) -> bool:
    """Say whether enough patients were given to a challenger for its experiment to count; damaged records always do."""
    return experiment["scored"] + experiment["failed"] >= EXPERIMENT_PATIENTS or experiment.get("unreadable", 0) > 0


def experiment_criteria(experiment: Mapping[str, int] | None) -> tuple[Criterion, ...]:
    """Judge what became of the patients it was given beside the champion; nothing, if they were too few."""
    if experiment is None or not is_long_enough(experiment):
        return ()
    given = experiment["scored"] + experiment["failed"]
    answered = experiment["scored"] / given if given else 0.0
    unreadable = experiment.get("unreadable", 0)
    damage = f"; {unreadable} records of the experiment cannot be read" if unreadable else ""
    return (
        Criterion(
            name="experiment",
            demand=f"an answer for at least {EXPERIMENT_ANSWERED:.1%} of its patients beside the champion",
            holds=answered >= EXPERIMENT_ANSWERED and not unreadable,
            value=answered,
            bound=EXPERIMENT_ANSWERED,
            found=f"{experiment['failed']} of {given} patients without an answer{damage}",
        ),
    )
