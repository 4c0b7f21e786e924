"""Quality floors and leakage alarms: metrics that are too low or too good to be true are reported."""

import math
from dataclasses import replace

import pytest

from wdbc_assets.domain.evaluation import calibration, floors, results

MEASURED = {
    "accuracy": 0.9787,
    "recall": 0.9613,
    "precision": 0.981,
    "f1": 0.971,
    "roc_auc": 0.9949,
    "pr_auc": 0.9936,
    "log_loss": 0.0748,
    "brier": 0.0195,
}


def means(**changes: float) -> dict[str, float]:
    return MEASURED | changes


def test_the_measured_values_pass() -> None:
    assert floors.missed(means(), "quick") == floors.missed(means(), "full") == floors.alarms(means()) == []


@pytest.mark.parametrize("metric", floors.BOUNDS)
def test_each_floor_reports_its_metric_and_is_inclusive(metric: str) -> None:
    bound = floors.BOUNDS[metric].full
    worse = bound + 1e-6 if metric in floors.LESS_IS_BETTER else bound - 1e-6
    assert floors.missed(means(**{metric: bound}), "full") == []
    (line,) = floors.missed(means(**{metric: worse}), "full")
    assert line.startswith(f"{metric} is ")
    assert floors.missed(means(**{metric: worse}), "quick") == []  # the short protocol is allowed more


def test_an_undefined_metric_is_below_its_floor() -> None:
    assert len(floors.missed(means(precision=math.nan), "quick")) == 1


@pytest.mark.parametrize("metric", [name for name, bounds in floors.BOUNDS.items() if bounds.alarm])
def test_each_alarm_reports_its_metric(metric: str) -> None:
    alarm = floors.BOUNDS[metric].alarm
    assert alarm is not None
    better = alarm - 1e-6 if metric in floors.LESS_IS_BETTER else alarm + 1e-6
    assert floors.alarms(means(**{metric: alarm})) == []
    (line,) = floors.alarms(means(**{metric: better}))
    assert line.startswith(f"{metric} is ")


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
    assert "ece" not in floors.BOUNDS
    assert floors.missed(means(ece=1.0), "full") == floors.alarms(means(ece=0.0)) == []


def test_an_undefined_z_does_not_pass() -> None:
    (line,) = floors.miscalibrated(calibrated(None))
    assert line.startswith("Spiegelhalter's z is undefined")
