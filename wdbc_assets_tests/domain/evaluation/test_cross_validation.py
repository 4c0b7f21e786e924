"""Nested cross-validation compared with scikit-learn, and checks that leakage is detected."""

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from wdbc_assets.domain.data import cleaning, contract, reading
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import comparison, cross_validation, floors
from wdbc_assets.domain.evaluation.cross_validation import FoldUnit
from wdbc_assets.domain.modeling import fitting, prediction, recipes
from wdbc_assets_tests import builders
from wdbc_assets_tests.domain import published


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return cleaning.clean(reading.read(builders.bundled_uci_bytes()))


def evaluated(frame: pd.DataFrame, *names: str, protocol: str = "quick", repeats: int = 3) -> pd.DataFrame:
    units = [unit for unit in cross_validation.units(names, protocol) if unit.repeat < repeats]
    return cross_validation.assemble(frame, {unit: cross_validation.evaluate_fold(frame, unit) for unit in units})[0]


def test_a_protocol_has_one_unit_per_recipe_repeat_and_fold() -> None:
    quick = cross_validation.units(["logistic", "svc", "logistic"], "quick")
    assert len(quick) == len(set(quick)) == 2 * 3 * 10
    assert len(cross_validation.units(["logistic"], "full")) == 100
    assert set(cross_validation.units(["logistic"], "quick")) < set(cross_validation.units(["logistic"], "full"))


def test_each_patient_is_scored_once_per_repeat_without_leakage(frame: pd.DataFrame) -> None:
    for repeat in range(3):
        answered = []
        for fold in range(10):
            fit_on, answer_for = cross_validation.fold_rows(frame, FoldUnit("logistic", repeat, fold))
            assert not set(fit_on) & set(answer_for)
            assert len(fit_on) + len(answer_for) == len(frame)
            answered += answer_for.tolist()
        assert sorted(answered) == list(range(len(frame)))


@pytest.mark.parametrize(
    ("recipe", "largest"),
    [("logistic", 1e-8), pytest.param("airflow_baseline", 1e-6, marks=pytest.mark.nightly)],
)
def test_predictions_equal_those_of_grid_search_cv(frame: pd.DataFrame, recipe: str, largest: float) -> None:
    X, y = cross_validation.measurements(frame)
    chosen = recipes.named(recipe)
    draws = [
        StratifiedKFold(5) if chosen.as_published else StratifiedKFold(5, shuffle=True, random_state=42 + repeat)
        for repeat in range(1 if chosen.as_published else 5)
    ]
    grid = [{name: [value] for name, value in one.items()} for one in chosen.candidates("full")]
    outer = StratifiedKFold(10, shuffle=True, random_state=0)
    first = list(outer.split(X, y))[:2]
    for fold, (fit_on, answer_for) in enumerate(first):
        inner = [split for draw in draws for split in draw.split(X.iloc[fit_on], y.iloc[fit_on])]
        plain = GridSearchCV(chosen.build(42), grid, scoring=chosen.scoring, cv=inner)
        with threadpoolctl.threadpool_limits(limits=1):  # only to save time
            plain.fit(X.iloc[fit_on], y.iloc[fit_on])
        expected = plain.predict_proba(X.iloc[answer_for])[:, 1]
        found = cross_validation.evaluate_fold(frame, FoldUnit(recipe, 0, fold))
        assert np.abs(expected - found.probabilities).max() <= largest
        assert found.winner == plain.best_params_


def test_the_search_that_is_evaluated_is_the_search_that_ships(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = cross_validation.measurements(frame)
    fit_on, scored = cross_validation.fold_rows(frame, FoldUnit("logistic", 0, 3))
    calls = []
    genuine = fitting.select

    def recorded(*args: Any, **options: Any) -> fitting.Selection:
        calls.append(genuine(*args, **options))
        return calls[-1]

    monkeypatch.setattr(fitting, "select", recorded)
    evaluated_fold = cross_validation.evaluate_fold(frame, FoldUnit("logistic", 0, 3))
    shipped = fitting.fit(X.iloc[fit_on], y.iloc[fit_on], recipe="logistic")
    assert calls[0] == calls[1]
    assert len(calls) == 2
    assert evaluated_fold.winner == shipped.winner
    assert evaluated_fold.probabilities == tuple(prediction.predict(shipped.pipeline, X.iloc[scored]))


ELSEWHERE = floors.limits(floors.RECIPE, 1, published=False)


@pytest.mark.nightly
def test_the_penalty_that_ships_is_the_one_most_outer_folds_select(frame: pd.DataFrame) -> None:
    outcomes = [cross_validation.evaluate_fold(frame, FoldUnit("logistic", 0, fold)) for fold in range(10)]
    counts = Counter(outcome.winner["logistic__C"] for outcome in outcomes)
    X, _, y, _ = published.split()
    shipped = fitting.fit(X, y, recipe="logistic").winner["logistic__C"]
    assert counts.most_common(1)[0][0] == shipped == 1.0


def test_shuffled_labels_give_chance_level_metrics(frame: pd.DataFrame) -> None:
    shuffled = frame.assign(
        **{contract.DIAGNOSIS: np.random.default_rng(42).permutation(frame[contract.DIAGNOSIS].to_numpy())}
    )
    figures = comparison.summary(evaluated(shuffled, "logistic", repeats=1)).recipes["logistic"].means
    assert (figures["roc_auc"] or 1.0) < 0.60
    assert {line.partition(" ")[0] for line in floors.missed(figures, ELSEWHERE)} == set(floors.METRICS)


def test_a_leaked_target_gives_suspiciously_good_metrics(frame: pd.DataFrame) -> None:
    leaking = frame.assign(area_worst=frame["area_worst"] + 1e5 * frame[contract.DIAGNOSIS])
    figures = comparison.summary(evaluated(leaking, "logistic", repeats=1)).recipes["logistic"].means
    assert {line.partition(" ")[0] for line in floors.alarms(figures, ELSEWHERE)} == {
        "accuracy",
        "f1",
        "log_loss",
        "brier",
    }


@pytest.mark.parametrize("recipe", [pytest.param("svc", marks=pytest.mark.nightly), "stacking"])
def test_the_other_recipes_predict_reproducible_probabilities(frame: pd.DataFrame, recipe: str) -> None:
    first, second = (cross_validation.evaluate_fold(frame, FoldUnit(recipe, 0, 3)) for _ in range(2))
    assert first == second
    assert 0 <= min(first.probabilities) < 0.1 < 0.9 < max(first.probabilities) <= 1


def test_a_failed_fold_reports_recipe_repeat_fold_and_reason(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = recipes.Recipe(
        name="broken",
        summary="",
        scoring="accuracy",
        build=recipes.named("svc").build,
        grids={"full": [{"svc__estimator__gamma": -1.0}]},
    )
    monkeypatch.setitem(recipes.RECIPES, "broken", broken)
    with warnings.catch_warnings(), pytest.raises(WdbcError, match=r"^broken, repeat 2, fold 4 of 10: .*gamma"):
        cross_validation.evaluate_fold(frame, FoldUnit("broken", 1, 3))


@pytest.mark.parametrize(
    ("names", "protocol", "message"),
    [([], "quick", "no recipe"), (["nonsense"], "quick", "nonsense"), (["logistic"], "long", "'long'")],
)
def test_invalid_recipes_and_protocols_are_rejected(names: list[str], protocol: str, message: str) -> None:
    with pytest.raises(WdbcError, match=message):
        cross_validation.units(names, protocol)


def test_too_few_patients_are_rejected(frame: pd.DataFrame) -> None:
    with pytest.raises(WdbcError, match="malignant"):
        cross_validation.evaluate_fold(frame[frame[contract.DIAGNOSIS] == 0], FoldUnit("logistic", 0, 0))
