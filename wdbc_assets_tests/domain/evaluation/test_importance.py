"""Contributions that add up for every patient, and importance by cluster compared with brute force."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline

from wdbc_assets.domain.data import contract, splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import comparison, contributions, cross_validation, importance
from wdbc_assets.domain.modeling import fitting, linear, prediction, recipes
from wdbc_assets_tests import champions
from wdbc_assets_tests.domain import validation

LINEAR = champions.COMPILED


@pytest.fixture(scope="module")
def split() -> splitting.Split:
    return splitting.split(validation.clean_frame())


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return validation.clean_frame()


def described(split: splitting.Split, fit: fitting.Fit) -> importance.Importance:
    """The importance from two invented folds, with the linear terms of a fit."""
    losses = {
        cross_validation.FoldUnit(fit.recipe, 0, fold): importance.FoldLosses(
            repeat=0,
            fold=fold,
            log_loss=0.07,
            permuted={name: 0.1 + 0.01 * place * fold for place, name in enumerate(importance.CLUSTERS)},
            without=dict.fromkeys(importance.CLUSTERS, 0.08 + fold / 100),
        )
        for fold in (1, 0)
    }
    return importance.assemble(importance.task_of(validation.clean_frame(), fit), fit, split, losses)


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
        described(split, fits["logistic"])


def test_both_increases_of_a_fold_equal_brute_force(frame: pd.DataFrame, fits: dict[str, fitting.Fit]) -> None:
    task = importance.task_of(frame, fits["svc"], permutations=3, seed=7)
    unit = cross_validation.FoldUnit("svc", 1, 4)
    found = importance.score_fold(task, unit)
    X, y = cross_validation.measurements(frame)
    fit_on, scored = cross_validation.fold_rows(frame, unit)
    model = recipes.named("svc").build(42).set_params(**fits["svc"].winner)
    fitted = clone(model).fit(X.iloc[fit_on], y.iloc[fit_on])
    assert found.log_loss == pytest.approx(log_loss(y.iloc[scored], fitted.predict_proba(X.iloc[scored])), abs=1e-9)
    generators = np.random.default_rng([7, 1, 4]).spawn(len(importance.CLUSTERS))
    for cluster, generator in zip(importance.CLUSTERS, generators, strict=True):
        columns = importance.columns_of(cluster)
        losses = []
        for _ in range(3):
            changed = X.iloc[scored].copy()
            changed[columns] = changed[columns].to_numpy()[generator.permutation(len(changed))]
            losses.append(log_loss(y.iloc[scored], fitted.predict_proba(changed)))
        assert found.permuted[cluster] == pytest.approx(np.mean(losses), abs=1e-9)
        less = X.drop(columns=columns)
        without = clone(model).fit(less.iloc[fit_on], y.iloc[fit_on]).predict_proba(less.iloc[scored])
        assert found.without[cluster] == pytest.approx(log_loss(y.iloc[scored], without), abs=1e-9)


def test_the_clusters_contain_each_column_once() -> None:
    columns = [column for cluster in importance.CLUSTERS for column in importance.columns_of(cluster)]
    assert sorted(columns) == sorted(contract.FEATURES)


def test_the_groups_summarize_the_folds_in_descending_order_with_corrected_intervals(
    split: splitting.Split, fits: dict[str, fitting.Fit]
) -> None:
    found = described(split, fits["svc"])
    assert [group.permuted.mean for group in found.groups] == sorted(
        (g.permuted.mean or 0 for g in found.groups), reverse=True
    )
    increases = np.array([fold.permuted["texture"] - fold.log_loss for fold in found.folds])
    (texture,) = (group for group in found.groups if group.cluster == "texture")
    assert (texture.permuted.mean, texture.permuted.low, texture.permuted.high) == comparison.corrected_interval(
        increases, folds=10
    )


def test_a_constant_cluster_has_an_importance_of_zero(frame: pd.DataFrame, fits: dict[str, fitting.Fit]) -> None:
    flat = frame.copy()
    flat[importance.columns_of("texture")] = 1.0
    task = importance.task_of(flat, fits["logistic"], permutations=2)
    found = importance.score_fold(task, cross_validation.FoldUnit("logistic", 0, 0))
    assert found.permuted["texture"] == pytest.approx(found.log_loss, abs=1e-12)
    assert found.without["texture"] == pytest.approx(found.log_loss, abs=1e-9)
    assert found.permuted["size"] > found.log_loss


def test_a_fold_that_cannot_be_fitted_is_named(frame: pd.DataFrame, fits: dict[str, fitting.Fit]) -> None:
    task = dataclasses.replace(importance.task_of(frame, fits["logistic"]), winner={"logistic__C": -1.0})
    with pytest.raises(WdbcError, match="logistic, repeat 1, fold 3 of 10: A candidate could not be fitted"):
        importance.score_fold(task, cross_validation.FoldUnit("logistic", 0, 2))


@pytest.mark.nightly
def test_the_published_data_give_the_expected_importance(frame: pd.DataFrame, split: splitting.Split) -> None:
    fit = fitting.fit(split.X_train, split.y_train, recipe="logistic")
    task = importance.task_of(frame, fit)
    losses = {unit: importance.score_fold(task, unit) for unit in importance.units(task)}
    groups = {group.cluster: group for group in importance.assemble(task, fit, split, losses).groups}
    assert groups["size"].permuted.mean == pytest.approx(1.23, abs=0.05)
    assert groups["texture"].permuted.mean == pytest.approx(0.070, abs=0.005)


@pytest.mark.parametrize("recipe", [*LINEAR, "svc"])
def test_the_result_states_its_inputs_and_typical_patients_are_means(
    split: splitting.Split, fits: dict[str, fitting.Fit], recipe: str
) -> None:
    found = described(split, fits[recipe])
    assert {name: getattr(found, name) for name in ("recipe", "score", "permutations", "seed", "patients")} == {
        "recipe": recipe,
        "score": "log_loss",
        "permutations": 10,
        "seed": 42,
        "patients": 569,
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
    at_quantiles = split.X_train.quantile(list(contributions.LEVELS))
    _, terms = champions.contributions(fits[recipe], at_quantiles)
    for column, curve in linear.curves.items():
        assert curve.quantiles == pytest.approx(at_quantiles[column].tolist())
        assert curve.contributions == pytest.approx(terms[column].tolist(), abs=1e-12)
    total = {name: linear.intercept + sum(terms.values()) for name, terms in typical.items()}
    assert total["benign"] < 0 < total["malignant"]


def test_importance_is_reproducible_and_depends_on_the_seed(frame: pd.DataFrame, fits: dict[str, fitting.Fit]) -> None:
    def made(**options: Any) -> importance.FoldLosses:
        task = importance.task_of(frame, fits["pca_logistic"], permutations=1, **options)
        return importance.score_fold(task, cross_validation.FoldUnit("pca_logistic", 0, 0))

    first, other = made(), made(seed=1)
    assert made() == first
    assert other.permuted != first.permuted
    assert other.without == first.without


@pytest.mark.parametrize(("setting", "value"), [("permutations", 0), ("seed", -1)])
def test_a_setting_out_of_range_is_rejected(
    frame: pd.DataFrame, fits: dict[str, fitting.Fit], setting: str, value: int
) -> None:
    with pytest.raises(WdbcError, match=f"{setting} = {value}"):
        importance.task_of(frame, fits["logistic"], **{setting: value})


def test_typical_patients_are_not_real_patients(split: splitting.Split, fits: dict[str, fitting.Fit]) -> None:
    terms_of = described(split, fits["logistic"]).linear
    assert terms_of is not None
    _, terms = champions.contributions(fits["logistic"], pd.concat([split.X_train, split.X_test]))
    for typical in vars(terms_of.typical).values():
        apart = np.abs(terms.to_numpy() - np.array(list(typical.values()))).max(axis=1)
        assert apart.min() > 0.01
