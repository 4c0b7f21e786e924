"""Rules of an evaluation: the patients and metrics that each violation reports, and the counts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data.failures import SHOWN
from wdbc_assets.domain.evaluation import comparison, cross_validation, floors, rules
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.cross_validation import FoldOutcome, FoldUnit
from wdbc_assets.domain.evaluation.results import Mean, RecipeMetrics
from wdbc_assets.domain.rules.findings import Finding
from wdbc_assets_tests.domain import validation

FOLDS = floors.each_patient_is_predicted_once.name


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return validation.clean_frame()


@pytest.fixture(scope="module")
def good(frame: pd.DataFrame) -> CrossValidation:
    """Return an evaluation that is right for 49 of 50 patients, with low confidence."""
    y = frame["diagnosis"].to_numpy()
    answers = np.where(np.arange(len(y)) % 50 == 7, 1 - y, y) * 0.8 + 0.1
    outcomes = {
        unit: FoldOutcome({}, tuple(answers[cross_validation.fold_rows(frame, unit)[1]].tolist()))
        for unit in (FoldUnit(floors.RECIPE, repeat, fold) for repeat in range(2) for fold in range(10))
    }
    predictions, winners = cross_validation.assemble(frame, outcomes)
    return CrossValidation(predictions, winners, comparison.summary(predictions))


def findings(value: CrossValidation, frame: pd.DataFrame) -> dict[str, Finding]:
    return {finding.rule: finding for finding in rules.validate(value, frame)}


def spoilt(value: CrossValidation, spoil: Callable[[pd.DataFrame], pd.DataFrame]) -> CrossValidation:
    return CrossValidation(spoil(value.predictions.copy()), value.winners, value.summary)


def test_every_rule_is_checked_in_order(good: CrossValidation, frame: pd.DataFrame) -> None:
    found = findings(good, frame)
    assert list(found) == [rule.name for rule in floors.RULES]
    assert found[FOLDS].passed
    assert found[FOLDS].summary == f"{FOLDS}: holds"


def in_row_3(column: str, becomes: Callable[[int], int]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{column: [becomes(value) if row == 3 else value for row, value in table[column].items()]})

    return spoil


@pytest.mark.fault("D12")
@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            in_row_3("fold", lambda fold: (fold + 1) % 10),
            [(4, "predicted by a model that was fitted on this patient, in repeat 1")],
        ),
        (
            in_row_3("diagnosis", lambda diagnosis: 1 - diagnosis),
            [(4, "not the diagnosis of the clean frame, in repeat 1")],
        ),
        (lambda table: table.drop(3), [(4, "no prediction, in repeat 1")]),
        (lambda table: pd.concat([table, table.iloc[[572]]]), [(4, "more than one prediction, in repeat 2")]),
        (
            in_row_3("patient", lambda patient: 569),
            [(570, "not a patient of the clean frame, in repeat 1"), (4, "no prediction, in repeat 1")],
        ),
    ],
    ids=["in another fold", "relabelled", "left out", "twice", "of nobody"],
)
def test_a_wrong_prediction_is_reported_with_patient_recipe_and_repeat(
    good: CrossValidation, frame: pd.DataFrame, spoil: Any, expected: list[tuple[int, str]]
) -> None:
    found = findings(spoilt(good, spoil), frame)[FOLDS]
    assert not found.passed
    assert found.blocking
    assert [(one.row, one.column, one.value) for one in found.failures] == [
        (row, floors.RECIPE, text) for row, text in expected
    ]
    assert found.summary.startswith(f"{FOLDS}: {len(expected)} times, first at row {expected[0][0]}")


def test_wrong_predictions_are_counted_and_the_first_ten_are_shown(good: CrossValidation, frame: pd.DataFrame) -> None:
    found = findings(spoilt(good, lambda table: table.assign(fold=(table["fold"] + 1) % 10)), frame)[FOLDS]
    assert found.count == 2 * 569
    assert len(found.failures) == SHOWN


@pytest.mark.parametrize(
    ("metric", "mean", "broken"),
    [
        ("roc_auc", 0.59, {"better_than_chance", "metrics_reach_the_floors"}),
        ("roc_auc", None, {"better_than_chance", "metrics_reach_the_floors"}),
        ("precision", None, {"metrics_reach_the_floors"}),
        ("roc_auc", 0.6, {"metrics_reach_the_floors"}),
        ("roc_auc", 0.999, {"no_metric_is_too_good"}),
    ],
)
def test_a_metric_violates_the_rules_that_bound_it(
    good: CrossValidation, frame: pd.DataFrame, metric: str, mean: float | None, broken: set[str]
) -> None:
    limits = floors.limits(floors.RECIPE, 3, published=True)
    means = {name: bounds.floor for name, bounds in limits.items()} | {
        "specificity": 0.98,
        "ece": 0.5,
        metric: mean,
    }
    figures = RecipeMetrics(**{name: Mean(mean=value, sd=0.0, low=None, high=None) for name, value in means.items()})
    calibrated = replace(good.summary.calibration[floors.RECIPE], spiegelhalter_z=0.0, bins=())
    summary = replace(
        good.summary,
        repeats=3,
        published=True,
        recipes={floors.RECIPE: figures},
        calibration={floors.RECIPE: calibrated},
    )
    found = findings(CrossValidation(good.predictions, good.winners, summary), frame)
    assert {name for name, finding in found.items() if not finding.passed} == broken
    for name in broken:
        assert [failure.column for failure in found[name].failures] == [metric]
