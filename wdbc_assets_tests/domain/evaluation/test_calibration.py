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
from wdbc_assets.domain.evaluation import calibration, curves, explanations, intervals, results
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


def test_the_ece_of_calibrated_probabilities_is_simulated() -> None:
    _, p = right(569)
    errors = [calibration.expected_calibration_error((RANDOM.random(569) < p).astype(int), p) for _ in range(1000)]
    same = calibration.ece_if_calibrated(p[None])
    assert same == calibration.ece_if_calibrated(p[None])
    assert same.mean == pytest.approx(np.mean(errors), rel=0.05)
    assert (same.low, same.high) == pytest.approx(np.quantile(errors, [0.025, 0.975]), rel=0.15)


def test_measures_of_calibrated_probabilities_are_near_their_ideal() -> None:
    found = calibration.summary(*right(4000))
    ideal = {"slope": 1.0, "intercept": 0.0, "observed_expected": 1.0, "ici": 0.0, "e50": 0.0, "e90": 0.0}
    assert set(found.spreads) == set(ideal) == set(explanations.CALIBRATION)
    assert {name: spread.mean for name, spread in found.spreads.items()} == pytest.approx(ideal, abs=0.15)
    assert {spread.sd for spread in found.spreads.values()} == {0.0}


def test_measures_are_means_over_the_repeats_with_their_standard_deviation() -> None:
    y, p = right(200)
    repeats = np.stack([p, expit(1.5 * logit(p)), expit(logit(p) + 0.5)])
    found = calibration.summary(y, repeats)
    slopes = [curves.slope(y.astype(float), each) for each in repeats]
    assert found.slope.mean == pytest.approx(np.mean(slopes), rel=1e-12)
    assert found.slope.sd == pytest.approx(np.std(slopes, ddof=1), rel=1e-12)
    assert found.observed_expected.mean == pytest.approx(np.mean([y.sum() / each.sum() for each in repeats]))
    ends = np.array([curves.intercept(y.astype(float), each) for each in repeats]).mean(axis=0)
    assert (found.intercept.mean, found.intercept_low, found.intercept_high) == pytest.approx(tuple(ends))


@pytest.mark.parametrize(
    ("y", "p", "reasons"),
    [
        ([0] * 4 + [1] * 4, [0.1] * 4 + [0.9] * 4, {"slope": "separate the classes"}),
        ([0, 1] * 4, [0.5] * 8, {"slope": "all probabilities are equal"}),
        ([0] * 8, [0.1, 0.2] * 4, {"slope": "same diagnosis", "intercept": "same diagnosis"}),
        (
            [0, 1] * 4,
            [0.0] * 8,
            {"slope": "all probabilities are equal", "observed_expected": "every probability is 0"},
        ),
        ([0, 0, 1], [0.1, 0.5, 0.3], dict.fromkeys(("ici", "e50", "e90"), "too few patients")),
    ],
    ids=["separable", "constant", "one class", "all 0", "three patients"],
)
def test_what_cannot_be_said_is_none_with_a_reason(y: list[int], p: list[float], reasons: dict[str, str]) -> None:
    found = calibration.summary(y, p)
    for name, spread in found.spreads.items():
        assert (spread.mean is None) == (spread.sd is None) == (name in reasons), name
        assert reasons.get(name, "None") in str(spread.reason)
    assert (found.intercept_low is None) == ("intercept" in reasons)
    written = json.dumps(parsing.plain(found), allow_nan=False)
    assert parsing.read(results.Calibration, written.encode()) == found


def test_one_repeat_that_cannot_be_said_is_enough() -> None:
    y, p = right(50)
    found = calibration.summary(y, np.stack([p, np.full(50, 0.4)]))
    assert found.slope == results.Spread(mean=None, sd=None, reason="all probabilities are equal")
    assert found.ici.mean is not None


def test_values_that_are_not_probabilities_are_rejected() -> None:
    with pytest.raises(WdbcError, match="probabilities"):
        calibration.summary([0, 1], [0.5, 1.5])
