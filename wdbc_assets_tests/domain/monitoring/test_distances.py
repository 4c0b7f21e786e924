"""Tests of the descriptive distances."""

import numpy as np
import pytest
from scipy import stats

from wdbc_assets.domain.monitoring import distances, streams
from wdbc_assets_tests.domain.monitoring import years


def test_the_kolmogorov_smirnov_statistic_is_that_of_scipy() -> None:
    batch = years.patients(50, 3)
    quantities = years.reference().quantities(batch.X, years.log_odds(batch.X))
    found = distances.distances(years.reference(), quantities)
    assert [entry.quantity for entry in found] == list(streams.QUANTITIES)
    for entry, before, now in zip(found, years.reference().values, quantities, strict=True):
        assert entry.kolmogorov_smirnov == pytest.approx(stats.ks_2samp(before, now).statistic)


def test_both_distances_of_the_reference_from_itself_are_zero() -> None:
    for entry in distances.distances(years.reference(), years.reference().values):
        assert entry.kolmogorov_smirnov == 0.0
        assert entry.stability_index == pytest.approx(0.0, abs=1e-12)


def test_both_distances_grow_with_a_shift_and_stay_finite() -> None:
    quantities = years.reference().values + 1e6
    for entry in distances.distances(years.reference(), quantities):
        assert entry.kolmogorov_smirnov == 1.0
        assert np.isfinite(entry.stability_index)
        assert entry.stability_index > 1
