"""Quality floors and leakage alarms: metrics that are too low or too good to be true are reported."""

import math
from dataclasses import replace

import pytest

from wdbc_assets.domain.evaluation import calibration, floors, results
from wdbc_assets.domain.modeling import recipes

QUICK, FULL = (floors.limits(floors.RECIPE, recipes.PROTOCOLS[name], published=True) for name in ("quick", "full"))
ELSEWHERE = floors.limits(floors.RECIPE, 3, published=False)
MEASURED = {name: quick.floor + 1e-3 * (-1 if name in floors.LESS_IS_BETTER else 1) for name, quick in QUICK.items()}


def means(**changes: float) -> dict[str, float]:
    return MEASURED | changes


@pytest.mark.parametrize("limits", [QUICK, FULL, ELSEWHERE], ids=["quick", "full", "elsewhere"])
@pytest.mark.parametrize("metric", floors.METRICS)
def test_each_floor_reports_its_metric_and_is_inclusive(metric: str, limits: dict[str, floors.MetricLimits]) -> None:
    bound = limits[metric].floor
    worse = bound + 1e-6 if metric in floors.LESS_IS_BETTER else bound - 1e-6
    assert floors.missed({metric: bound}, limits) == []
    (line,) = floors.missed({metric: worse}, limits)
    assert line.startswith(f"{metric} is ")


@pytest.mark.parametrize("metric", floors.METRICS)
def test_floors_are_narrow_on_the_published_data_and_widest_on_others(metric: str) -> None:
    sign = -1 if metric in floors.LESS_IS_BETTER else 1
    full, quick, elsewhere = (sign * limits[metric].floor for limits in (FULL, QUICK, ELSEWHERE))
    assert elsewhere < quick <= full


def test_a_recipe_without_floors_of_its_own_has_those_of_the_simplest() -> None:
    assert floors.limits("svc", 3, published=True) == floors.limits("logistic", 3, published=True) != QUICK
    assert floors.limits("svc", 3, published=False) == ELSEWHERE


def test_an_undefined_metric_is_below_its_floor() -> None:
    assert len(floors.missed(means(precision=math.nan), QUICK)) == 1


@pytest.mark.parametrize("limits", [QUICK, ELSEWHERE], ids=["published", "elsewhere"])
@pytest.mark.parametrize("metric", floors.METRICS)
def test_each_alarm_reports_its_metric(metric: str, limits: dict[str, floors.MetricLimits]) -> None:
    alarm = limits[metric].alarm
    if alarm is None:
        assert floors.alarms({metric: 0.0}, limits) == floors.alarms({metric: 1.0}, limits) == []
        return
    better = alarm - 1e-6 if metric in floors.LESS_IS_BETTER else alarm + 1e-6
    assert floors.alarms({metric: alarm}, limits) == []
    (line,) = floors.alarms({metric: better}, limits)
    assert line.startswith(f"{metric} is ")


@pytest.mark.parametrize("limits", [QUICK, ELSEWHERE], ids=["published", "elsewhere"])
def test_a_perfect_model_raises_an_alarm_everywhere(limits: dict[str, floors.MetricLimits]) -> None:
    perfect = {name: 0.0 if name in floors.LESS_IS_BETTER else 1.0 for name in floors.METRICS}
    assert {line.partition(" ")[0] for line in floors.alarms(perfect, limits)} >= {"accuracy", "log_loss", "brier"}


def calibrated(z: float | None, *, mean_probability: float = 0.01) -> results.Calibration:
    first = results.CalibrationBin(
        low=0.0, high=0.1, rows=320, mean_probability=mean_probability, share=0.02, share_low=0.009, share_high=0.04
    )
    empty = results.CalibrationBin(
        low=0.1, high=0.2, rows=0, mean_probability=None, share=None, share_low=None, share_high=None
    )
    return replace(calibration.summary([0, 1], [0.2, 0.8]), spiegelhalter_z=z, bins=(first, empty))


@pytest.mark.parametrize("z", [0.0, -1.49, floors.LARGEST_Z, -floors.LARGEST_Z])
def test_an_insignificant_z_passes_regardless_of_single_bins(z: float) -> None:
    assert floors.miscalibrated(calibrated(z, mean_probability=0.09)) == []


@pytest.mark.parametrize("z", [2.58, -7.9])
def test_a_significant_z_is_reported_with_the_bins_off_the_diagonal(z: float) -> None:
    assert floors.miscalibrated(calibrated(z)) == [f"Spiegelhalter's z is {z:.2f}, needed: from -2.576 to 2.576"]
    _, line = floors.miscalibrated(calibrated(z, mean_probability=0.09))
    assert line == (
        "share of malignant between 0 and 0.1 is 0.0200, its interval [0.0090, 0.0400] misses the mean probability"
        " 0.0900 of 320 patients"
    )


def test_the_expected_calibration_error_decides_nothing() -> None:
    assert "ece" not in floors.METRICS
    assert floors.missed(means(ece=1.0), QUICK) == floors.alarms(means(ece=0.0), QUICK) == []


def test_an_undefined_z_does_not_pass() -> None:
    (line,) = floors.miscalibrated(calibrated(None))
    assert line.startswith("Spiegelhalter's z is undefined")
