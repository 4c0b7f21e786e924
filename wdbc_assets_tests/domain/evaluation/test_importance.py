"""Contributions that add up for every patient, and permutation importance compared with brute force."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline

from wdbc_assets.domain.data import contract, splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import importance
from wdbc_assets.domain.modeling import fitting, linear, prediction
from wdbc_assets_tests import champions
from wdbc_assets_tests.domain import validation

LINEAR = champions.COMPILED


@pytest.fixture(scope="module")
def split() -> splitting.Split:
    return splitting.split(validation.clean_frame())


@pytest.fixture(scope="module")
def fits(split: splitting.Split) -> dict[str, fitting.Fit]:
    return {
        recipe: fitting.fit(split.X_train, split.y_train, recipe=recipe, grid="small") for recipe in (*LINEAR, "svc")
    }


@pytest.mark.parametrize("recipe", LINEAR)
def test_the_contributions_of_every_patient_add_up_to_the_log_odds(
    split: splitting.Split, fits: dict[str, fitting.Fit], recipe: str
) -> None:
    for X in (split.X_train, split.X_test):
        intercept, terms = champions.contributions(fits[recipe], X)
        assert list(terms.columns) == list(X.columns)
        p = prediction.predict(fits[recipe].pipeline, X)
        readable = (p > 1e-6) & (p < 1 - 1e-6)  # beyond, the logarithm of 1 - p is no longer exact
        assert readable.sum() > 80
        np.testing.assert_allclose((intercept + terms.sum(axis=1))[readable], logit(p[readable]), rtol=0, atol=1e-9)


def test_contributions_of_the_plain_recipe_are_coefficient_times_value(
    split: splitting.Split, fits: dict[str, fitting.Fit]
) -> None:
    scale, model = (step for _, step in fits["logistic"].pipeline.steps)
    intercept, terms = champions.contributions(fits["logistic"], split.X_test)
    expected = (split.X_test.to_numpy() - scale.mean_) / scale.scale_ * model.coef_[0]
    np.testing.assert_allclose(terms, expected, rtol=0, atol=1e-12)
    assert intercept == pytest.approx(model.intercept_[0], abs=1e-12)


@pytest.mark.parametrize("recipe", LINEAR)
def test_changing_one_measurement_changes_only_its_own_contribution(
    split: splitting.Split, fits: dict[str, fitting.Fit], recipe: str
) -> None:
    pipeline = fits[recipe].pipeline
    _, before = champions.contributions(fits[recipe], split.X_test)
    for column in ("radius_mean", "area_worst", "texture_worst"):
        changed = split.X_test.assign(**{column: 1.1 * split.X_test[column]})
        _, after = champions.contributions(fits[recipe], changed)
        moved = after - before
        assert moved.drop(columns=column).to_numpy() == pytest.approx(0)
        expected = pipeline.decision_function(changed) - pipeline.decision_function(split.X_test)
        np.testing.assert_allclose(moved[column], expected, rtol=0, atol=1e-9)
        assert np.abs(expected).max() > 1e-3


def test_nonlinear_recipes_have_no_contributions(split: splitting.Split, fits: dict[str, fitting.Fit]) -> None:
    assert linear.linear(fits["svc"].pipeline) is None


def test_a_pipeline_with_an_unknown_step_is_not_treated_as_linear(split: splitting.Split) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    model = LogisticRegression(C=0.01)
    for steps in (
        [("scale", StandardScaler()), ("squares", PolynomialFeatures(2, include_bias=False)), ("model", model)],
        [("model", LogisticRegression(solver="newton-cholesky"))],  # nothing is standardised: no coefficient per sd
    ):
        assert linear.linear(Pipeline(steps).fit(split.X_train, split.y_train)) is None


def test_contributions_that_do_not_add_up_are_rejected(
    split: splitting.Split, fits: dict[str, fitting.Fit], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = linear.linear(fits["logistic"].pipeline)
    assert found is not None
    wrong = dataclasses.replace(found, intercept=found.intercept + 2e-9)
    monkeypatch.setattr(linear, "linear", lambda _: wrong)
    with pytest.raises(WdbcError, match="do not add up to the log-odds: they differ by 2e-09"):
        importance.importance(split, fits["logistic"], repeats=2)


def test_permutation_importance_equals_brute_force(split: splitting.Split, fits: dict[str, fitting.Fit]) -> None:
    found = importance.importance(split, fits["svc"], repeats=3, seed=7)
    pipeline, X, y = fits["svc"].pipeline, split.X_test, split.y_test
    before = log_loss(y, pipeline.predict_proba(X))
    generators = np.random.default_rng(7).spawn(10)
    for measurement, generator in zip(contract.MEASUREMENTS, generators, strict=True):
        columns = [measurement.column(statistic) for statistic in contract.STATISTICS]
        worse = []
        for _ in range(3):
            changed = X.copy()
            changed[columns] = X[columns].to_numpy()[generator.permutation(len(X))]
            worse.append(log_loss(y, pipeline.predict_proba(changed)) - before)
        (group,) = (one for one in found.groups if one.measurement == measurement.name)
        assert group.columns == tuple(columns)
        assert group.mean == pytest.approx(np.mean(worse), abs=1e-9)
        assert group.sd == pytest.approx(np.std(worse, ddof=1), abs=1e-9)


def test_an_unused_measurement_has_an_importance_of_zero(split: splitting.Split) -> None:
    flat = split.X_train.copy()
    flat[["texture_mean", "texture_se", "texture_worst"]] = 1.0
    fit = fitting.fit(flat, split.y_train, recipe="logistic", grid="small")
    found = importance.importance(split, fit, repeats=5)
    costs = {group.measurement: (group.mean, group.sd) for group in found.groups}
    assert costs.pop("texture") == (0, 0)
    assert all(sd > 0 for _, sd in costs.values())
    assert [group.mean for group in found.groups] == sorted((g.mean for g in found.groups), reverse=True)


@pytest.mark.parametrize("recipe", [*LINEAR, "svc"])
def test_the_result_states_its_inputs_and_typical_patients_are_means(
    split: splitting.Split, fits: dict[str, fitting.Fit], recipe: str
) -> None:
    found = importance.importance(split, fits[recipe], repeats=2)
    assert {name: getattr(found, name) for name in ("recipe", "score", "repeats", "seed", "rows")} == {
        "recipe": recipe,
        "score": "log_loss",
        "repeats": 2,
        "seed": 42,
        "rows": 114,
    }
    if recipe == "svc":
        assert found.linear is None
        return
    linear = found.linear
    assert linear is not None
    typical = vars(linear.typical)
    assert list(linear.coefficients) == list(contract.FEATURES)
    assert list(linear.curvatures or {}) == (list(contract.FEATURES) if recipe == "spline" else [])
    for name, code in (("benign", 0), ("malignant", 1)):
        mean = split.X_train[split.y_train == code].mean().to_frame().T
        intercept, terms = champions.contributions(fits[recipe], mean)
        assert linear.intercept == intercept
        assert list(typical[name].values()) == pytest.approx(terms.iloc[0].tolist(), abs=1e-12)
    total = {name: linear.intercept + sum(terms.values()) for name, terms in typical.items()}
    assert total["benign"] < 0 < total["malignant"]


def test_importance_is_reproducible_and_depends_on_the_seed(
    split: splitting.Split, fits: dict[str, fitting.Fit]
) -> None:
    def made(**options: Any) -> importance.Importance:
        return importance.importance(split, fits["pca_logistic"], repeats=3, **options)

    assert made() == made()
    assert made(seed=1) != made()


@pytest.mark.parametrize(("setting", "value"), [("repeats", 1), ("seed", -1)])
def test_a_setting_out_of_range_is_rejected(
    split: splitting.Split, fits: dict[str, fitting.Fit], setting: str, value: int
) -> None:
    with pytest.raises(WdbcError, match=f"{setting} = {value}"):
        importance.importance(split, fits["logistic"], **{setting: value})


def test_typical_patients_are_not_real_patients(split: splitting.Split, fits: dict[str, fitting.Fit]) -> None:
    terms_of = importance.importance(split, fits["logistic"], repeats=2).linear
    assert terms_of is not None
    _, terms = champions.contributions(fits["logistic"], pd.concat([split.X_train, split.X_test]))
    for contributions in vars(terms_of.typical).values():
        apart = np.abs(terms.to_numpy() - np.array(list(contributions.values()))).max(axis=1)
        assert apart.min() > 0.01
