"""Compilation: what is supported, agreement with scikit-learn, and detection of wrong scorers."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, StandardScaler

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import compiling, prediction
from wdbc_assets.domain.modeling.linear_scorer import Scorer
from wdbc_assets.domain.modeling.spline_scorer import SplineScorer
from wdbc_assets_tests import champions

Array = NDArray[np.float64]


def compiled(recipe: str) -> Scorer | SplineScorer:
    scorer = compiling.compile_pipeline(champions.fit(recipe).pipeline)
    assert scorer is not None
    return scorer


@pytest.mark.parametrize("recipe", champions.COMPILED)
def test_the_compiled_scorer_agrees_with_scikit_learn_on_all_probe_data(recipe: str) -> None:
    probes = dict(compiling.probe_data(champions.split().X_train.to_numpy()))
    assert len(probes) == 9
    pipeline = champions.fit(recipe).pipeline
    for X in [*probes.values(), champions.split().X_test.to_numpy()]:
        expected = prediction.predict(pipeline, pd.DataFrame(X, columns=list(contract.FEATURES)))
        np.testing.assert_allclose(compiled(recipe).probabilities(X), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("recipe", ["svc", "stacking"])
def test_nonlinear_recipes_are_not_compiled(recipe: str) -> None:
    assert compiling.compile_pipeline(champions.fit(recipe).pipeline) is None


def test_unsupported_linear_pipelines_are_not_compiled() -> None:
    X, y = champions.split().X_train, champions.split().y_train
    model = LogisticRegression(solver="newton-cholesky")
    for steps in (
        [("scale", MinMaxScaler()), ("logistic", model)],
        [("scale", StandardScaler()), ("power", PowerTransformer()), ("logistic", model)],
        [("power", PowerTransformer(standardize=False)), ("logistic", model)],
        [("power", PowerTransformer(method="box-cox")), ("logistic", model)],
    ):
        assert compiling.compile_pipeline(Pipeline(steps).fit(X + 1e-3, y)) is None


def test_disabled_centering_and_scaling_are_respected() -> None:
    X, y = champions.split().X_train, champions.split().y_train
    model = LogisticRegression(solver="newton-cholesky", C=1e-3)
    for scaler in (StandardScaler(with_mean=False), StandardScaler(with_std=False)):
        pipeline = Pipeline([("scale", scaler), ("again", StandardScaler()), ("logistic", model)]).fit(X, y)
        scorer = compiling.compile_pipeline(pipeline)
        assert scorer is not None
        compiling.require_agreement(scorer, pipeline, X)


@pytest.mark.parametrize(
    ("attribute", "by"), [("weights", 1 + 1e-8), ("centre", 1 + 1e-8), ("powers", 1 + 1e-6), ("intercept", 1 + 1e-8)]
)
def test_a_slightly_wrong_scorer_is_detected(attribute: str, by: float) -> None:
    right = compiled("pca_logistic")
    assert isinstance(right, Scorer)
    wrong = dataclasses.replace(right, **{attribute: getattr(right, attribute) * by})
    with pytest.raises(WdbcError, match=r"differ by .* on the training data"):
        compiling.require_agreement(wrong, champions.fit("pca_logistic").pipeline, champions.split().X_train)


def test_a_scorer_that_is_wrong_only_below_zero_is_detected() -> None:
    class Wrong(Scorer):
        def _with_negatives(self, block: Array, powers: Array) -> Array:
            return super()._with_negatives(np.abs(block), powers)

    right = compiled("pca_logistic")
    assert isinstance(right, Scorer)
    wrong = Wrong(right.powers, right.centre, right.weights, right.intercept)
    with pytest.raises(WdbcError, match=r"differ by .* on values below 0"):
        compiling.require_agreement(wrong, champions.fit("pca_logistic").pipeline, champions.split().X_train)
