"""Calibration compared with computed cases, published values and scikit-learn, and the Brier decomposition."""

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import calibration, intervals, results
from wdbc_assets.store import parsing

RANDOM = np.random.default_rng(569)


def right(rows: int = 2000) -> tuple[Any, Any]:
    """Return outcomes drawn with their probabilities, most of which are near 0 and 1."""
    p = expit(RANDOM.normal(0, 3, rows))
    return (RANDOM.random(rows) < p).astype(int), p


@pytest.mark.parametrize(
    ("y", "p", "expected"),
    [
        ([0, 1], [0.0, 1.0], 0.0),
        ([1, 0], [0.0, 1.0], 1.0),
        ([0, 1, 1, 1], [0.75, 0.75, 0.75, 0.75], 0.0),
        ([0, 0, 1, 1], [0.05, 0.05, 0.95, 0.85], (0.1 + 0.05 + 0.15) / 4),
    ],
)
def test_the_ece_is_the_mean_absolute_difference_by_bin(y: list[int], p: list[float], expected: float) -> None:
    assert calibration.expected_calibration_error(y, p) == pytest.approx(expected, abs=1e-12)


def test_bins_equal_scikit_learns_and_shares_have_wilson_intervals() -> None:
    y, p = right()
    bins = calibration.summary(y, p).bins
    shares, means = calibration_curve(y, p, n_bins=10)
    assert [one.share for one in bins] == pytest.approx(shares, abs=1e-12)
    assert [one.mean_probability for one in bins] == pytest.approx(means, abs=1e-12)
    assert sum(one.rows for one in bins) == len(y)
    for one in bins:
        inside = (p >= one.low) & (p < one.high)
        wilson = intervals.proportion(int(y[inside].sum()), int(inside.sum()))
        assert (one.share_low, one.share_high) == (wilson.low, wilson.high)


def test_an_edge_belongs_to_the_upper_bin_and_1_to_the_last_bin() -> None:
    rows = [one.rows for one in calibration.summary([0, 1, 1, 1], [0.0, 0.5, 0.9, 1.0]).bins]
    assert rows == [1, 0, 0, 0, 0, 1, 0, 0, 0, 2]


def test_an_empty_bin_has_no_share_and_can_be_written_as_json() -> None:
    found = calibration.summary([0, 1], [0.05, 0.95])
    assert parsing.plain(found.bins[4]) == {
        "low": 0.4,
        "high": 0.5,
        "rows": 0,
        "mean_probability": None,
        "share": None,
        "share_low": None,
        "share_high": None,
    }
    written = json.dumps(parsing.plain(found), allow_nan=False)
    assert parsing.read(results.Calibration, written.encode()) == found


def test_the_components_of_the_brier_score_add_up_to_it() -> None:
    for y, p in (right(), right(37), ([0, 1, 1], [0.0, 0.5, 1.0])):
        parts = calibration.brier_parts(y, p)
        assert parts.score == pytest.approx(brier_score_loss(y, p), rel=1e-12)
        added = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
        assert added == pytest.approx(parts.score, abs=1e-15)


def test_with_equal_probabilities_per_bin_the_components_are_murphys() -> None:
    # .2 for four patients, one of them malignant; .8 for six, of whom three are.
    y, p = [1, 0, 0, 0, 1, 1, 1, 0, 0, 0], [0.2] * 4 + [0.8] * 6
    parts = calibration.brier_parts(y, p)
    assert parts.reliability == pytest.approx((4 * 0.05**2 + 6 * 0.3**2) / 10, abs=1e-15)
    assert parts.resolution == pytest.approx((4 * 0.15**2 + 6 * 0.1**2) / 10, abs=1e-15)
    assert parts.uncertainty == pytest.approx(0.24, abs=1e-15)
    assert parts.within_bins == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(("p", "z"), [([0.2, 0.2], 1.06), ([0.4, 0.5], 1.22)])
def test_spiegelhalters_z_equals_published_values(p: list[float], z: float) -> None:
    """The two cases of K. Rufibach (2010), J. Clin. Epidemiol. 63:938-939, table 1."""
    assert calibration.spiegelhalter_z([1, 0], p) == pytest.approx(z, abs=0.005)


def test_z_is_standard_normal_for_calibrated_probabilities() -> None:
    found = np.array([calibration.spiegelhalter_z(*right(569)) for _ in range(400)], dtype=float)
    assert abs(found.mean()) < 0.2
    assert found.std() == pytest.approx(1, abs=0.12)
    assert (np.abs(found) > 2.576).mean() < 0.03


def test_z_distinguishes_over_and_underconfidence() -> None:
    y, p = right()
    too_sure, not_sure_enough = (calibration.spiegelhalter_z(y, expit(factor * logit(p))) for factor in (2, 0.5))
    assert too_sure is not None
    assert not_sure_enough is not None
    assert too_sure > 4
    assert not_sure_enough < -4


def test_z_is_finite_for_certain_errors_and_undefined_if_all_are_one_half() -> None:
    certain = calibration.spiegelhalter_z([1, 0], [0.0, 0.0])
    assert certain is not None
    assert math.isfinite(certain)
    assert certain > 1000
    assert calibration.spiegelhalter_z([1, 0], [0.5, 0.5]) is None


def test_values_that_are_not_probabilities_are_rejected() -> None:
    with pytest.raises(WdbcError, match="probabilities"):
        calibration.summary([0, 1], [0.5, 1.5])
