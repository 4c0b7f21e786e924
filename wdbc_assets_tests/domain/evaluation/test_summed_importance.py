"""The importance of a table in partitions is that of the whole table."""

import numpy as np
import pytest

from wdbc_assets.domain.data import splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import importance, summed_importance
from wdbc_assets.domain.evaluation.cross_validation import FoldUnit
from wdbc_assets.domain.evaluation.importance import CLUSTERS, FoldLosses
from wdbc_assets.domain.modeling import fitting
from wdbc_assets_tests.domain.partitioned import cuts, patients_in
from wdbc_assets_tests.domain.validation import clean_frame


def figures(of: FoldLosses) -> list[float]:
    return [
        of.log_loss,
        *(of.permuted[cluster] for cluster in CLUSTERS),
        *(of.without[cluster] for cluster in CLUSTERS),
    ]


@pytest.mark.parametrize("recipe", ["logistic", "spline"])
def test_the_losses_are_those_of_the_local_engine(recipe: str) -> None:
    frame = clean_frame()
    split = splitting.split(frame, method="hash")
    fit = fitting.fit(split.X_train, split.y_train, recipe=recipe, grid="small", repeats=1, method="hash")
    found = summed_importance.score_folds(patients_in(frame, cuts(569, 3)), fit, permutations=3, seed=7)
    assert [(one.repeat, one.fold) for one in found] == [(repeat, fold) for repeat in range(3) for fold in range(10)]
    task = importance.task_of(frame, fit, permutations=3, seed=7)
    for repeat, fold in ((0, 0), (2, 9)):
        local = importance.score_fold(task, FoldUnit(recipe, repeat, fold, "hash"))
        np.testing.assert_allclose(figures(found[10 * repeat + fold]), figures(local), rtol=0, atol=1e-6)


def test_a_recipe_without_sums_and_a_setting_out_of_range_are_refused() -> None:
    split = splitting.split(clean_frame(), method="hash")
    fit = fitting.fit(split.X_train, split.y_train, recipe="pca_logistic", grid="small", repeats=1, method="hash")
    table = patients_in(clean_frame(), cuts(569, 2))
    with pytest.raises(WdbcError, match="its power transformation is fitted by an optimizer"):
        summed_importance.score_folds(table, fit, permutations=1, seed=0)
    with pytest.raises(WdbcError, match="permutations"):
        summed_importance.score_folds(table, fit, permutations=0, seed=0)
