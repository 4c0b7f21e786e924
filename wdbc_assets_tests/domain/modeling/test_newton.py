"""Tests of Newton's method for ridge logistic regression, against scikit-learn's."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from wdbc_assets.domain.modeling import newton

PENALTIES = (0.003, 0.1, 1.0, 100.0)


def patients(n: int = 200, columns: int = 6, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return standard normal measurements, and diagnoses that depend on two of them."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, columns))
    return X, (X[:, 0] + X[:, 1] + generator.normal(size=n) > 0).astype(np.int64)


def ridge(C: float = 1.0, **settings: object) -> LogisticRegression:
    """Return the unfitted estimator that the recipes use."""
    return LogisticRegression(C=C, solver="newton-cholesky", **{"tol": 1e-8, **settings})


def test_the_optimum_is_that_of_scikit_learn_along_a_path() -> None:
    X, y = patients()
    last = None
    for C in PENALTIES:
        last = newton.fit(ridge(C), X, y, last)
        theirs = ridge(C, tol=1e-13).fit(X, y)
        assert last.coefficients == pytest.approx([*theirs.coef_[0], *theirs.intercept_], abs=1e-10)
        assert last.predict_proba(X) == pytest.approx(theirs.predict_proba(X), abs=1e-12)
        assert (last.predict(X) == theirs.predict(X)).all()


def test_a_fit_from_a_neighbour_takes_fewer_steps() -> None:
    X, y = patients()
    before, alone = newton.fit(ridge(3.0), X, y, None), newton.fit(ridge(10.0), X, y, None)
    beside = newton.fit(ridge(10.0), X, y, before)
    assert beside.n_iter_ < alone.n_iter_
    assert beside.coefficients == pytest.approx(alone.coefficients, abs=1e-11)


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_separable_patients_have_an_optimum(scale: float) -> None:
    X = scale * np.array([[-2.0], [-1.0], [1.0], [2.0]])
    fitted = newton.fit(ridge(100.0), X, np.array([0, 0, 1, 1]), None)
    assert np.isfinite(fitted.coefficients).all()
    assert fitted.predict(X).tolist() == [0, 0, 1, 1]


def test_a_constant_column_gets_no_coefficient() -> None:
    X, y = patients()
    X[:, 3] = 0.0
    assert newton.fit(ridge(), X, y, None).coefficients[3] == 0


def test_a_limit_on_the_steps_is_reported() -> None:
    X, y = patients()
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        newton.fit(ridge(max_iter=1), X, y, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        newton.fit(ridge(), X, y, None)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(value: float) -> None:
    X, y = patients()
    X[5, 2] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
        newton.fit(ridge(), X, y, None)


@pytest.mark.parametrize(
    "settings",
    [{"class_weight": "balanced"}, {"fit_intercept": False}, {"C": np.inf}, {"l1_ratio": 0.5}, {"solver": "lbfgs"}],
)
def test_another_regression_is_left_to_scikit_learn(settings: dict[str, object]) -> None:
    assert newton.applies_to(ridge())
    assert not newton.applies_to(ridge().set_params(**settings))
    assert not newton.applies_to(object())
