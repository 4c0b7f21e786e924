"""Compiling: what can be, that it agrees with scikit-learn, and that a scorer that does not is found out."""

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
from wdbc_assets_tests import champions

Array = NDArray[np.float64]


def compiled(recipe: str) -> Scorer:
    found = compiling.compile_pipeline(champions.fit(recipe).pipeline)
    assert found is not None
    return found


@pytest.mark.parametrize("recipe", champions.COMPILED)
def test_it_agrees_with_scikit_learn_on_all_that_it_is_tried_on(recipe: str) -> None:
    tried = dict(compiling.probe_data(champions.split().X_train.to_numpy()))
    assert len(tried) == 9
    pipeline = champions.fit(recipe).pipeline
    for X in [*tried.values(), champions.split().X_test.to_numpy()]:
        expected = prediction.predict(pipeline, pd.DataFrame(X, columns=list(contract.FEATURES)))
        np.testing.assert_allclose(compiled(recipe).probabilities(X), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("recipe", ["svc", "stacking"])
def test_what_is_no_sum_is_not_compiled(recipe: str) -> None:
    assert compiling.compile_pipeline(champions.fit(recipe).pipeline) is None


def test_a_pipeline_of_another_form_is_not_compiled() -> None:
    X, y = champions.split().X_train, champions.split().y_train
    model = LogisticRegression(solver="newton-cholesky")
    for steps in (
        [("scale", MinMaxScaler()), ("logistic", model)],
        [("scale", StandardScaler()), ("power", PowerTransformer()), ("logistic", model)],
        [("power", PowerTransformer(standardize=False)), ("logistic", model)],
        [("power", PowerTransformer(method="box-cox")), ("logistic", model)],
    ):
        assert compiling.compile_pipeline(Pipeline(steps).fit(X + 1e-3, y)) is None


def test_what_is_switched_off_in_a_standardisation_stays_off() -> None:
    X, y = champions.split().X_train, champions.split().y_train
    model = LogisticRegression(solver="newton-cholesky", C=1e-3)
    for scaler in (StandardScaler(with_mean=False), StandardScaler(with_std=False)):
        pipeline = Pipeline([("scale", scaler), ("again", StandardScaler()), ("logistic", model)]).fit(X, y)
        found = compiling.compile_pipeline(pipeline)
        assert found is not None
        compiling.require_agreement(found, pipeline, X)


@pytest.mark.parametrize(
    ("part", "by"), [("weights", 1 + 1e-8), ("centre", 1 + 1e-8), ("powers", 1 + 1e-6), ("intercept", 1 + 1e-8)]
)
def test_a_scorer_that_is_a_little_wrong_is_found_out(part: str, by: float) -> None:
    right = compiled("pca_logistic")
    wrong = dataclasses.replace(right, **{part: getattr(right, part) * by})
    with pytest.raises(WdbcError, match=r"disagree by .* on the training data"):
        compiling.require_agreement(wrong, champions.fit("pca_logistic").pipeline, champions.split().X_train)


def test_a_scorer_that_is_wrong_below_zero_alone_is_found_out() -> None:
    class Wrong(Scorer):
        def _with_negatives(self, block: Array, powers: Array) -> Array:
            return super()._with_negatives(np.abs(block), powers)

    right = compiled("pca_logistic")
    wrong = Wrong(right.powers, right.centre, right.weights, right.intercept)
    with pytest.raises(WdbcError, match=r"disagree by .* on values below 0"):
        compiling.require_agreement(wrong, champions.fit("pca_logistic").pipeline, champions.split().X_train)
