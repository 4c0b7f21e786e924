"""Refits: what each is fitted on, how it is scored, and what becomes of data that are too few."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import refits
from wdbc_assets.domain.evaluation.refits import Learning, Refit, RefitTask, RefitUnit
from wdbc_assets.domain.modeling import fitting, linear
from wdbc_assets_tests.domain import validation


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return validation.clean_frame()


def task(frame: pd.DataFrame, recipe: str = "logistic", **changes: Any) -> RefitTask:
    settings = {"grid": "small", "folds": 5, "search_seed": 42, "seed": 42, **changes}
    return RefitTask(frame=frame, recipe=recipe, **settings)


def refitted(task: RefitTask, unit: RefitUnit) -> Refit:
    outcome = refits.run(task, unit)
    assert isinstance(outcome, Refit)
    return outcome


def learned(task: RefitTask, unit: RefitUnit) -> Learning:
    outcome = refits.run(task, unit)
    assert isinstance(outcome, Learning)
    return outcome


def of(frame: pd.DataFrame, benign: int, malignant: int) -> pd.DataFrame:
    """A frame of so many patients of each class."""
    y = frame[contract.DIAGNOSIS]
    return pd.concat([frame[y == 0][:benign], frame[y == 1][:malignant]], ignore_index=True)


def test_the_original_is_the_search_and_fit_on_all_patients(frame: pd.DataFrame) -> None:
    found = refitted(task(frame, grid="full"), RefitUnit("original", 0))
    X, y = frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS]
    fit = fitting.fit(X, y, recipe="logistic", repeats=1)
    p = fit.pipeline.predict_proba(X)[:, 1]
    assert found.development.winner == fit.winner
    assert found.probabilities == pytest.approx(p, abs=1e-9)
    assert found.development.own == found.development.everyone
    assert found.development.own.log_loss == pytest.approx(log_loss(y, p), abs=1e-6)
    assert found.development.own.log_loss == pytest.approx(0.0534, abs=5e-5)  # the published figure
    model = linear.linear(fit.pipeline)
    assert model is not None
    assert found.development.signs == tuple(np.sign(model.coefficients).astype(int))


def test_a_bootstrap_refit_is_scored_on_its_sample_and_on_everyone(frame: pd.DataFrame) -> None:
    found = refitted(task(frame), RefitUnit("bootstrap", 3))
    y, p = frame[contract.DIAGNOSIS].to_numpy(), np.array(found.probabilities)
    rows = np.random.default_rng([42, 3]).integers(0, len(y), len(y))
    for measured, sample in ((found.development.own, rows), (found.development.everyone, np.arange(len(y)))):
        assert measured.log_loss == pytest.approx(log_loss(y[sample], p[sample]), abs=1e-6)
        assert measured.roc_auc == pytest.approx(roc_auc_score(y[sample], p[sample]), abs=1e-6)
    assert found == refitted(task(frame), RefitUnit("bootstrap", 3))
    assert found.probabilities != refitted(task(frame), RefitUnit("bootstrap", 4)).probabilities
    assert found.probabilities != refitted(task(frame, seed=1), RefitUnit("bootstrap", 3)).probabilities


def test_the_parts_of_a_learning_curve_are_nested_and_stratified() -> None:
    y = np.random.default_rng(0).permutation(np.repeat([0, 1], [285, 170]))
    parts = list(refits.parts(y, np.arange(455), seed=1))
    assert [len(part) for part in parts] == [114, 228, 341, 455]
    assert [int(y[part].sum()) for part in parts] == [42, 85, 128, 170]
    for smaller, larger in itertools.pairwise(parts):
        assert set(smaller) < set(larger)


def test_every_part_is_scored_on_the_same_test_rows(frame: pd.DataFrame) -> None:
    found = learned(task(frame), RefitUnit("learning", 1))
    assert found.rows == (114, 228, 341, 455)
    X, y = frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS]
    fit_on, test = train_test_split(np.arange(569), test_size=0.2, random_state=43, stratify=y)
    for part, loss in zip(refits.parts(y.to_numpy(), fit_on, seed=43), found.log_loss, strict=True):
        fit = fitting.fit(X.iloc[part], y.iloc[part], recipe="logistic", grid="small", repeats=1)
        assert loss == pytest.approx(log_loss(y.iloc[test], fit.pipeline.predict_proba(X.iloc[test])), abs=1e-6)


def test_a_part_with_too_few_patients_of_a_class_has_no_loss(frame: pd.DataFrame) -> None:
    found = learned(task(of(frame, 40, 20)), RefitUnit("learning", 0))
    assert found.rows == (12, 24, 36, 48)
    assert found.log_loss[0] is None
    assert None not in found.log_loss[1:]


def test_a_sample_with_too_few_patients_of_a_class_is_drawn_again(frame: pd.DataFrame) -> None:
    few = task(of(frame, 60, 6))
    redrawn = [refitted(few, RefitUnit("bootstrap", number)).development.redrawn for number in range(6)]
    assert sum(redrawn) > 0


def test_data_of_which_no_sample_suffices_are_refused_with_the_unit(frame: pd.DataFrame) -> None:
    with pytest.raises(WdbcError, match="logistic, bootstrap 1: Of 100 bootstrap samples, none has 5 patients"):
        refits.run(task(of(frame, 60, 0)), RefitUnit("bootstrap", 0))


def test_too_few_patients_and_settings_out_of_range_are_refused_beforehand(frame: pd.DataFrame) -> None:
    with pytest.raises(WdbcError, match="needed: at least 20"):
        refits.require_developable(of(frame, 60, 19))
    with pytest.raises(WdbcError, match="Blank or infinite"):
        refits.require_developable(frame.assign(radius_mean=np.nan))
    with pytest.raises(WdbcError, match="bootstraps = 1"):
        refits.units(bootstraps=1, splits=2)
    with pytest.raises(WdbcError, match="splits = 1"):
        refits.units(bootstraps=2, splits=1)


def test_a_constant_measurement_has_no_direction_and_a_nonlinear_recipe_none_at_all(frame: pd.DataFrame) -> None:
    flat = frame.assign(texture_mean=1.0)
    signs = refitted(task(flat), RefitUnit("original", 0)).development.signs
    assert signs is not None
    assert signs[list(contract.FEATURES).index("texture_mean")] == 0
    assert set(signs) == {-1, 0, 1}
    assert refitted(task(frame, "svc"), RefitUnit("original", 0)).development.signs is None


def test_the_directions_of_a_spline_are_those_of_its_curves(frame: pd.DataFrame) -> None:
    signs = refitted(task(frame, "spline"), RefitUnit("original", 0)).development.signs
    assert signs is not None
    assert len(signs) == 30
    assert signs[list(contract.FEATURES).index("radius_worst")] == 1


def test_a_slope_that_is_not_determined_is_none() -> None:
    y = np.array([0, 0, 1, 1])
    assert refits.performance(y, np.array([0.1, 0.2, 0.8, 0.9])).slope is None
    assert refits.performance(y, np.array([0.1, 0.8, 0.2, 0.9])).slope is not None


def test_a_recipe_that_fails_is_reported_with_unit_and_reason(frame: pd.DataFrame) -> None:
    with pytest.raises(WdbcError, match="nonesuch, original 1: There is no recipe 'nonesuch'"):
        refits.run(replace(task(frame), recipe="nonesuch"), RefitUnit("original", 0))
