"""The search gives GridSearchCV's scores and winner, fits no more than it must, and drops no candidate in silence."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes, search
from wdbc_assets_tests.domain import published


class CountingScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn publishes no types
    """Divides by a number, and counts over all its instances how often it was fitted."""

    fits: ClassVar[int] = 0

    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def fit(self, X: pd.DataFrame, y: Any = None) -> "CountingScaler":
        type(self).fits += 1
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        return X / self.by


class Broken(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn publishes no types
    """A model that fits and then answers with what it was given, or raises it."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def fit(self, X: Any, y: Any) -> "Broken":
        self.classes_ = np.unique(y)
        if isinstance(self.answer, type):
            raise self.answer
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return np.full((len(X), 2), self.answer)


def run(
    pipeline: Pipeline, candidates: list[recipes.Parameters], scoring: str = "accuracy", folds: int = 5
) -> search.Search:
    X, _, y, _ = published.split()
    return search.search(pipeline, candidates, X, y, scoring=scoring, folds=folds, on_fit=lambda done: None)


def scaled(model: BaseEstimator) -> Pipeline:
    return Pipeline([("scale", StandardScaler()), ("model", model)])


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("pca_logistic", "small"),
        ("logistic", "full"),
        pytest.param("airflow_baseline", "full", marks=pytest.mark.slow),
        pytest.param("pca_logistic", "full", marks=pytest.mark.slow),
    ],
)
def test_scores_and_winner_are_those_of_grid_search_cv(name: str, grid: str) -> None:
    X, _, y, _ = published.split()
    recipe = recipes.named(name)
    candidates = recipe.candidates(grid)
    ours = search.search(recipe.build(42), candidates, X, y, scoring=recipe.scoring, folds=5, on_fit=lambda done: None)
    theirs = GridSearchCV(
        recipe.build(42),
        [{key: [value] for key, value in candidate.items()} for candidate in candidates],
        scoring=recipe.scoring,
        error_score="raise",
    )
    with threadpoolctl.threadpool_limits(limits=1):  # only to save time: more threads just wait for each other here
        theirs.fit(X, y)
    results = theirs.cv_results_
    assert ours.winner.params == theirs.best_params_
    assert [one.params for one in ours.candidates] == results["params"]
    assert [one.mean_score for one in ours.candidates] == pytest.approx(results["mean_test_score"], abs=1e-6)
    assert [one.std_score for one in ours.candidates] == pytest.approx(results["std_test_score"], abs=1e-6)
    for fold in range(5):
        fold_scores = [one.fold_scores[fold] for one in ours.candidates]
        assert fold_scores == pytest.approx(results[f"split{fold}_test_score"], abs=1e-6)


def test_a_transformer_is_fitted_once_per_fold_and_setting_and_the_model_once_per_candidate() -> None:
    pipeline = Pipeline(
        [("first", CountingScaler(10.0)), ("second", StandardScaler()), ("model", LogisticRegression())]
    )
    candidates: list[recipes.Parameters] = [
        {"second__with_mean": mean, "model__C": C} for mean in (True, False) for C in (0.01, 0.1, 1.0)
    ]
    CountingScaler.fits = 0
    found = run(pipeline, candidates, folds=3)
    assert CountingScaler.fits == 3
    assert found.transformer_fits == 3 * (1 + 2)
    assert found.estimator_fits == 3 * 6


def test_a_changed_first_step_is_not_confused_with_an_unchanged_one() -> None:
    pipeline = Pipeline([("first", CountingScaler()), ("second", CountingScaler()), ("model", Broken(0.5))])
    CountingScaler.fits = 0
    run(pipeline, [{"first__by": 1.0}, {"first__by": 2.0}], scoring="neg_log_loss", folds=2)
    assert CountingScaler.fits == 2 * 4


def test_progress_is_told_after_each_fit() -> None:
    X, _, y, _ = published.split()
    told: list[int] = []
    search.search(
        scaled(LogisticRegression()),
        [{"model__C": 0.1}, {"model__C": 1.0}],
        X,
        y,
        scoring="accuracy",
        folds=3,
        on_fit=told.append,
    )
    assert told == [1, 2, 3, 4, 5, 6]


def test_on_equal_scores_the_first_candidate_wins() -> None:
    found = run(scaled(LogisticRegression()), [{"model__C": 1.0 + 1e-12}, {"model__C": 1.0}])
    assert found.candidates[0].mean_score == found.candidates[1].mean_score
    assert found.winner is found.candidates[0]
    assert [one.rank for one in found.candidates] == [1, 2]


def test_a_model_that_counts_no_iterations_has_none_to_show() -> None:
    assert run(scaled(Broken(0.5)), [{}], scoring="neg_log_loss").winner.n_iter is None


@pytest.mark.fault("T01")
def test_a_candidate_that_its_solver_cannot_fit_is_named_with_the_fold_and_the_reason() -> None:
    candidates: list[recipes.Parameters] = [{"model__l1_ratio": 0.0}, {"model__l1_ratio": 1.0}]
    with pytest.raises(WdbcError, match="lbfgs supports only 'l2'") as refused:
        run(scaled(LogisticRegression(solver="lbfgs")), candidates)
    assert refused.value.where == "fold 1 of 5, model__l1_ratio=1.0"


@pytest.mark.fault("T01")
@pytest.mark.parametrize("answer", [np.nan, 1.5, -0.5])
def test_a_model_that_answers_with_what_is_no_probability_is_an_error(answer: float) -> None:
    with pytest.raises(WdbcError, match="could not be fitted: it answers with what are no probabilities"):
        run(scaled(Broken(answer)), [{}], scoring="neg_log_loss")


@pytest.mark.fault("T01")
def test_a_scorer_that_answers_nan_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.metrics.get_scorer", lambda name: lambda model, X, y: float("nan"))
    with pytest.raises(WdbcError, match="its roc_auc is nan"):
        run(scaled(LogisticRegression()), [{}], scoring="roc_auc")


@pytest.mark.fault("T01")
def test_a_parameter_that_the_pipeline_does_not_have_is_named() -> None:
    with pytest.raises(WdbcError, match="Invalid parameter 'c'") as refused:
        run(scaled(LogisticRegression()), [{"model__c": 1.0}])
    assert "model__c=1.0" in refused.value.where


@pytest.mark.fault("T04")
def test_running_out_of_memory_is_not_disguised_as_a_bad_candidate() -> None:
    with pytest.raises(MemoryError):
        run(scaled(Broken(MemoryError)), [{}])


@pytest.mark.fault("T02")
def test_a_candidate_that_did_not_converge_is_counted_and_never_wins() -> None:
    # So strong a penalty that everybody is called benign; and two steps towards a good model.
    candidates: list[recipes.Parameters] = [{"model__C": 1e-6}, {"model__max_iter": 2}]
    found = run(scaled(LogisticRegression()), candidates)
    converged, cut_short = found.candidates
    assert cut_short.mean_score > converged.mean_score
    assert (converged.converged, converged.rank) == (True, 1)
    assert (cut_short.converged, cut_short.rank, cut_short.n_iter) == (False, 2, 2)
    (warning,) = found.warnings
    assert warning.startswith("ConvergenceWarning: lbfgs failed to converge after 2 iteration(s)")
    assert warning.endswith("(5 times)")


@pytest.mark.fault("T02")
def test_when_no_candidate_converged_there_is_no_winner() -> None:
    with pytest.raises(WdbcError, match="None of the 2 candidates converged"):
        run(scaled(LogisticRegression(max_iter=1)), [{"model__C": 1.0}, {"model__C": 10.0}])
