"""Model files that hold trees: what scikit-learn would follow without looking is looked at first."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage import models

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def forest(**changes: int) -> Any:
    """Return a forest whose first node is altered."""
    made = ExtraTreesClassifier(n_estimators=2, random_state=0).fit(X, Y)
    tree = made.estimators_[1].tree_
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    for field, value in changes.items():
        nodes[field][0] = value
    tree.__setstate__(state | {"nodes": nodes})
    return made


def test_a_forest_comes_back() -> None:
    made = forest()
    np.testing.assert_array_equal(models.from_skops(models.to_skops(made)).predict_proba(X), made.predict_proba(X))


@pytest.mark.parametrize(
    "changes",
    [{"feature": 3}, {"feature": -5}, {"left_child": 10**6}, {"right_child": 0}, {"left_child": -1}],
    ids=["column too high", "column below none", "node too high", "its own child", "half a leaf"],
)
def test_a_tree_that_leads_out_of_itself_is_refused_before_it_is_asked(changes: dict[str, int]) -> None:
    with pytest.raises(WdbcError, match="no model file"):
        models.from_skops(models.to_skops(forest(**changes)))


def test_a_tree_inside_an_array_is_looked_at_too() -> None:
    made = GradientBoostingClassifier(n_estimators=1).fit(X, Y)
    assert models.from_skops(models.to_skops(made)).predict(X).tolist() == made.predict(X).tolist()
    made.estimators_[0, 0].tree_ = forest(feature=3).estimators_[1].tree_
    with pytest.raises(WdbcError, match="no model file"):
        models.from_skops(models.to_skops(made))
