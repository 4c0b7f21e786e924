"""Validation of a repeated cross-validation: its predictions match its folds, and its metrics are within bounds.

`floors` defines the bounds. Messages contain rows and counts, never a patient's value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data.failures import SHOWN, Failure
from wdbc_assets.domain.evaluation import cross_validation, floors
from wdbc_assets.domain.rules import findings
from wdbc_assets.domain.rules.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.data import membership
    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.evaluation.results import EvaluationSummary
    from wdbc_assets.domain.rules.base import Rule


def validate(value: CrossValidation, frame: pd.DataFrame) -> list[Finding]:
    """Validate an evaluation of a clean frame by `floors.RULES`, in their order; rows are counted from 1."""
    wrong = list(_wrong_predictions(value.predictions, frame, value.summary.split_method))
    return found(value.summary, wrong)


def found(summary: EvaluationSummary, wrong: Sequence[Failure]) -> list[Finding]:
    """Return the findings for a summary whose predictions of these patients are not as they should be."""
    means, calibration = summary.recipes[floors.RECIPE].means, summary.calibration[floors.RECIPE]
    limits = floors.limits(floors.RECIPE, summary.repeats, published=summary.published)
    return [
        _patient_finding(floors.each_patient_is_predicted_once, wrong),
        findings.from_lines(floors.better_than_chance, floors.no_better_than_chance(means)),
        findings.from_lines(floors.no_metric_is_too_good, floors.alarms(means, limits)),
        findings.from_lines(floors.metrics_reach_the_floors, floors.missed(means, limits)),
        findings.from_lines(floors.probabilities_are_calibrated, floors.miscalibrated(calibration)),
    ]


def _wrong_predictions(predictions: pd.DataFrame, frame: pd.DataFrame, method: membership.Method) -> Iterator[Failure]:
    """Compare the predictions of each recipe and repeat with the folds and diagnoses of the frame."""
    y = frame[contract.DIAGNOSIS].to_numpy()
    for repeat in range(int(predictions["repeat"].max()) + 1):
        fold_of = cross_validation.folds(frame, repeat, method)
        in_repeat = predictions[predictions["repeat"] == repeat]
        for recipe in predictions["recipe"].unique():
            own = in_repeat[in_repeat["recipe"] == recipe]
            for row, what in _faults(own, y, fold_of):
                yield Failure(row, str(recipe), f"{what}, in repeat {repeat + 1}")


def _faults(predictions: pd.DataFrame, y: np.ndarray, fold_of: np.ndarray) -> Iterator[tuple[int, str]]:
    import numpy as np

    is_known = predictions["patient"].between(0, len(y) - 1)
    known = predictions[is_known]
    patients = known["patient"].to_numpy()
    times = np.bincount(patients, minlength=len(y))
    for rows, what in (
        (predictions["patient"][~is_known], "not a patient of the clean frame"),
        (np.flatnonzero(times == 0), "no prediction"),
        (np.flatnonzero(times > 1), "more than one prediction"),
        (patients[fold_of[patients] != known["fold"]], "predicted by a model that was fitted on this patient"),
        (patients[y[patients] != known["diagnosis"]], "not the diagnosis of the clean frame"),
    ):
        yield from ((int(row) + 1, what) for row in rows)


def _patient_finding(rule: Rule, failures: Sequence[Failure]) -> Finding:
    first = failures[0] if failures else None
    summary = f"{len(failures)} times, first at row {first.row}: {first.value}" if first else "holds"
    return Finding(
        rule.name,
        passed=not failures,
        blocking=rule.blocking,
        summary=f"{rule.name}: {summary}",
        count=len(failures),
        failures=tuple(failures[:SHOWN]),
        hint=rule.hint,
        holds_values=False,
    )
