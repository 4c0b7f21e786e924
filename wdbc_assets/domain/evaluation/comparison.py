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

from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import contract, membership, published
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import (
    calibration,
    delong,
    out_of_fold,
    prevalence,
    ranking,
    sample_size,
    subgroups,
    utility,
)
from wdbc_assets.domain.evaluation.out_of_fold import PredictionsInTable
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
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from wdbc_assets.domain.evaluation.cross_validation import Winner
    from wdbc_assets.domain.evaluation.out_of_fold import OutOfFoldPredictions, RecipePredictions
    from wdbc_assets.domain.evaluation.results import (
        Calibration,
        DecisionCurve,
        ExternalValidation,
        MeasurementSubgroups,
        OtherPrevalence,
    )

    Array = NDArray[np.float64]

THRESHOLD = 0.5
_UNBOUNDED = ("log_loss",)
_POOLED_ONLY = ("ece",)  # the 57 patients of one fold are too few for it


@dataclass(frozen=True)
class CrossValidation:
    """The predictions of all units as `cross_validation.assemble` returns them, their winners, and the summary."""

    predictions: pd.DataFrame
    winners: tuple[Winner, ...]
    summary: EvaluationSummary

    @property
    def evaluated(self) -> OutOfFoldPredictions:
        """The predictions by recipe."""
        return PredictionsInTable(self.predictions)


@dataclass(frozen=True)
class EvaluatedPatients:
    """The patients that were evaluated: how many, whether they are the published ones, and their measurements.

    `column` returns the measurements of a column, shape (n,).
    """

    rows: int
    is_published: bool
    column: Callable[[str], Array]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> EvaluatedPatients:
        """Return the patients of a clean frame."""
        is_published = published.is_published(frame)
        return cls(len(frame), is_published, lambda column: frame[column].to_numpy(dtype=np.float64))


@dataclass(frozen=True, kw_only=True)
class _Figures:
    """What the summary says of one recipe, and each metric in each repeat and in each fold of each repeat."""

    pooled: dict[str, Array]
    by_fold: dict[str, Array]
    calibration: Calibration
    decision_curve: DecisionCurve
    costly_patients: CostlyPatients
    other_prevalences: tuple[OtherPrevalence, ...]
    external_validation: ExternalValidation
    subgroups: tuple[MeasurementSubgroups, ...]


def summary(
    predictions: pd.DataFrame, frame: pd.DataFrame | None = None, method: membership.Method = "shuffled"
) -> EvaluationSummary:
    """Summarize predictions as `cross_validation.assemble` returns them, on a clean frame: see `summarize`."""
    return summarize(PredictionsInTable(predictions), None if frame is None else EvaluatedPatients.of(frame), method)


def summarize(
    evaluated: OutOfFoldPredictions, measured: EvaluatedPatients | None = None, method: membership.Method = "shuffled"
) -> EvaluationSummary:
    """Summarize the predictions of a cross-validation. Intervals are clipped to [0, 1] except for the log-loss.

    Args:
        evaluated: The predictions. Those of one recipe at a time are held in memory.
        measured: The patients; without them, the summary has no subgroups, and the data count as other than the
            published ones.
        method: How the folds were drawn.

    Raises:
        WdbcError: a recipe does not have every patient once in each repeat, in the same folds, or the measurements are
            of other patients.
    """
    names = sorted(evaluated.recipes, key=lambda name: (name != recipes.BASELINE, name))
    if not names:
        raise WdbcError("There are no predictions to compare.", where="cross_validation", hint="Evaluate a recipe.")
    first = evaluated.of(names[0])
    _require_measurements(first, measured)
    for name in names:
        out_of_fold.require_pairs(first, evaluated.of(name))
    figures = {name: _figures(evaluated.of(name), measured) for name in names}
    folds = first.folds

    def metric(name: str, measure: str) -> Mean:
        values = figures[name].pooled[measure]
        fold_mean, low, high = math.nan, math.nan, math.nan
        if measure not in _POOLED_ONLY:
            fold_mean, low, high = corrected_interval(figures[name].by_fold[measure], folds=folds)
            low, high = max(low, 0.0), high if measure in _UNBOUNDED else min(high, 1.0)
        sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        return Mean(
            mean=_defined(float(values.mean())),
            sd=_defined(sd),
            low=_defined(low),
            high=_defined(high),
            of_folds=_defined(fold_mean),
        )

    def difference(minus: str, recipe: str, measure: str) -> Difference:
        mean, low, high = corrected_interval(
            figures[recipe].by_fold[measure] - figures[minus].by_fold[measure], folds=folds
        )
        return Difference(mean=_defined(mean), low=_defined(low), high=_defined(high))

    return EvaluationSummary(
        patients=len(first.y),
        repeats=len(first.repeats),
        folds=folds,
        split_method=method,
        published=measured is not None and measured.is_published,
        recipes={
            name: RecipeMetrics(**{measure: metric(name, measure) for measure in figures[name].pooled})
            for name in names
        },
        differences=tuple(
            RecipeDifference(
                recipe=second,
                minus=first,
                **{
                    measure: difference(first, second, measure)
                    for measure in figures[first].pooled
                    if measure not in _POOLED_ONLY
                },
            )
            for first, second in combinations(names, 2)
        ),
        calibration={name: own.calibration for name, own in figures.items()},
        decision_curves={name: own.decision_curve for name, own in figures.items()},
        costly_patients={name: own.costly_patients for name, own in figures.items()},
        other_prevalences={name: own.other_prevalences for name, own in figures.items()},
        external_validation={name: own.external_validation for name, own in figures.items()},
        subgroups={} if measured is None else {name: own.subgroups for name, own in figures.items()},
    )


def means(own: RecipePredictions) -> dict[str, float | None]:
    """Return the mean of each metric over the repeats, as the summary has it."""
    return {name: _defined(float(values.mean())) for name, values in _by_repeat(own).items()}


def _figures(own: RecipePredictions, measured: EvaluatedPatients | None) -> _Figures:
    y, p = own.y, own.p
    by_fold = [
        compute_metrics(y[folds == fold], probabilities[folds == fold])
        for probabilities, folds in zip(p, own.fold_of, strict=True)
        for fold in np.unique(folds)
    ]
    return _Figures(
        pooled=_by_repeat(own),
        by_fold=_by_metric(by_fold),
        calibration=calibration.summary(y, p),
        decision_curve=utility.decision_curve(y, p),
        costly_patients=costly_patients(y, p),
        other_prevalences=tuple(prevalence.elsewhere(y, p, other) for other in prevalence.PREVALENCES),
        external_validation=sample_size.external_validation(float(y.mean()), p),
        subgroups=() if measured is None else subgroups.quarters(measured.column, y, p),
    )


def _by_repeat(own: RecipePredictions) -> dict[str, Array]:
    return _by_metric([compute_metrics(own.y, p) for p in own.p])


def _by_metric(rows: list[dict[str, float]]) -> dict[str, Array]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


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
        **{name: float(patient_losses.mean()) for name, patient_losses in losses.items()},
        "ece": calibration.expected_calibration_error(truth, probability),
    }


def corrected_interval(
    values: NDArray[np.float64], *, folds: int, confidence: float = defaults.CONFIDENCE
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


def _require_measurements(own: RecipePredictions, measured: EvaluatedPatients | None) -> None:
    if measured is not None and measured.rows != len(own.y):
        raise WdbcError(
            f"There are measurements of {measured.rows} patients for predictions of {len(own.y)}.",
            where="cross_validation",
            hint="Evaluate the patients of this clean frame: `wdbc evaluate`.",
        )
