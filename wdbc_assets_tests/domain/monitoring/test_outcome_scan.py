"""Tests of the scan of late outcomes."""

import numpy as np
import pytest

from wdbc_assets.domain.monitoring import outcome_scan


def _week(generator: np.random.Generator, n: int = 114, *, missed: float = 0.0) -> outcome_scan.OutcomeSums:
    log_odds = generator.normal(-1, 3, n)
    y = generator.random(n) < 1 / (1 + np.exp(-log_odds))
    return outcome_scan.sums(y & (generator.random(n) >= missed), log_odds)


def test_the_sums_are_those_of_their_definitions() -> None:
    made = outcome_scan.sums([1, 0, 0], [2.0, -1.0, 50.0])
    p = 1 / (1 + np.exp(-np.array([2.0, -1.0, 7.0])))
    logit, residual = np.array([2.0, -1.0, 7.0]), np.array([1, 0, 0]) - p
    assert (made.rows, made.malignant) == (3, 1)
    assert made.level == pytest.approx(residual.sum())
    assert made.slope == pytest.approx(-(residual * logit).sum())
    assert made.level_variance == pytest.approx((p * (1 - p)).sum())
    assert made.slope_variance == pytest.approx((p * (1 - p) * logit**2).sum())


def test_calibrated_predictions_raise_no_alarm() -> None:
    generator = np.random.default_rng(0)
    reference, weeks = _week(generator, 569), [_week(generator) for _ in range(26)]
    for count in range(1, 27):
        assert outcome_scan.scan_outcomes(reference, weeks[:count]).alarms == ()


def test_diagnoses_recorded_wrongly_raise_an_alarm_of_both_streams() -> None:
    generator = np.random.default_rng(1)
    reference = _week(generator, 569)
    weeks = [*(_week(generator) for _ in range(8)), *(_week(generator, missed=0.3) for _ in range(4))]
    found = outcome_scan.scan_outcomes(reference, weeks)
    assert {shift.stream for shift in found.alarms} == {"level", "slope"}
    assert found.shifts[0].z < -found.threshold  # fewer malignant than expected


def test_predictions_that_are_not_extreme_enough_raise_no_alarm_of_the_slope() -> None:
    generator = np.random.default_rng(2)
    reference = _week(generator, 569)
    log_odds = generator.normal(-1, 3, 2000)
    better = outcome_scan.sums(log_odds > 0, log_odds)
    found = outcome_scan.scan_outcomes(reference, [better] * 4)
    assert all(alarm.stream != "slope" for alarm in found.alarms)


def test_fewer_weeks_than_the_shortest_window_say_nothing() -> None:
    generator = np.random.default_rng(3)
    found = outcome_scan.scan_outcomes(_week(generator, 569), [_week(generator)] * 3)
    assert (found.shifts, found.alarms) == ((), ())
    assert outcome_scan.scan_outcomes(_week(generator, 569), []).shifts == ()


def test_a_week_without_outcomes_counts_as_a_week() -> None:
    generator = np.random.default_rng(4)
    weeks = [outcome_scan.sums([], []), *(_week(generator) for _ in range(3))]
    assert {shift.window for shift in outcome_scan.scan_outcomes(_week(generator, 569), weeks).shifts} == {4}
