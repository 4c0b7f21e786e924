"""The logarithms and spline terms against the formulas, and measurements for which these are undefined."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from wdbc_assets.domain.modeling import fitting, log_terms, prediction
from wdbc_assets.domain.modeling.log_terms import LogSpline, WithLogarithm
from wdbc_assets_tests.domain import published

Array = NDArray[np.float64]


def harrell(x: Array, k1: float, k2: float, k3: float) -> Array:
    """The restricted cubic term as F. E. Harrell writes it, up to a constant factor."""

    def cubed(u: Array) -> Array:
        return np.where(u > 0, u, 0.0) ** 3

    return cubed(x - k1) - cubed(x - k2) * (k3 - k1) / (k3 - k2) + cubed(x - k3) * (k2 - k1) / (k3 - k2)


def independent(column: Array, new: Array) -> tuple[Array, Array]:
    """The logarithm and the cubic term of new values, learnt from a training column."""
    offset = np.quantile(column[column > 0], 0.05) if column.min() == 0 else 0.0
    k1, k2, k3 = np.quantile(np.log(column + offset), [0.1, 0.5, 0.9])
    log = np.log(new + offset)
    return log, harrell(log, k1, k2, k3) / (k2 - k1)


def test_the_terms_equal_the_formulas_for_every_measurement() -> None:
    X, X_test, _, _ = published.split()
    terms = LogSpline().fit(X).transform(X_test)
    assert terms.shape == (114, 60)
    for number, name in enumerate(X.columns):
        log, cubic = independent(X[name].to_numpy(), X_test[name].to_numpy())
        np.testing.assert_allclose(terms[:, number], log, rtol=1e-14, atol=0)
        np.testing.assert_allclose(terms[:, 30 + number], cubic, rtol=1e-9, atol=1e-13)
    assert (X.min() == 0).sum() == 6  # concavity and concave points: mean, se and worst


def test_the_svms_terms_are_the_measurements_and_their_logarithms() -> None:
    X, X_test, _, _ = published.split()
    terms = WithLogarithm().fit(X).transform(X_test)
    assert (terms[:, :30] == X_test.to_numpy()).all()
    np.testing.assert_array_equal(terms[:, 30:], LogSpline().fit(X).transform(X_test)[:, :30])


@settings(deadline=None)
@given(
    knots=hnp.arrays(np.float64, 3, elements=st.floats(-5, 5), unique=True).map(np.sort),
    x=hnp.arrays(np.float64, 7, elements=st.floats(-50, 50)),
)
def test_the_cubic_term_equals_harrells_formula(knots: Array, x: Array) -> None:
    k1, k2, k3 = knots
    if min(k2 - k1, k3 - k2) < 1e-3:  # there the formula itself loses its digits
        return
    ours = log_terms.restricted_cubic(x[:, None], knots[:, None])[:, 0] * (k2 - k1)
    np.testing.assert_allclose(ours, harrell(x, k1, k2, k3), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("knots", [(0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_coinciding_knots_give_the_limit_for_knots_that_approach_each_other(knots: tuple[float, float, float]) -> None:
    x = np.linspace(-1, 3, 41)[:, None]
    apart = np.array(knots)[:, None] + 1e-7 * np.arange(3)[:, None]
    term = log_terms.restricted_cubic(x, np.array(knots)[:, None])
    np.testing.assert_allclose(term, log_terms.restricted_cubic(x, apart), rtol=0, atol=1e-5)
    assert (term == 0).all() == (knots == (0.0, 0.0, 0.0))


@settings(deadline=None)
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(2, 12), st.just(2)),
        elements=st.one_of(st.floats(0, 1e6), st.sampled_from([0.0, 5e-324, 1e-300, 1.0, 1e300])),
    )
)
def test_terms_are_finite_for_any_training_rows_and_any_new_row(values: Array) -> None:
    for transformer in (LogSpline(), WithLogarithm()):
        fitted = transformer.fit(values)
        for rows in (values, 0 * values, -values, np.full_like(values, 1e300)):
            assert np.isfinite(fitted.transform(rows)).all()


def test_a_value_without_a_logarithm_counts_as_a_thousandth_of_the_smallest() -> None:
    fitted = LogSpline().fit(np.array([[1.0], [2.0], [4.0], [8.0]]))
    terms = fitted.transform(np.array([[0.0], [-5.0], [1e-3], [1e-9]]))
    assert terms == pytest.approx(np.tile([np.log(1e-3), 0.0], (4, 1)))


def test_negative_training_values_are_rejected() -> None:
    X, _, y, _ = published.split()
    with pytest.raises(Exception, match="a measurement is negative"):
        fitting.fit(X.assign(radius_mean=-1.0), y, recipe="spline", grid="small")


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(lambda y: np.full(len(y), 3.7), id="constant"),
        pytest.param(lambda y: np.zeros(len(y)), id="constant zero"),
        pytest.param(lambda y: np.where(np.arange(len(y)) % 3, 1.0, 2.0), id="two values"),
        pytest.param(lambda y: np.where(y == 0, 0.0, np.linspace(1, 2, len(y))), id="zero for a class"),
        pytest.param(lambda y: np.where(np.arange(len(y)) % 20, 5.0, 9.0), id="all knots coincide"),
    ],
)
def test_degenerate_measurements_give_the_model_of_the_formula(column: object) -> None:
    X, X_test, y, _ = published.split()
    few = ["area_worst", "texture_worst"]
    X, X_test = X[few], X_test[few]
    values = column(y.to_numpy())  # type: ignore[operator] # a function of the parametrization
    train, test = X.assign(odd=values), X_test.assign(odd=values[:114])
    fit = fitting.fit(train, y, recipe="spline", grid="small")
    temperature = float(fit.winner["logistic__temperature"])
    terms = fit.pipeline[0].transform(train)
    usable = terms[:, terms.std(axis=0) > 1e-9]  # a constant term contributes nothing
    new = fit.pipeline[0].transform(test)[:, terms.std(axis=0) > 1e-9]
    centre, scale = usable.mean(axis=0), usable.std(axis=0)
    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10).fit((usable - centre) / scale, y)
    expected = 1 / (1 + np.exp(-temperature * model.decision_function((new - centre) / scale)))
    p = prediction.predict(fit.pipeline, test)
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-6)


def test_the_transformers_keep_the_names_of_the_columns() -> None:
    X, _, _, _ = published.split()
    assert LogSpline().fit(X).feature_names_in_.tolist() == X.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        LogSpline().fit(X).transform(pd.DataFrame(X.to_numpy(), columns=[*X.columns[1:], "other"]))
