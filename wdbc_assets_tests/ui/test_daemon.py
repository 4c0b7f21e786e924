"""Runs that nobody clicks for: those of Dagster's command line, of the sensor, and of the schedule, for real."""

import os
import re
import signal
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets import settings
from wdbc_assets.orchestration import attempts, schedules, sensors
from wdbc_assets_tests import builders
from wdbc_assets_tests.ui import dagster_ui

TWO_DAYS = 2 * 24 * 60 * 60
SENSOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "wdbc_assets",
    "sensorName": sensors.source_changed.name,
}
START_SENSOR = """
mutation ($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) { __typename } }
"""


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment for Dagster's processes, and a history that this process looks into too."""
    chosen = dagster_ui.surroundings(tmp_path, WDBC_GRID="small")
    monkeypatch.setenv("DAGSTER_HOME", chosen["DAGSTER_HOME"])
    return chosen


def dagster(*arguments: str, environment: dict[str, str]) -> None:
    """Run one of Dagster's own commands in the project's folder, as the README shows it."""
    subprocess.run(
        dagster_ui.command("dagster", *arguments, "-w", "workspace.yaml"),
        cwd=settings.project_root(),
        env=environment,
        timeout=dagster_ui.RUN_SECONDS,
        check=True,
    )


def finished(instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    """Wait for the only run with these tags to end, and return it."""

    def ended() -> dg.DagsterRun | None:
        runs = instance.get_runs(dg.RunsFilter(tags=tags))
        assert len(runs) <= 1, runs
        return runs[0] if runs and runs[0].is_finished else None

    return dagster_ui.until(ended, seconds=dagster_ui.RUN_SECONDS, what=f"the end of a run with {tags}")


def ticks(instance: dg.DagsterInstance) -> list[Any]:
    """Every tick of what is turned on, the latest first."""
    (state,) = instance.all_instigator_state()
    return list(instance.get_ticks(state.instigator_origin_id, state.selector_id))


def tick_number(instance: dg.DagsterInstance, number: int) -> Any:
    """Wait for a tick, counted from 1, to be over, and return it."""

    def over() -> Any:
        found = ticks(instance)
        return found[-number] if len(found) >= number and found[-number].status.value != "STARTED" else None

    return dagster_ui.until(over, seconds=dagster_ui.RUN_SECONDS, what=f"tick {number}")


def let_pass(instance: dg.DagsterInstance, seconds: float) -> None:
    """Make Dagster believe that so much time has gone by since a schedule or sensor was turned on or looked.

    It knows these times from its records alone; they are moved into the past.
    """
    (state,) = instance.all_instigator_state()
    data: Any = state.instigator_data
    moved = {name: at - seconds for name, at in data._asdict().items() if name.endswith("timestamp") and at}
    instance.update_instigator_state(state.with_data(data._replace(**moved)))


@pytest.mark.slow
@pytest.mark.fault("O01")
def test_a_job_launched_with_nothing_else_running_ends_in_a_finished_run(surroundings: dict[str, str]) -> None:
    dagster("job", "launch", "-j", "train", environment=surroundings)
    with dg.DagsterInstance.get() as instance:
        run = finished(instance)
        assert run.status is dg.DagsterRunStatus.SUCCESS
        assert run.job_name == "train"
        for asset in dagster_ui.TRAINED:
            event = instance.get_latest_materialization_event(dg.AssetKey(asset))
            assert event is not None
            assert event.run_id == run.run_id


@pytest.mark.slow
def test_the_sensor_starts_a_run_for_new_content_and_then_says_why_it_starts_none(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "wdbc.data"
    source.write_bytes(builders.bundled_uci_bytes())
    with (
        dagster_ui.running_ui(surroundings | {"WDBC_SOURCE": str(source)}) as ui,
        dg.DagsterInstance.get() as instance,
    ):
        assert ui.ask(START_SENSOR, sensor=SENSOR)["startSensor"]["__typename"] == "Sensor"
        first = tick_number(instance, 1)
        assert first.status.value == "SUCCESS"
        run = finished(instance, **{"dagster/sensor_name": sensors.source_changed.name})
        assert [run.run_id] == first.run_ids
        assert run.status is dg.DagsterRunStatus.SUCCESS
        assert run.job_name == "train"

        let_pass(instance, attempts.INTERVAL_SECONDS)
        second = tick_number(instance, 2)
        assert second.status.value == "SKIPPED"
        assert second.skip_reason.startswith("Unchanged")
        assert instance.get_runs_count() == 1


@pytest.mark.slow
@pytest.mark.fault("O05")
@pytest.mark.fault("O07")
def test_the_last_missed_tick_of_the_schedule_starts_one_run_though_the_daemon_is_killed_in_its_middle(
    surroundings: dict[str, str],
) -> None:
    name = schedules.daily_train.name
    dagster("schedule", "start", name, environment=surroundings)
    with dg.DagsterInstance.get() as instance:
        let_pass(instance, TWO_DAYS)
        log = Path(surroundings["DAGSTER_HOME"]) / "killed.log"
        ui = dagster_ui.command("wdbc_assets", "ui", "--port", str(dagster_ui.free_port()))
        with dagster_ui.process_group(ui, surroundings, log) as doomed:
            # Between this moment and the start of the run's own process Dagster lets some seconds pass.
            dagster_ui.until(
                lambda: instance.get_runs_count() or None,
                seconds=dagster_ui.START_SECONDS,
                every=0.01,
                what="the run of the missed tick",
            )
            dagster_ui.kill_group(doomed)
        (interrupted,) = ticks(instance)
        assert interrupted.status.value == "STARTED"
        due = datetime.fromtimestamp(interrupted.timestamp, UTC)
        assert (due.hour, due.minute) == (6, 0)

        with dagster_ui.running_ui(surroundings):
            tick = tick_number(instance, 1)
            run = finished(instance, **{".dagster/scheduled_execution_time": due.isoformat()})
        assert tick.timestamp == interrupted.timestamp
        assert tick.run_ids == [run.run_id]
        assert run.status is dg.DagsterRunStatus.SUCCESS
        assert run.tags["dagster/schedule_name"] == name


@pytest.mark.fault("O05")
def test_a_second_ui_on_the_same_history_is_refused_for_two_daemons_start_runs_twice(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    def ui() -> list[str]:
        return dagster_ui.command("wdbc_assets", "ui", "--port", str(dagster_ui.free_port()))

    with dagster_ui.process_group(ui(), surroundings, first) as working:
        dagster_ui.until(
            lambda: "Launching Dagster" in first.read_text() or None,
            seconds=dagster_ui.START_SECONDS,
            what="the first UI",
        )
        with dagster_ui.process_group(ui(), surroundings, second) as refused:
            assert refused.wait(timeout=dagster_ui.STOP_SECONDS) == 1
        working.send_signal(signal.SIGTERM)
        assert working.wait(timeout=dagster_ui.START_SECONDS) == 0
    printed = second.read_text()
    assert surroundings["DAGSTER_HOME"] in printed
    assert "DAGSTER_HOME" in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_the_address_is_printed_when_it_answers_and_the_death_of_the_webserver_is_an_error(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "printed"
    port = dagster_ui.free_port()
    address = f"  http://127.0.0.1:{port}\n"
    with dagster_ui.process_group(
        dagster_ui.command("wdbc_assets", "ui", "--port", str(port)), surroundings, log
    ) as ui:
        dagster_ui.until(lambda: address in log.read_text() or None, seconds=dagster_ui.START_SECONDS, what=address)
        with socket.create_connection(("127.0.0.1", port)):
            pass
        printed = log.read_text()
        assert printed.startswith("  starting Dagster")
        assert "will not be used" not in printed
        webserver = re.search(r"Serving dagster-webserver on .* in process (\d+)", printed)
        assert webserver is not None
        os.kill(int(webserver[1]), signal.SIGKILL)
        assert ui.wait(timeout=dagster_ui.START_SECONDS) == 1
    assert "error: Dagster ended unexpectedly, after its UI responded" in log.read_text()


@pytest.mark.fault("O09")
def test_a_taken_port_is_named_with_the_option_that_chooses_another(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "printed"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ui = dagster_ui.command("wdbc_assets", "ui", "--port", port)
        with dagster_ui.process_group(ui, surroundings, log) as refused:
            assert refused.wait(timeout=dagster_ui.STOP_SECONDS) == 1
    printed = log.read_text()
    assert f"127.0.0.1:{port}" in printed
    assert "--port" in printed
    assert "Traceback" not in printed
