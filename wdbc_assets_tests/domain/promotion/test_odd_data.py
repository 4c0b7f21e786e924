"""Odd data from the search to the bundle: a right number, or the reason why there is none; never NaN, never a crash."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.cli import decisions
from wdbc_assets.domain.data import contract, splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import comparison, cross_validation, curves, metrics, policy_derivation, utility
from wdbc_assets.domain.evaluation.cross_validation import FoldUnit
from wdbc_assets.domain.evaluation.results import EvaluationSummary
from wdbc_assets.domain.modeling import fitting, prediction, recipes
from wdbc_assets.domain.promotion import bundles, criteria
from wdbc_assets.domain.promotion.gate import Verdict
from wdbc_assets.store import codecs, parsing
from wdbc_assets_tests import champions
from wdbc_assets_tests.domain import out_of_fold, published

Frame = pd.DataFrame
PATIENTS = 180


def frame(patients: int = PATIENTS) -> Frame:
    parts = published.split()
    diagnosis = pd.concat([parts.y_train, parts.y_test]).sort_index().astype("int64")
    return published.frame().assign(**{contract.DIAGNOSIS: diagnosis}).iloc[:patients].reset_index(drop=True)


def constant(table: Frame) -> Frame:
    return table.assign(radius_mean=14.0, texture_se=0.0)


def two_values(table: Frame) -> Frame:
    number = np.arange(len(table))
    return table.assign(radius_mean=np.where(number % 3 == 0, 10.0, 20.0), concavity_mean=(number % 20 == 0) * 0.1)


def zero_for_a_class(table: Frame) -> Frame:
    malignant = table[contract.DIAGNOSIS]
    return table.assign(concavity_mean=table["concavity_mean"] * malignant)


def separable(table: Frame) -> Frame:
    return table.assign(radius_mean=table["radius_mean"] + 100 * table[contract.DIAGNOSIS])


@pytest.fixture(autouse=True)
def small_grids_and_few_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_validation, "OUTER_FOLDS", 4)
    for name in ("logistic", "spline"):
        recipe = recipes.RECIPES[name]
        monkeypatch.setitem(
            recipes.RECIPES, name, replace(recipe, grids={**recipe.grids, "full": recipe.grids["small"]})
        )


def evaluated(table: Frame, recipe: str) -> tuple[Frame, EvaluationSummary]:
    units = [FoldUnit(recipe, 0, fold) for fold in range(cross_validation.OUTER_FOLDS)]
    outcomes = {unit: cross_validation.evaluate_fold(table, unit) for unit in units}
    predictions, _ = cross_validation.assemble(table, outcomes)
    return predictions, comparison.summary(predictions, table)


def all_the_way(table: Frame, recipe: str) -> tuple[EvaluationSummary, Verdict, bundles.Bundle]:
    """Evaluate, judge, fit, set the policy, and bundle; every result is written as JSON, which has no NaN."""
    predictions, summary = evaluated(table, recipe)
    split = splitting.split(table)
    fit = fitting.fit(split.X_train, split.y_train, recipe=recipe, repeats=1)
    tested = metrics.evaluate(split.y_test, prediction.predict(fit.pipeline, split.X_test), bootstrap=200)
    policy = policy_derivation.derive(split, fit)
    bundle = bundles.make(
        fit, policy, bundles.TrainingSet.of(split.X_train), {"fitted_pipeline": "f" * 64, "decision_policy": "d" * 64}
    )
    assert codecs.encode("champion", bundle)
    verdict = out_of_fold.compare(predictions, candidate=recipe, champion=None)
    for result in (summary, tested, policy, verdict):
        codecs.to_json(parsing.plain(result))
    return summary, verdict, bundle


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["logistic", "spline"])
@pytest.mark.parametrize("change", [constant, two_values, zero_for_a_class, separable])
def test_odd_measurements_pass_through_the_whole_pipeline(change: Callable[[Frame], Frame], recipe: str) -> None:
    table = change(frame())
    summary, verdict, bundle = all_the_way(table, recipe)
    assert bundle.scorer is not None
    assert verdict.name in ("first", "inconclusive")
    radius = summary.subgroups[recipe][0].recall
    slope = summary.calibration[recipe].slope
    if change is separable:
        assert slope.reason == (
            "the probabilities separate the classes without error, so every larger slope fits better"
        )
        assert {"alarms", "calibration"} <= set(verdict.broken)
        assert summary.recipes[recipe].roc_auc.mean == 1.0
    else:
        assert slope.mean is not None
    if change is constant:
        assert radius.reason == "all values are equal, so there are no quarters"
    if change is two_values:
        assert radius.reason == "so many values are equal that there are fewer than four groups"
        assert [(group.smallest, group.largest) for group in radius.groups] == [(10.0, 10.0), (20.0, 20.0)]


@pytest.mark.parametrize("of", ["evaluation", "search", "policy"])
def test_a_class_of_three_is_refused_with_both_numbers(of: str) -> None:
    table = frame(100)
    malignant = np.flatnonzero(table[contract.DIAGNOSIS])
    table = table.drop(index=malignant[3:].tolist()).reset_index(drop=True)
    X, y = table[list(contract.FEATURES)], table[contract.DIAGNOSIS]
    step: Callable[[], object] = {
        "evaluation": lambda: cross_validation.evaluate_fold(table, FoldUnit("logistic", 0, 0)),
        "search": lambda: fitting.fit(X, y, recipe="logistic"),
        "policy": lambda: policy_derivation.derive(splitting.Split(X, X, y, y), champions.fit("logistic")),
    }[of]
    with pytest.raises(WdbcError, match="Number of malignant patients: 3; needed: at least"):
        step()


def test_a_resample_without_a_class_has_a_net_benefit_too() -> None:
    """Of 20 patients with one malignant, a third of the resamples have none."""
    y, p = np.r_[1, np.zeros(19, dtype=np.int64)], np.r_[0.9, np.full(19, 0.02)][None]
    curve = utility.decision_curve(y, p)
    assert np.isfinite([*curve.low, *curve.high, *curve.net_benefit]).all()
    assert curve.low[-1] <= 0 < curve.high[-1]


def test_a_slope_that_does_not_converge_is_a_reason_and_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_STEPS", 1)
    table = out_of_fold.honest().assign(recipe="logistic")
    slope = comparison.summary(table).calibration["logistic"].slope
    assert (slope.mean, slope.reason) == (None, "the logistic regression did not converge")
    verdict = out_of_fold.compare(table, candidate="logistic", champion=None)
    (calibration,) = (one for one in verdict.criteria if one.name == "calibration")
    assert (calibration.holds, calibration.value) == (False, None)
    assert calibration.found == "no slope: the logistic regression did not converge"


def test_a_champion_without_predictions_names_the_command_that_makes_them() -> None:
    table = out_of_fold.honest().assign(recipe="svc")
    verdict = out_of_fold.compare(table, candidate="svc", champion="logistic")
    assert (verdict.name, verdict.promoted) == ("not measured", False)
    assert "`wdbc evaluate --recipe logistic` makes them" in verdict.reason
    assert "the recipe gone no longer exists" in out_of_fold.compare(table, candidate="svc", champion="gone").reason


def test_the_fiftieth_candidate_in_a_row_has_spent_nearly_all_of_alpha_and_is_shown_so() -> None:
    good = out_of_fold.honest()
    verdict = out_of_fold.compare(
        out_of_fold.with_loss(good, 0.001).assign(recipe="svc"),
        candidate="svc",
        champion="logistic",
        champion_predictions=good,
        attempt=50,
    )
    (log_loss,) = (one for one in verdict.criteria if one.name == "log_loss")
    assert log_loss.demand == "upper bound of the 99.9988 % interval below 0"
    (attempt,) = (line for line in decisions.notes(verdict) if line.startswith("attempt"))
    assert attempt.endswith("50 of a candidate against this champion, at the level 1.2e-05")
    assert sum(criteria.alpha(number) for number in range(1, 51)) < 0.05
    assert [criteria.level(number) for number in (1, 2, 1000)] == ["96.96 %", "99.24 %", "99.9999970 %"]


def test_patients_with_measurements_that_do_not_belong_to_the_predictions_are_refused() -> None:
    table = out_of_fold.honest().assign(recipe="logistic")
    with pytest.raises(WdbcError, match="measurements of 100 patients for predictions of 569"):
        comparison.summary(table, published.frame().iloc[:100])
