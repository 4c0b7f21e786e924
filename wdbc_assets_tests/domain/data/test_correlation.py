"""Correlations against numpy's, and clusters against what they promise: every two correlate at the bound or more."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import contract, correlation
from wdbc_assets_tests.domain import validation


def published() -> pd.DataFrame:
    return validation.clean_frame()[list(contract.FEATURES)]


def r_of(found: correlation.Correlation, one: str, other: str) -> float:
    order = found.order
    r = found.matrix[order.index(one)][order.index(other)]
    assert r is not None
    return r


def test_the_matrix_is_numpys_in_the_order_that_is_stated() -> None:
    X = published()
    found = correlation.correlate(X)
    assert sorted(found.order) == sorted(contract.FEATURES)
    expected = np.corrcoef(X[list(found.order)].to_numpy(), rowvar=False)
    assert np.array(found.matrix) == pytest.approx(expected, abs=1e-12)
    assert np.array(found.matrix).diagonal().tolist() == [1.0] * 30


@pytest.mark.parametrize("bound", [0.5, 0.8, 0.9, 0.98])
def test_every_two_of_a_cluster_correlate_at_the_bound_and_stand_side_by_side(bound: float) -> None:
    found = correlation.correlate(published(), bound=bound)
    clustered = [name for cluster in found.clusters for name in cluster]
    assert len(set(clustered)) == len(clustered)
    for cluster in found.clusters:
        assert len(cluster) > 1
        assert all(abs(r_of(found, one, other)) >= bound for one, other in combinations(cluster, 2))
        first = found.order.index(cluster[0])
        assert found.order[first : first + len(cluster)] == cluster
    # No two clusters could be one: that is what the tree is for.
    for these, those in combinations(found.clusters, 2):
        assert min(abs(r_of(found, one, other)) for one in these for other in those) < bound


def test_the_published_clusters_are_the_sizes_and_what_is_made_of_them() -> None:
    clusters = {frozenset(cluster) for cluster in correlation.correlate(published()).clusters}
    sizes = ("radius", "perimeter", "area")
    assert clusters == {
        frozenset(f"{name}_{of}" for name in sizes for of in ("mean", "worst")),
        frozenset(f"{name}_se" for name in sizes),
        frozenset({"texture_mean", "texture_worst"}),
        frozenset({"concavity_mean", "concave_points_mean"}),
    }


def test_a_measurement_that_falls_as_another_rises_is_in_its_cluster() -> None:
    X = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [5.0, 1, 4, 1, 5], "c": [-1.0, -2, -3, -4, -5.1]})
    found = correlation.correlate(X)
    assert [sorted(cluster) for cluster in found.clusters] == [["a", "c"]]
    assert r_of(found, "a", "c") < -0.99


def test_a_constant_correlates_with_nothing_and_is_in_no_cluster() -> None:
    X = pd.DataFrame({"a": [1.0, 2, 3, 4], "same": [0.1] * 4, "b": [1.0, 2, 3, 4.5], "equal": [0.1] * 4})
    found = correlation.correlate(X)
    assert [sorted(cluster) for cluster in found.clusters] == [["a", "b"]]
    same = found.order.index("same")
    assert found.matrix[same] == (None,) * 4
