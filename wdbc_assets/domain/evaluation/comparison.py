"""Summary of out-of-fold predictions: the metrics of each recipe, and paired differences between recipes.

Means and standard deviations are over the repeats, where the metric of a repeat is computed on all patients pooled. An
interval is that of the mean over single folds, which is given with it, with the correction of Nadeau and Bengio: folds
share most of their training rows, so an ordinary t interval would be about three times too narrow. This module imports
numpy, so callers import it inside functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract, membership, published
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import calibration, delong, prevalence, ranking, sample_size, subgroups, utility
from wdbc_assets.domain.evaluation.results import (
    CostlyPatients,
    Difference,
    EvaluationSummary,
    Mean,
    RecipeDifference,
    RecipeMetrics,
)
from wdbc_assets.domain.modeling import recipes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from wdbc_assets.domain.evaluation.cross_validation import Winner

THRESHOLD = 0.5
_UNBOUNDED = ("log_loss",)
_POOLED_ONLY = ("ece",)  # the 57 patients of one fold are too few for it


@dataclass(frozen=True)
class CrossValidation:
    """The predictions of all units as `cross_validation.assemble` returns them, their winners, and the summary."""

    predictions: pd.DataFrame
    winners: tuple[Winner, ...]
    summary: EvaluationSummary


def summary(
    predictions: pd.DataFrame, frame: pd.DataFrame | None = None, method: membership.Method = "shuffled"
) -> EvaluationSummary:
    """Summarize the predictions of a cross-validation. Intervals are clipped to [0, 1] except for the log-loss.

    Args:
        predictions: As `cross_validation.assemble` returns them.
        frame: The clean frame that was evaluated; without it, the summary has no subgroups, and the data count as other
            than the published ones.
        method: How the folds were drawn.

    Raises:
        WdbcError: a recipe does not have every patient once in each repeat, in the same folds, or the frame has other
            patients.
    """
    require_pairs(predictions)
    _require_measurements(predictions, frame)
    names = sorted(predictions["recipe"].unique(), key=lambda name: (name != recipes.BASELINE, name))
    pooled = {name: _figures(predictions[predictions["recipe"] == name], ["repeat"]) for name in names}
    by_fold = {name: _figures(predictions[predictions["recipe"] == name], ["repeat", "fold"]) for name in names}
    folds = int(predictions["fold"].nunique())
    by_repeat = {name: _by_repeat(predictions[predictions["recipe"] == name]) for name in names}

    def metric(name: str, of: str) -> Mean:
        values = pooled[name][of]
        of_folds, low, high = math.nan, math.nan, math.nan
        if of not in _POOLED_ONLY:
            of_folds, low, high = corrected_interval(by_fold[name][of], folds=folds)
            low, high = max(low, 0.0), high if of in _UNBOUNDED else min(high, 1.0)
        sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        return Mean(
            mean=_defined(float(values.mean())),
            sd=_defined(sd),
            low=_defined(low),
            high=_defined(high),
            of_folds=_defined(of_folds),
        )

    def difference(first: str, second: str, of: str) -> Difference:
        mean, low, high = corrected_interval(by_fold[second][of] - by_fold[first][of], folds=folds)
        return Difference(mean=_defined(mean), low=_defined(low), high=_defined(high))

    return EvaluationSummary(
        patients=int(predictions["patient"].nunique()),
        repeats=int(predictions["repeat"].nunique()),
        folds=folds,
        split_method=method,
        published=frame is not None and published.is_published(frame),
        recipes={name: RecipeMetrics(**{of: metric(name, of) for of in pooled[name]}) for name in names},
        differences=tuple(
            RecipeDifference(
                recipe=second,
                minus=first,
                **{of: difference(first, second, of) for of in pooled[first] if of not in _POOLED_ONLY},
            )
            for first, second in combinations(names, 2)
        ),
        calibration={name: calibration.summary(y, p) for name, (y, p) in by_repeat.items()},
        decision_curves={name: utility.decision_curve(y, p) for name, (y, p) in by_repeat.items()},
        costly_patients={name: costly_patients(y, p) for name, (y, p) in by_repeat.items()},
        other_prevalences={
            name: tuple(prevalence.elsewhere(y, p, other) for other in prevalence.PREVALENCES)
            for name, (y, p) in by_repeat.items()
        },
        external_validation={
            name: sample_size.external_validation(float(y.mean()), p) for name, (y, p) in by_repeat.items()
        },
        subgroups={}
        if frame is None
        else {name: subgroups.quarters(frame, y, p) for name, (y, p) in by_repeat.items()},
    )


def costly_patients(y: NDArray[np.int64], p: NDArray[np.float64], *, patients: int = 5) -> CostlyPatients:
    """Return how much of the log-loss the patients with the largest losses carry.

    Args:
        y: The diagnoses, shape (n,).
        p: P(malignant), shape (repeats, n); the loss of a patient is its mean over the repeats.
        patients: How many of them.
    """
    losses = np.mean([ranking.losses(y, repeat)["log_loss"] for repeat in p], axis=0)
    carried = np.cumsum(np.sort(losses)[::-1]) / losses.sum()
    few = min(patients, len(carried))
    return CostlyPatients(patients=few, share=float(carried[few - 1]), half=int(np.searchsorted(carried, 0.5)) + 1)


def compute_metrics(y: ArrayLike, p: ArrayLike) -> dict[str, float]:
    """Return every metric of one set of probabilities; NaN for undefined metrics (no row predicted malignant)."""
    truth, probability = np.asarray(y, dtype=np.int64), np.asarray(p, dtype=np.float64)
    predicted = probability > THRESHOLD
    malignant = truth == contract.MALIGNANT
    hits, called = float((predicted & malignant).sum()), float(predicted.sum())
    losses = ranking.losses(truth, probability)
    return {
        "accuracy": float((predicted == truth).mean()),
        "precision": hits / called if called else math.nan,
        "recall": hits / float(malignant.sum()),
        "specificity": float((~predicted & ~malignant).sum() / (~malignant).sum()),
        "f1": 2 * hits / (float(malignant.sum()) + called),
        "roc_auc": float(delong.placements(probability[~malignant], probability[malignant])[0].mean()),
        "pr_auc": ranking.RankedRows(truth, probability).average_precision(),
        **{name: float(of_patients.mean()) for name, of_patients in losses.items()},
        "ece": calibration.expected_calibration_error(truth, probability),
    }


def by_fold(predictions: pd.DataFrame, of_row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of a quantity of each row in each fold, repeat by repeat, shape (repeats * folds,)."""
    groups = predictions.groupby(["repeat", "fold"], sort=True).ngroup().to_numpy()
    means: NDArray[np.float64] = np.bincount(groups, of_row) / np.bincount(groups)
    return means


def corrected_interval(
    values: NDArray[np.float64], *, folds: int, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return mean, lower and upper bound of a metric or difference over the folds of repeated cross-validation.

    The variance is multiplied by 1 / J + n_test / n_train; J is the number of values, n_test / n_train 1 / (folds - 1).
    Source: C. Nadeau, Y. Bengio (2003), Mach. Learn. 52:239-281; for repeats R. R. Bouckaert, E. Frank (2004), PAKDD.
    """
    from scipy.special import stdtrit

    mean, error = float(values.mean()), corrected_error(values, folds=folds)
    half = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * error if len(values) > 1 else math.nan
    return mean, mean - half, mean + half


def corrected_error(values: NDArray[np.float64], *, folds: int) -> float:
    """Return the standard error of the mean over the folds, corrected as for `corrected_interval`; NaN for one fold."""
    if len(values) < 2:
        return math.nan
    return math.sqrt((1 / len(values) + 1 / (folds - 1)) * float(values.var(ddof=1)))


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _figures(predictions: pd.DataFrame, by: list[str]) -> dict[str, NDArray[np.float64]]:
    """Return each metric as an array with one value per group, in the order of the groups."""
    found = [
        compute_metrics(group["diagnosis"], group["probability"]) for _, group in predictions.groupby(by, sort=True)
    ]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def _by_repeat(predictions: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the diagnosis of each patient, shape (n,), and P(malignant), shape (repeats, n), of one recipe."""
    ordered = predictions.sort_values(["repeat", "patient"])
    repeats = int(ordered["repeat"].nunique())
    probabilities = ordered["probability"].to_numpy().reshape(repeats, -1)
    return ordered["diagnosis"].to_numpy()[: probabilities.shape[1]], probabilities


def _require_measurements(predictions: pd.DataFrame, frame: pd.DataFrame | None) -> None:
    patients = predictions["patient"].nunique()
    if frame is not None and len(frame) != patients:
        raise WdbcError(
            f"There are measurements of {len(frame)} patients for predictions of {patients}.",
            where="cross_validation",
            hint="Evaluate the patients of this clean frame: `wdbc evaluate`.",
        )


def require_pairs(predictions: pd.DataFrame) -> None:
    """Raise WdbcError unless each recipe has every patient once in each repeat, in the same folds."""
    if predictions.empty:
        raise WdbcError("There are no predictions to compare.", where="cross_validation", hint="Evaluate a recipe.")
    keys = ["repeat", "patient", "fold", "diagnosis"]
    counts = predictions.groupby("recipe", sort=True).size()
    patients = predictions["patient"].nunique()
    once = not predictions.duplicated(["recipe", "repeat", "patient"]).any()
    same = predictions[keys].drop_duplicates()
    if not (once and len(same) == patients * predictions["repeat"].nunique() and (counts == len(same)).all()):
        raise WdbcError(
            "The recipes were not evaluated on the same patients in the same folds.",
            where="the predictions of cross_validation",
            hint="Evaluate them again: `wdbc evaluate --force`.",
        )
