"""The compiled scorer compared with scikit-learn: on patients, on arbitrary numbers, and at numerical extremes."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import yeojohnson

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import compiling, linear_scorer, prediction
from wdbc_assets.domain.modeling.linear_scorer import Scorer
from wdbc_assets.domain.modeling.spline_scorer import SplineScorer
from wdbc_assets_tests import champions

Array = NDArray[np.float64]
POWERS = [0.0, 2.0, 1.0, -1.0, 0.5, 1e-17, 1e-10, 2 - 1e-17, 2 + 1e-10, -280.0, 3.7, -1e-300]


def compiled(recipe: str) -> Scorer | SplineScorer:
    scorer = compiling.compile_pipeline(champions.fit(recipe).pipeline)
    assert scorer is not None
    return scorer


def by_scikit_learn(recipe: str, X: Array) -> Array:
    return prediction.predict(champions.fit(recipe).pipeline, pd.DataFrame(X, columns=list(contract.FEATURES)))


@pytest.mark.parametrize("recipe", champions.COMPILED)
@settings(deadline=None)
@given(X=hnp.arrays(np.float64, (3, 30), elements=st.floats(0, 1e4)))
def test_the_scorer_agrees_with_scikit_learn_on_any_measurements(recipe: str, X: Array) -> None:
    np.testing.assert_allclose(compiled(recipe).probabilities(X), by_scikit_learn(recipe, X), rtol=0, atol=1e-12)


@settings(deadline=None)
@given(
    X=hnp.arrays(np.float64, (7, len(POWERS)), elements=st.floats(-50, 1e6)),
    order=st.sampled_from(["C", "F"]),
)
def test_yeo_johnson_equals_scipys_for_every_power_and_sign(X: Array, order: Any) -> None:
    n = len(POWERS)
    for place, power in enumerate(POWERS):
        alone = Scorer(np.array(POWERS), np.zeros(n), np.eye(n)[place], 0.0)
        with np.errstate(over="ignore"):
            expected = yeojohnson(X[:, place], power)
        usable = np.isfinite(expected) & (np.abs(expected) < 1e200)
        # The other columns have a weight of 0. They must be finite, because 0 times infinity is NaN.
        only = np.zeros_like(X)
        only[:, place] = np.where(usable, X[:, place], 0)
        _, terms = alone.contributions(np.asarray(only, order=order))
        sums = terms.sum(axis=1)
        np.testing.assert_allclose(sums[usable], expected[usable], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("recipe", champions.COMPILED)
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_and_batch_size_do_not_change_predictions(recipe: str, order: Any) -> None:
    X = np.tile(champions.split().X_train.to_numpy(), (10, 1))  # more than two blocks
    batch = compiled(recipe).probabilities(np.asarray(X, order=order))
    single = np.concatenate([compiled(recipe).probabilities(row[None]) for row in X[:455]])
    np.testing.assert_allclose(batch, np.tile(single, 10), rtol=0, atol=1e-13)


@pytest.mark.parametrize("recipe", champions.COMPILED)
def test_contributions_equal_those_of_the_linear_explanation(recipe: str) -> None:
    X = champions.split().X_test
    intercept, expected = champions.contributions(champions.fit(recipe), X)
    compiled_intercept, terms = compiled(recipe).contributions(X.to_numpy())
    assert compiled_intercept == intercept
    np.testing.assert_allclose(terms, expected, rtol=0, atol=1e-10)
    probabilities = compiled(recipe).probabilities(X.to_numpy())
    np.testing.assert_allclose(expit(intercept + terms.sum(axis=1)), probabilities, rtol=0, atol=1e-12)


@pytest.mark.parametrize("recipe", champions.COMPILED)
def test_a_scorer_is_restored_from_json_bit_for_bit(recipe: str) -> None:
    X = champions.split().X_test.to_numpy()
    restored = type(compiled(recipe)).from_plain(json.loads(json.dumps(compiled(recipe).to_plain())))
    assert restored.probabilities(X).tobytes() == compiled(recipe).probabilities(X).tobytes()


@pytest.mark.parametrize("recipe", champions.COMPILED)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 3_000])
def test_missing_and_infinite_cells_are_rejected(recipe: str, value: float, row: int) -> None:
    X = np.tile(champions.split().X_train.to_numpy(), (10, 1))
    X[row, 7] = value
    with pytest.raises(WdbcError, match="missing, infinite"):
        compiled(recipe).probabilities(X)
    with pytest.raises(WdbcError, match="missing, infinite"):
        compiled(recipe).contributions(X)


@pytest.mark.parametrize("shape", [(30,), (2, 29), (2, 31), (1, 1, 30)])
def test_another_shape_is_rejected(shape: tuple[int, ...]) -> None:
    with pytest.raises(WdbcError, match="rows of 30 measurements"):
        compiled("logistic").probabilities(np.zeros(shape))


def test_an_empty_table_gives_no_predictions() -> None:
    for recipe in champions.COMPILED:
        assert compiled(recipe).probabilities(np.empty((0, 30))).shape == (0,)


@settings(deadline=None)
@given(hnp.arrays(np.float64, 5, elements=st.floats(-1e308, 1e308)))
def test_the_sigmoid_is_stable_at_both_ends(log_odds: Array) -> None:
    probabilities = linear_scorer.sigmoid(log_odds)
    np.testing.assert_allclose(probabilities, expit(log_odds), rtol=1e-14, atol=1e-307)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
