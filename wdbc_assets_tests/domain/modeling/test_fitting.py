"""Fitting: reproduces the reference project's metrics, converges on all candidates, and is deterministic."""

import functools
import hashlib
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import fitting, recipes, search
from wdbc_assets_tests.domain import published

ROOT = Path(__file__).resolve().parents[3]


@functools.cache
def fitted(recipe: str, grid: str = "full") -> fitting.Fit:
    X, _, y, _ = published.split()
    return fitting.fit(X, y, recipe=recipe, grid=grid)


def digest(fit: fitting.Fit) -> str:
    """Return a digest of all numbers in the fitted pipeline that predictions depend on."""
    digest_ = hashlib.sha256()
    for _, step in fit.pipeline.steps:
        for name, value in sorted(vars(step).items()):
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                digest_.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return digest_.hexdigest()


def registered(monkeypatch: pytest.MonkeyPatch, recipe: recipes.Recipe) -> str:
    monkeypatch.setitem(recipes.RECIPES, recipe.name, recipe)
    return recipe.name


def test_the_reference_project_is_reproduced_to_the_digit() -> None:
    _, X_test, _, y_test = published.split()
    fit = fitted("airflow_baseline")
    assert fit.winner == {"logistic__C": 1.0, "pca__n_components": 0.9}
    assert fit.pipeline.named_steps["pca"].n_components_ == 6
    assert fit.score == pytest.approx(0.9692, abs=5e-5)
    predicted = fit.pipeline.predict(X_test)
    assert confusion_matrix(y_test, predicted).tolist() == [[71, 1], [2, 40]]
    metrics = [score(y_test, predicted) for score in (accuracy_score, precision_score, recall_score, f1_score)]
    assert metrics == pytest.approx([0.9737, 0.9756, 0.9524, 0.9639], abs=5e-5)


def test_all_sixty_candidates_of_pca_logistic_converge_without_warnings() -> None:
    fit = fitted("pca_logistic")
    assert len(fit.candidates) == 60
    assert all(candidate.converged for candidate in fit.candidates)
    assert fit.warnings == ()
    assert np.isfinite([candidate.fold_scores for candidate in fit.candidates]).all()
    assert sorted(candidate.rank for candidate in fit.candidates) == list(range(1, 61))


def test_pca_logistic_searches_the_grid_the_reference_project_describes() -> None:
    names = ("logistic__l1_ratio", "logistic__fit_intercept", "pca__n_components")
    searched = {tuple(candidate.params[name] for name in names) for candidate in fitted("pca_logistic").candidates}
    assert searched == {(ratio, fit, share) for ratio in (0, 0.5, 1) for fit in (True, False) for share in (0.9, 0.95)}


def test_the_pipeline_has_the_parameters_of_the_best_candidate() -> None:
    fit = fitted("pca_logistic")
    (first,) = (candidate for candidate in fit.candidates if candidate.rank == 1)
    assert (fit.winner, fit.score) == (first.params, first.mean_score)
    assert fit.score == max(candidate.mean_score for candidate in fit.candidates)
    assert fit.winner.items() <= fit.pipeline.get_params().items()


def test_the_pipeline_equals_scikit_learns_fit_with_the_same_parameters() -> None:
    X, X_test, y, _ = published.split()
    fit = fitted("logistic")
    expected = recipes.named("logistic").build(42).set_params(**fit.winner).fit(X, y)
    assert fit.pipeline.predict_proba(X_test) == pytest.approx(expected.predict_proba(X_test), abs=1e-9)


def test_transformers_are_fitted_once_per_fold() -> None:
    # One power transform, one scaling and two PCAs per fold, and three steps for the final fit.
    assert fitted("pca_logistic").fit_counts == {"transformers": 5 * 4 + 3, "estimators": 5 * 60 + 1}


def test_progress_counts_every_fit_up_to_the_total() -> None:
    X, _, y, _ = published.split()
    calls: list[tuple[int, int]] = []
    fitting.fit(X, y, recipe="logistic", folds=2, repeats=3, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 9 * 2 * 3 + 1) for done in range(1, 9 * 2 * 3 + 2)]


def test_the_search_repeats_five_folds_five_times_and_selects_the_penalty_of_most_outer_folds() -> None:
    fit = fitted("logistic")
    assert (fit.folds, fit.repeats, fit.seed) == (5, 5, 42)
    assert {len(candidate.fold_scores) for candidate in fit.candidates} == {25}
    assert fit.winner == {"logistic__C": 1.0}  # one draw of folds that are not shuffled selects 3


def test_the_recipes_of_the_reference_project_keep_its_search() -> None:
    assert {name for name, recipe in recipes.RECIPES.items() if recipe.as_published} == {
        "airflow_baseline",
        "pca_logistic",
    }
    fit = fitted("airflow_baseline")
    assert (fit.repeats, {len(candidate.fold_scores) for candidate in fit.candidates}) == (1, {5})


def test_a_single_candidate_is_scored_on_one_draw_of_folds() -> None:
    fit = fitted("logistic", "small")
    assert (fit.repeats, len(fit.candidates[0].fold_scores)) == (1, 5)


def test_the_seed_of_the_search_determines_its_folds() -> None:
    X, _, y, _ = published.split()
    first, second = (fitting.fit(X, y, recipe="logistic", grid="small", seed=seed) for seed in (42, 2**32 - 1))
    assert first.candidates[0].fold_scores != second.candidates[0].fold_scores


def test_a_new_recipe_is_one_decorated_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "RECIPES", dict(recipes.RECIPES))

    @recipes.recipe(scoring="accuracy", full=[{"model__C": 0.1}], small=[{"model__C": 0.1}])
    def unscaled(seed: int) -> Pipeline:
        """Logistic regression on raw units."""
        return Pipeline([("model", LogisticRegression(solver="newton-cholesky", random_state=seed))])

    X, _, y, _ = published.split()
    fit = fitting.fit(X, y, recipe="unscaled")
    assert fit.score > 0.9
    assert recipes.named("unscaled").summary == "Logistic regression on raw units."


@pytest.mark.fault("T02")
def test_a_winner_that_does_not_converge_on_all_rows_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    X, _, y, _ = published.split()
    recipe = replace(
        recipes.named("logistic"), build=lambda seed: Pipeline([("logistic", LogisticRegression(max_iter=1))])
    )
    converged = replace(fitted("logistic").candidates[0], rank=1, params={"logistic__C": 1.0})
    result = search.Search(candidates=(converged,), transformer_fits=0, estimator_fits=0, warnings=())
    monkeypatch.setattr(search, "search", lambda *args, **options: result)
    with pytest.raises(WdbcError, match="not on all training rows"):
        fitting.fit(X, y, recipe=registered(monkeypatch, recipe))


REJECTED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown recipe": ({"recipe": "forest"}, "no recipe 'forest'"),
    "unknown grid": ({"grid": "tiny"}, "no grid 'tiny'"),
    "one fold": ({"folds": 1}, "folds = 1 is out of range"),
    "more folds than patients of a class": ({"folds": 171}, "malignant patients: 170; needed: at least 171"),
    "no repeat": ({"repeats": 0}, "repeats = 0 is out of range"),
    "negative seed": ({"seed": -1}, "seed = -1 is out of range"),
    "seed beyond 32 bits": ({"seed": 2**32}, "seed = 4294967296 is out of range"),
}


@pytest.fixture
def no_fitting(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise AssertionError("fitting started")

    monkeypatch.setattr(search, "search", fail)


@pytest.mark.fault("T03")
@pytest.mark.usefixtures("no_fitting")
@pytest.mark.parametrize("case", REJECTED)
def test_invalid_settings_are_rejected_before_fitting(case: str) -> None:
    X, _, y, _ = published.split()
    options, message = REJECTED[case]
    with pytest.raises(WdbcError, match=message):
        fitting.fit(X, y, **{"recipe": "logistic", **options})


@pytest.mark.fault("T03")
@pytest.mark.usefixtures("no_fitting")
def test_an_empty_grid_is_rejected_before_fitting(monkeypatch: pytest.MonkeyPatch) -> None:
    X, _, y, _ = published.split()
    empty = registered(monkeypatch, replace(recipes.named("logistic"), grids={"full": []}))
    with pytest.raises(WdbcError, match="is empty"):
        fitting.fit(X, y, recipe=empty)


@pytest.mark.usefixtures("no_fitting")
def test_missing_measurements_are_rejected_before_fitting() -> None:
    X, _, y, _ = published.split()
    with pytest.raises(WdbcError, match="Blank or infinite cells in 1 of 30 columns"):
        fitting.fit(X.assign(radius_mean=np.nan), y, recipe="logistic")


@pytest.mark.fault("D10")
@pytest.mark.usefixtures("no_fitting")
def test_a_training_set_of_one_class_is_rejected_before_fitting() -> None:
    X, _, y, _ = published.split()
    with pytest.raises(WdbcError, match="malignant patients: 0; needed: at least 5"):
        fitting.fit(X, y * 0, recipe="logistic")


@pytest.mark.fault("T05")
def test_the_same_rows_give_the_same_model_bit_for_bit() -> None:
    X, _, y, _ = published.split()
    again = fitting.fit(X.copy(), y.copy(), recipe="pca_logistic", grid="small")
    assert digest(again) == digest(fitted("pca_logistic", "small"))
    assert again.candidates == fitted("pca_logistic", "small").candidates


@pytest.mark.fault("T05")
def test_the_order_of_the_grid_does_not_change_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    X, _, y, _ = published.split()
    original = recipes.named("airflow_baseline")
    written = list(original.grids["full"])
    random.Random(1).shuffle(written)
    shuffled = fitting.fit(
        X, y, recipe=registered(monkeypatch, replace(original, name="shuffled", grids={"full": written}))
    )
    assert shuffled.candidates == fitted("airflow_baseline").candidates
    assert digest(shuffled) == digest(fitted("airflow_baseline"))


@pytest.mark.fault("T05")
def test_linear_algebra_runs_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()

    def record(X: pd.DataFrame) -> pd.DataFrame:
        threads.update(library["num_threads"] for library in threadpoolctl.threadpool_info())
        return X

    def build(seed: int) -> Pipeline:
        return Pipeline([("record", FunctionTransformer(record)), ("logistic", LogisticRegression(max_iter=10_000))])

    X, _, y, _ = published.split()
    with threadpoolctl.threadpool_limits(limits=2):
        fitting.fit(
            X, y, recipe=registered(monkeypatch, replace(recipes.named("logistic"), build=build)), grid="small", folds=2
        )
        assert {library["num_threads"] for library in threadpoolctl.threadpool_info()} == {2}
    assert threads == {1}


THREADS = """
import sys
from wdbc_assets.domain.evaluation import metrics
from wdbc_assets.domain.modeling import fitting, prediction
from wdbc_assets_tests.domain import published
from wdbc_assets_tests.domain.modeling import test_fitting
X_train, X_test, y_train, y_test = published.split()
for recipe in ("logistic", "pca_logistic"):
    fit = fitting.fit(X_train, y_train, recipe=recipe, grid="small")
    print(test_fitting.digest(fit), metrics.evaluate(y_test, prediction.predict(fit.pipeline, X_test)))
"""


@pytest.mark.fault("T05")
def test_the_number_of_threads_does_not_change_model_or_metrics() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", THREADS],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "5")
    }
    assert len(outputs) == 1
    assert next(iter(outputs)).count("roc_auc") == 2
