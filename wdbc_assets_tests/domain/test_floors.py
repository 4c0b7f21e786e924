"""The floors and alarms: what is worse than allowed is named, and so is what is too good to be true."""

import math

import pytest

from wdbc_assets.domain import floors

MEASURED = {
    "accuracy": 0.9787,
    "recall": 0.9613,
    "precision": 0.981,
    "f1": 0.971,
    "roc_auc": 0.9949,
    "pr_auc": 0.9936,
    "log_loss": 0.0748,
    "brier": 0.0195,
    "ece": 0.017,
}


def means(**changes: float) -> dict[str, dict[str, float]]:
    return {name: {"mean": value} for name, value in (MEASURED | changes).items()}


def test_what_was_measured_passes() -> None:
    assert floors.missed(means(), "quick") == floors.missed(means(), "full") == floors.alarms(means()) == []


@pytest.mark.parametrize("metric", floors.BOUNDS)
def test_each_floor_names_its_metric_and_a_bound_itself_is_allowed(metric: str) -> None:
    bound = floors.BOUNDS[metric].full
    worse = bound + 1e-6 if metric in floors.LESS_IS_BETTER else bound - 1e-6
    assert floors.missed(means(**{metric: bound}), "full") == []
    (line,) = floors.missed(means(**{metric: worse}), "full")
    assert line.startswith(f"{metric} is ")
    assert floors.missed(means(**{metric: worse}), "quick") == []  # the short protocol is allowed more


def test_a_figure_that_is_no_number_is_worse_than_its_floor() -> None:
    assert len(floors.missed(means(precision=math.nan), "quick")) == 1


@pytest.mark.parametrize("metric", [name for name, bounds in floors.BOUNDS.items() if bounds.alarm])
def test_each_alarm_names_its_metric(metric: str) -> None:
    alarm = floors.BOUNDS[metric].alarm
    assert alarm is not None
    better = alarm - 1e-6 if metric in floors.LESS_IS_BETTER else alarm + 1e-6
    assert floors.alarms(means(**{metric: alarm})) == []
    (line,) = floors.alarms(means(**{metric: better}))
    assert line.startswith(f"{metric} is ")
