"""The search gives GridSearchCV's scores and winner with fewer fits, and never silently drops a candidate."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import fitting, recipes, search
from wdbc_assets_tests.domain import published


class CountingScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn publishes no types
    """Divides by a number and counts the fits of all instances."""

    fits: ClassVar[int] = 0

    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def fit(self, X: pd.DataFrame, y: Any = None) -> "CountingScaler":
        type(self).fits += 1
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        return X / self.by


class Broken(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn publishes no types
    """A model that predicts a given value, or raises it if it is an exception."""

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
        ("spline", "full"),
        pytest.param("airflow_baseline", "full", marks=pytest.mark.nightly),
        pytest.param("pca_logistic", "full", marks=pytest.mark.nightly),
    ],
)
def test_scores_and_winner_equal_those_of_grid_search_cv(name: str, grid: str) -> None:
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
    with threadpoolctl.threadpool_limits(limits=1):  # only to save time
        theirs.fit(X, y)
    results = theirs.cv_results_
    assert ours.winner.params == theirs.best_params_
    assert [candidate.params for candidate in ours.candidates] == results["params"]
    assert [candidate.mean_score for candidate in ours.candidates] == pytest.approx(
        results["mean_test_score"], abs=1e-6
    )
    assert [candidate.std_score for candidate in ours.candidates] == pytest.approx(results["std_test_score"], abs=1e-6)
    for fold in range(5):
        fold_scores = [candidate.fold_scores[fold] for candidate in ours.candidates]
        assert fold_scores == pytest.approx(results[f"split{fold}_test_score"], abs=1e-6)


def test_repeats_give_the_scores_of_grid_search_cv_on_the_folds_of_all_seeds() -> None:
    X, _, y, _ = published.split()
    recipe = recipes.named("logistic")
    splits = [split for seed in (42, 43) for split in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y)]
    with threadpoolctl.threadpool_limits(limits=1):  # only to save time
        ours = fitting.select(recipe, recipe.build(42), recipe.candidates("full"), X, y, repeats=2).search
        exact = recipe.build(42).set_params(
            logistic__tol=1e-13
        )  # 1e-8, that of the recipe, leaves more error than ours
        theirs = GridSearchCV(
            exact, {"logistic__C": [one["logistic__C"] for one in recipe.candidates("full")]},
            scoring=recipe.scoring, cv=splits, error_score="raise", refit=False,
        ).fit(X, y)  # fmt: skip
    results = theirs.cv_results_
    assert ours.winner.params == results["params"][theirs.best_index_]
    for index, candidate in enumerate(ours.candidates):
        # At C = 100 scikit-learn's line search ends before the optimum.
        error = 2e-9 if candidate.params["logistic__C"] == 100 else 1e-12
        expected = [results[f"split{number}_test_score"][index] for number in range(10)]
        assert list(candidate.fold_scores) == pytest.approx(expected, abs=error)
        assert candidate.mean_score == pytest.approx(results["mean_test_score"][index], abs=error)
        assert candidate.std_score == pytest.approx(results["std_test_score"][index], abs=error)


def test_every_row_is_scored_once_in_each_repeat_as_in_repeated_stratified_k_fold() -> None:
    y = published.split().y_train.to_numpy()
    ours = list(search.splits(y, folds=5, repeats=3, shuffle_seed=2**32 - 1))
    theirs = list(RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=42).split(y, y))
    assert [len(valid) for _, valid in ours] == [len(valid) for _, valid in theirs]
    assert [int(y[valid].sum()) for _, valid in ours] == [int(y[valid].sum()) for _, valid in theirs]
    for repeat in range(3):
        scored = np.concatenate([valid for _, valid in ours[5 * repeat : 5 * repeat + 5]])
        assert sorted(scored) == list(range(len(y)))
    assert len({tuple(valid) for _, valid in ours}) == 15


def test_folds_without_a_seed_are_those_of_grid_search_cv() -> None:
    y = published.split().y_train.to_numpy()
    ours = search.splits(y, folds=5, repeats=1, shuffle_seed=None)
    for (train, valid), (expected_train, expected_valid) in zip(ours, StratifiedKFold(5).split(y, y), strict=True):
        assert (train.tolist(), valid.tolist()) == (expected_train.tolist(), expected_valid.tolist())


def test_transformers_are_fitted_once_per_fold_and_distinct_setting() -> None:
    pipeline = Pipeline(
        [("first", CountingScaler(10.0)), ("second", StandardScaler()), ("model", LogisticRegression())]
    )
    candidates: list[recipes.Parameters] = [
        {"second__with_mean": mean, "model__C": C} for mean in (True, False) for C in (0.01, 0.1, 1.0)
    ]
    CountingScaler.fits = 0
    result = run(pipeline, candidates, folds=3)
    assert CountingScaler.fits == 3
    assert result.transformer_fits == 3 * (1 + 2)
    assert result.estimator_fits == 3 * 6


def test_later_steps_are_refitted_if_an_earlier_step_changes() -> None:
    pipeline = Pipeline([("first", CountingScaler()), ("second", CountingScaler()), ("model", Broken(0.5))])
    CountingScaler.fits = 0
    run(pipeline, [{"first__by": 1.0}, {"first__by": 2.0}], scoring="neg_log_loss", folds=2)
    assert CountingScaler.fits == 2 * 4


def test_progress_is_reported_after_each_fit() -> None:
    X, _, y, _ = published.split()
    calls: list[int] = []
    search.search(
        scaled(LogisticRegression()),
        [{"model__C": 0.1}, {"model__C": 1.0}],
        X,
        y,
        scoring="accuracy",
        folds=3,
        on_fit=calls.append,
    )
    assert calls == [1, 2, 3, 4, 5, 6]


def test_the_first_candidate_wins_on_equal_scores() -> None:
    result = run(scaled(LogisticRegression()), [{"model__C": 1.0 + 1e-12}, {"model__C": 1.0}])
    assert result.candidates[0].mean_score == result.candidates[1].mean_score
    assert result.winner is result.candidates[0]
    assert [candidate.rank for candidate in result.candidates] == [1, 2]


def test_models_without_iterations_report_none() -> None:
    assert run(scaled(Broken(0.5)), [{}], scoring="neg_log_loss").winner.n_iter is None


@pytest.mark.fault("T01")
def test_a_candidate_that_cannot_be_fitted_is_reported_with_fold_and_reason() -> None:
    candidates: list[recipes.Parameters] = [{"model__l1_ratio": 0.0}, {"model__l1_ratio": 1.0}]
    with pytest.raises(WdbcError, match="lbfgs supports only 'l2'") as error:
        run(scaled(LogisticRegression(solver="lbfgs")), candidates)
    assert error.value.where == "fold 1 of 5, model__l1_ratio=1.0"


@pytest.mark.fault("T01")
@pytest.mark.parametrize("answer", [np.nan, 1.5, -0.5])
def test_predictions_that_are_not_probabilities_are_an_error(answer: float) -> None:
    with pytest.raises(WdbcError, match="could not be fitted: its predictions are not probabilities"):
        run(scaled(Broken(answer)), [{}], scoring="neg_log_loss")


@pytest.mark.fault("T01")
def test_a_score_of_nan_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.metrics.get_scorer", lambda name: lambda model, X, y: float("nan"))
    with pytest.raises(WdbcError, match="its roc_auc is nan"):
        run(scaled(LogisticRegression()), [{}], scoring="roc_auc")


@pytest.mark.fault("T01")
def test_an_unknown_parameter_is_reported() -> None:
    with pytest.raises(WdbcError, match="Invalid parameter 'c'") as error:
        run(scaled(LogisticRegression()), [{"model__c": 1.0}])
    assert "model__c=1.0" in error.value.where


@pytest.mark.fault("T04")
def test_a_memory_error_is_not_reported_as_a_bad_candidate() -> None:
    with pytest.raises(MemoryError):
        run(scaled(Broken(MemoryError)), [{}])


@pytest.mark.fault("T02")
def test_a_candidate_that_did_not_converge_never_wins() -> None:
    # A penalty so strong that every patient is called benign, and a good model stopped after two iterations.
    candidates: list[recipes.Parameters] = [{"model__C": 1e-6}, {"model__max_iter": 2}]
    result = run(scaled(LogisticRegression()), candidates)
    converged, cut_short = result.candidates
    assert cut_short.mean_score > converged.mean_score
    assert (converged.converged, converged.rank) == (True, 1)
    assert (cut_short.converged, cut_short.rank, cut_short.n_iter) == (False, 2, 2)
    (warning,) = result.warnings
    assert warning.startswith("ConvergenceWarning: lbfgs failed to converge after 2 iteration(s)")
    assert warning.endswith("(5 times)")


@pytest.mark.fault("T02")
def test_it_is_an_error_if_no_candidate_converged() -> None:
    with pytest.raises(WdbcError, match="None of the 2 candidates converged"):
        run(scaled(LogisticRegression(max_iter=1)), [{"model__C": 1.0}, {"model__C": 10.0}])
