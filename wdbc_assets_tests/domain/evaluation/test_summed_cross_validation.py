"""Nested cross-validation of a table in partitions is that of the whole table, however it is cut."""

from functools import cache

import numpy as np
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import cross_validation, summed_cross_validation
from wdbc_assets.domain.evaluation.cross_validation import OUTER_FOLDS, FoldUnit
from wdbc_assets.domain.evaluation.summed_cross_validation import FoldModel
from wdbc_assets.domain.modeling import fitting
from wdbc_assets.store import parsing
from wdbc_assets_tests.domain.partitioned import cuts, patients_in
from wdbc_assets_tests.domain.validation import clean_frame

RECIPES = ("logistic", "spline")


@pytest.fixture(autouse=True)
def _one_repeat_of_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_repeats", lambda *_: 1)


@cache
def model(recipe: str, parts: int) -> FoldModel:
    return summed_cross_validation.fit_without_fold(
        patients_in(clean_frame(), cuts(569, parts)), FoldUnit(recipe, 0, 3, "hash")
    )


def predictions(of: FoldModel, parts: int) -> "tuple[np.ndarray, np.ndarray]":
    """Return the folds and probabilities of all patients, where the model stands for those of all folds."""
    models = [FoldModel(**{**vars(of), "fold": fold}) for fold in range(OUTER_FOLDS)]
    found = summed_cross_validation.predict(patients_in(clean_frame(), cuts(569, parts)), models)
    return (
        np.concatenate([one.fold_of[0] for one in found]),
        np.concatenate([one.p[of.recipe][0] for one in found]),
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_fold_is_scored_as_by_the_local_engine(recipe: str) -> None:
    unit = FoldUnit(recipe, 0, 3, "hash")
    local = cross_validation.evaluate_fold(clean_frame(), unit)
    ours = model(recipe, 3)
    assert ours.winner == local.winner
    fold_of, p = predictions(ours, 3)
    assert (fold_of == cross_validation.folds(clean_frame(), 0, "hash")).all()
    np.testing.assert_allclose(p[fold_of == 3], local.probabilities, rtol=0, atol=1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_number_of_partitions_changes_nothing(recipe: str) -> None:
    one, seven = model(recipe, 1), model(recipe, 7)
    assert one.winner == seven.winner
    np.testing.assert_allclose(predictions(one, 1)[1], predictions(seven, 7)[1], rtol=0, atol=1e-9)


def test_a_model_is_the_same_after_it_was_stored() -> None:
    for recipe in RECIPES:
        assert parsing.build(FoldModel, parsing.plain(model(recipe, 1))) == model(recipe, 1)


def test_the_baseline_is_left_out_and_any_other_recipe_without_sums_is_refused() -> None:
    names = ("airflow_baseline", "logistic", "spline")
    assert summed_cross_validation.evaluated_recipes(names) == (("logistic", "spline"), ("airflow_baseline",))
    with pytest.raises(WdbcError, match="svc cannot be fitted on a table in partitions: a support vector machine"):
        summed_cross_validation.evaluated_recipes((*names, "svc"))
