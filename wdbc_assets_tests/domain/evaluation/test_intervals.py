"""The interval of a ratio of two proportions; those of proportions and F1 are tested with the metrics."""

import math

import numpy as np
import pytest

from wdbc_assets.domain.evaluation import intervals


def test_a_ratio_has_its_log_interval() -> None:
    found = intervals.ratio(90, 100, 10, 100, infinite="")
    half = 1.959964 * math.sqrt(1 / 90 - 1 / 100 + 1 / 10 - 1 / 100)
    assert found.value == pytest.approx(9)
    assert (found.low, found.high) == pytest.approx((9 / math.exp(half), 9 * math.exp(half)), rel=1e-6)
    assert found.by == "delta method, log scale"


def test_a_ratio_without_others_is_infinite_and_one_of_nothing_has_no_interval() -> None:
    assert intervals.ratio(3, 5, 0, 9, infinite="nobody") == intervals.without(None, "nobody")
    assert intervals.ratio(0, 5, 3, 9, infinite="nobody").value == 0
    assert intervals.ratio(0, 5, 3, 9, infinite="nobody").low is None
    assert intervals.ratio(5, 5, 9, 9, infinite="nobody") == intervals.Interval(
        value=1.0, low=1.0, high=1.0, method="log_ratio"
    )


def test_the_interval_of_a_ratio_covers_what_it_states() -> None:
    rng, sensitivity, false_alarms = np.random.default_rng(0), 0.95, 0.08
    true, covered, patients = sensitivity / false_alarms, [], (170, 285)
    for tp, fp in zip(rng.binomial(170, sensitivity, 2000), rng.binomial(285, false_alarms, 2000), strict=True):
        found = intervals.ratio(int(tp), patients[0], int(fp), patients[1], infinite="")
        assert found.low is not None
        assert found.high is not None
        covered.append(found.low <= true <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97
