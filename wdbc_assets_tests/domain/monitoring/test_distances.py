"""Tests of the descriptive distances."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wdbc_assets.domain.monitoring import streams
from wdbc_assets.domain.monitoring.distances import Distance, DistanceFromReference
from wdbc_assets_tests.domain.monitoring import years

reference = years.reference()


def distances(*parts: np.ndarray) -> tuple[Distance, ...]:
    comparison = DistanceFromReference(reference)
    for part in parts:
        ordered = np.sort(part, axis=1)
        comparison.add(ordered, reference.rank_counts(ordered))
    return comparison.distances()


def by_definition(before: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Return both distances as their definitions have them, from all values."""
    places = np.concatenate([before, now])
    shares = [np.searchsorted(np.sort(sample), places, side="right") / len(sample) for sample in (before, now)]
    edges = [-np.inf, *np.quantile(before, np.arange(1, 10) / 10), np.inf]
    counts = [np.array([((low < x) & (x <= high)).sum() for low, high in pairwise(edges)]) for x in (before, now)]
    old, new = ((count + 0.5) / (count.sum() + 5) for count in counts)
    return float(np.abs(shares[0] - shares[1]).max()), float(((new - old) * np.log(new / old)).sum())


@given(st.lists(st.integers(0, 568), min_size=1, max_size=30), st.floats(-2, 2), st.integers(0, 31))
def test_counts_in_parts_give_the_distances_by_definition(drawn: list[int], moved: float, row: int) -> None:
    now = reference.values[:, drawn] + np.array([0.0, moved])[np.arange(len(drawn)) % 2]  # half of them are ties
    found = distances(now[:, :1], now[:, 1:])[row]
    assert (found.kolmogorov_smirnov, found.stability_index) == by_definition(reference.values[row], now[row])


def test_the_kolmogorov_smirnov_statistic_is_that_of_scipy() -> None:
    batch = years.patients(50, 3)
    quantities = reference.quantities(batch.X.T, years.log_odds(batch.X))
    found = distances(quantities)
    assert [entry.quantity for entry in found] == list(streams.QUANTITIES)
    for entry, before, now in zip(found, reference.values, quantities, strict=True):
        assert entry.kolmogorov_smirnov == pytest.approx(stats.ks_2samp(before, now).statistic)


def test_both_distances_of_the_reference_from_itself_are_zero() -> None:
    for entry in distances(reference.values):
        assert entry.kolmogorov_smirnov == 0.0
        assert entry.stability_index == pytest.approx(0.0, abs=1e-12)


def test_both_distances_grow_with_a_shift_and_stay_finite() -> None:
    quantities = reference.values + 1e6
    for entry in distances(quantities):
        assert entry.kolmogorov_smirnov == 1.0
        assert np.isfinite(entry.stability_index)
        assert entry.stability_index > 1
