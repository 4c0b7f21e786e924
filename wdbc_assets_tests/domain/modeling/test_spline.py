"""The recipe spline against an independent computation: terms, ridge regression, selection and temperature."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import compiling, fitting, linear, prediction, search_rules, tempering
from wdbc_assets.domain.modeling.spline_scorer import SplineScorer
from wdbc_assets.store import skops_files
from wdbc_assets_tests import champions
from wdbc_assets_tests.domain import published
from wdbc_assets_tests.domain.modeling.test_log_terms import independent

Array = NDArray[np.float64]


def log_odds_of_the_formula(X: pd.DataFrame, y: pd.Series, new: pd.DataFrame, C: float) -> Array:
    """Ridge regression on terms computed by the formulas, without the project's code."""
    train, test = (
        np.column_stack(
            [
                term
                for which in (0, 1)
                for name in X.columns
                for term in [independent(X[name].to_numpy(), rows[name].to_numpy())[which]]
            ]
        )
        for rows in (X, new)
    )
    centre, scale = train.mean(axis=0), train.std(axis=0)
    model = LogisticRegression(C=C, solver="lbfgs", tol=1e-10, max_iter=100_000).fit((train - centre) / scale, y)
    log_odds: Array = model.decision_function((test - centre) / scale)
    return log_odds


def test_predictions_equal_those_of_the_formulas_with_the_selected_temperature() -> None:
    X, X_test, y, _ = published.split()
    fit = champions.fit("spline")
    expected = float(fit.winner["logistic__temperature"]) * log_odds_of_the_formula(X, y, X_test, C=1.0)
    np.testing.assert_allclose(fit.pipeline.decision_function(X_test), expected, rtol=0, atol=1e-4)


def test_the_temperature_minimizes_the_out_of_fold_log_loss() -> None:
    X, _, y, _ = published.split()
    log_odds, diagnoses = [], []
    for seed in (42, 43):
        for train, valid in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y):
            log_odds.append(log_odds_of_the_formula(X.iloc[train], y.iloc[train], X.iloc[valid], C=1.0))
            diagnoses.append(y.iloc[valid])
    pooled, truth = np.concatenate(log_odds), np.concatenate(diagnoses)
    losses = {t: log_loss(truth, 1 / (1 + np.exp(-t * pooled))) for t in np.linspace(0.8, 2, 61)}
    fit = fitting.fit(X, y, recipe="spline", grid="small", repeats=2)
    assert fit.repeats == 2
    assert fit.winner["logistic__temperature"] == pytest.approx(min(losses, key=lambda t: losses[t]))


def test_the_best_temperature_is_next_to_the_continuous_optimum() -> None:
    generator = np.random.default_rng(0)
    log_odds = generator.normal(0, 2, 5000)
    y = (generator.random(5000) < 1 / (1 + np.exp(-1.37 * log_odds))).astype(np.int64)
    exact = minimize(lambda t: log_loss(y, 1 / (1 + np.exp(-t[0] * log_odds))), [1.0]).x[0]
    assert tempering.best_temperature(log_odds, y) == pytest.approx(exact, abs=0.011)
    assert tempering.best_temperature(np.zeros(3), np.array([0, 1, 1])) == 0.8  # all are equal: the first


def test_the_temperature_multiplies_the_log_odds_of_scikit_learns_model() -> None:
    X, _, y, _ = published.split()
    rows = ((X - X.mean()) / X.std()).to_numpy()
    plain = LogisticRegression(C=0.3, solver="newton-cholesky", tol=1e-8).fit(rows, y)
    tempered = tempering.TemperedLogisticRegression(C=0.3, temperature=1.5).fit(rows, y)
    np.testing.assert_allclose(tempered.decision_function(rows), 1.5 * plain.decision_function(rows), rtol=1e-12)


def test_the_full_grid_is_searched_and_then_the_temperature() -> None:
    X, _, y, _ = published.split()
    fit = fitting.fit(X, y, recipe="spline", repeats=1)
    assert fit.fit_counts == {"transformers": 5 * 2 + 2, "estimators": 5 * 9 + 1}
    assert len(fit.candidates) == 9
    assert fit.winner.items() >= next(one for one in fit.candidates if one.rank == 1).params.items()
    assert fit.winner.items() <= fit.pipeline.get_params().items()
    assert fit.score > -0.08
    assert search_rules.on_the_edge(fit) == []


def test_contributions_are_the_sums_of_two_terms_and_add_up_to_the_log_odds() -> None:
    X = champions.split().X_test
    pipeline = champions.fit("spline").pipeline
    model = linear.linear(pipeline)
    assert model is not None
    linear.require_same(pipeline, model, X)
    terms = pipeline[:2].transform(X) * pipeline[2].coef_[0]
    found = model.contributions(X)
    np.testing.assert_allclose(found, terms[:, :30] + terms[:, 30:], rtol=0, atol=1e-13)
    sums = model.intercept + found.to_numpy().sum(axis=1)
    np.testing.assert_allclose(sums, pipeline.decision_function(X), rtol=0, atol=1e-11)
    assert model.intercept == pipeline[2].intercept_[0]


@pytest.mark.parametrize("attribute", ["offsets", "least", "knots", "centre", "weights", "intercept"])
def test_a_slightly_wrong_scorer_of_a_spline_is_detected(attribute: str) -> None:
    fit = champions.fit("spline")
    scorer = compiling.compile_pipeline(fit.pipeline)
    assert isinstance(scorer, SplineScorer)
    plain = scorer.to_plain()
    wrong = SplineScorer.from_plain(
        plain | {attribute: (np.array(plain[attribute]) * (1 + (0.5 if attribute == "least" else 1e-7))).tolist()}
    )
    with pytest.raises(WdbcError, match="differ by"):
        compiling.require_agreement(wrong, fit.pipeline, champions.split().X_train)


def test_degenerate_measurements_are_compiled_too() -> None:
    X, y = champions.split().X_train, champions.split().y_train
    odd = X.assign(
        radius_mean=12.0,
        texture_mean=np.where(np.arange(len(X)) % 3, 10.0, 20.0),
        concavity_mean=np.where(y == 0, 0.0, X["concavity_mean"] + 0.1),
    )
    pipeline = fitting.fit(odd, y, recipe="spline", grid="small").pipeline
    scorer = compiling.compile_pipeline(pipeline)
    assert scorer is not None
    compiling.require_agreement(scorer, pipeline, odd)
    assert "NaN" not in json.dumps(scorer.to_plain())


def test_a_stored_spline_predicts_the_same_bit_for_bit() -> None:
    pipeline = champions.fit("spline").pipeline
    content = skops_files.to_skops(pipeline)
    skops_files._known.clear()
    X = champions.split().X_test
    loaded = skops_files.from_skops(content)
    assert prediction.predict(loaded, X).tobytes() == prediction.predict(pipeline, X).tobytes()
    assert skops_files.to_skops(loaded) == content
