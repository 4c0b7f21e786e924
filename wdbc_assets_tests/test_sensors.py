"""The sensor and the schedule: a stable run key, a cursor, and a reason for each way of doing nothing."""

from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets import resources, schedules, sensors
from wdbc_assets.definitions import defs
from wdbc_assets_tests import builders


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "wdbc.data"
    path.write_bytes(builders.bundled_uci_bytes())
    monkeypatch.setenv("WDBC_SOURCE", str(path))
    return path


def tick(cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(cursor=cursor)
    result = sensors.source_changed(context, store=resources.StoreResource())
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def run_key(result: dg.SensorResult | dg.SkipReason) -> str | None:
    assert isinstance(result, dg.SensorResult), result
    (request,) = result.run_requests or []
    return request.run_key


def reason(result: dg.SensorResult | dg.SkipReason) -> str:
    assert isinstance(result, dg.SkipReason), result
    return result.skip_message or ""


def train() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert defs.resolve_job_def("refresh").execute_in_process(instance=instance).success


def test_a_source_that_was_never_read_starts_a_run_once(source: Path) -> None:
    first = tick()
    assert run_key(first) == run_key(tick())  # a stable key: the same content never starts two runs
    assert isinstance(first, dg.SensorResult)
    assert reason(tick(first.cursor)).startswith("A run was already requested")


def test_a_source_that_was_read_and_stayed_the_same_starts_nothing(source: Path) -> None:
    train()
    assert reason(tick()).startswith("Unchanged")


def test_new_content_starts_a_run_with_another_key(source: Path) -> None:
    before = run_key(tick())
    train()
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines, lines[0].replace(lines[0].split(",")[0], "999999", 1)]))
    assert run_key(tick()) != before


@pytest.mark.fault("O06")
def test_a_source_that_is_away_skips_with_the_reason_and_keeps_the_cursor(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = "as before"
    monkeypatch.setenv("WDBC_SOURCE", "http://127.0.0.1:9/wdbc.data")
    context = dg.build_sensor_context(cursor=cursor)
    result = sensors.source_changed(context, store=resources.StoreResource())
    assert isinstance(result, dg.SkipReason)
    assert reason(result).startswith("The source could not be looked at")
    assert context.cursor == cursor
    monkeypatch.setenv("WDBC_SOURCE", str(source))
    assert run_key(tick(cursor))


@pytest.mark.fault("S17")
def test_a_mistyped_source_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_SOURCE", "bundeld")
    assert "bundled" in reason(tick())


@pytest.mark.fault("O07")
def test_the_schedule_states_its_time_zone_and_is_off_by_default() -> None:
    assert schedules.daily_train.execution_timezone == "Etc/UTC"
    assert schedules.daily_train.default_status is dg.DefaultScheduleStatus.STOPPED
    assert sensors.source_changed.default_status is dg.DefaultSensorStatus.STOPPED
