"""The sensor and the schedule: what is requested and when, and a reason for each way of doing nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import attempts, resources, schedules, sensors
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import staleness
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders

AWAY = "http://127.0.0.1:9/wdbc.data"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "wdbc.data"
    path.write_bytes(builders.bundled_uci_bytes())
    monkeypatch.setenv("WDBC_SOURCE", str(path))
    monkeypatch.setenv("WDBC_GRID", "small")
    return path


@pytest.fixture
def store(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that moves the sensor's clock."""

    def move(**passed: float) -> None:
        now = datetime.now(UTC) + timedelta(**passed)

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> "Clock":
                return cls.fromtimestamp(now.timestamp(), tz)

        monkeypatch.setattr(attempts, "datetime", Clock)

    return move


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    """Evaluate the sensor as the daemon does; the answer has run requests or a skip message, and the new cursor."""
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"store": resources.StoreResource()}
    ) as context:
        return sensors.source_changed.evaluate_tick(context)


def request(result: Any) -> dg.RunRequest:
    assert result.skip_message is None
    (found,) = result.run_requests
    assert isinstance(found, dg.RunRequest)
    return found


def reason(result: Any) -> str:
    assert not result.run_requests
    return str(result.skip_message)


def created(
    instance: dg.DagsterInstance, requested: dg.RunRequest, status: dg.DagsterRunStatus | None = None
) -> dg.DagsterRun:
    """Make the run that the daemon makes of a request, and let it come to a status."""
    tags = dict(requested.tags) | {
        "dagster/run_key": requested.run_key or "",
        "dagster/sensor_name": sensors.source_changed.name,
    }
    known = {run.tags["dagster/run_key"] for run in instance.get_runs() if "dagster/run_key" in run.tags}
    assert requested.run_key not in known, "the daemon starts no second run for a key"
    run = instance.create_run_for_job(defs.resolve_job_def("train"), tags=tags)
    if status is dg.DagsterRunStatus.FAILURE:
        instance.report_run_failed(run)
    if status is dg.DagsterRunStatus.CANCELED:
        instance.report_run_canceled(run)
    if status is dg.DagsterRunStatus.STARTING:
        instance.handle_run_event(
            run.run_id,
            dg.DagsterEvent(event_type_value="PIPELINE_STARTING", job_name="train"),
        )
    return run


def train(instance: dg.DagsterInstance, requested: dg.RunRequest | None = None, job: str = "train") -> bool:
    tags = dict(requested.tags) | {"dagster/run_key": requested.run_key or ""} if requested else {}
    return defs.resolve_job_def(job).execute_in_process(instance=instance, tags=tags, raise_on_error=False).success


def changed(source: Path, content: bytes) -> None:
    source.write_bytes(content)


def other_content() -> bytes:
    return builders.published_with((3, "texture_mean", "10.5"))


@pytest.mark.fault("O05")
def test_the_same_observation_has_the_same_key_whatever_became_of_the_cursor(
    source: Path, instance: dg.DagsterInstance
) -> None:
    first = request(tick(instance))
    assert request(tick(instance)).run_key == first.run_key
    created(instance, first)  # the daemon is killed before it launches the run
    again = request(tick(instance, cursor="lost"))
    assert again.run_key == first.run_key  # Dagster launches the run that has this key


@pytest.mark.fault("O05")
def test_no_run_is_requested_while_one_is_under_way(source: Path, instance: dg.DagsterInstance) -> None:
    run = created(instance, request(tick(instance)), dg.DagsterRunStatus.STARTING)
    assert f"Run {run.run_id[:8]} of train is in progress" in reason(tick(instance))
    instance.report_run_failed(run)
    assert "is requested again after" in reason(tick(instance))


@pytest.mark.slow
@pytest.mark.fault("S20")
def test_a_source_that_returns_to_earlier_content_is_trained_on_again(
    source: Path, instance: dg.DagsterInstance, store: Store
) -> None:
    first = builders.bundled_uci_bytes()
    contents = [first, other_content(), first]
    trained = []
    for content in contents:
        changed(source, content)
        requested = request(tick(instance))
        trained.append(requested.run_key)
        assert train(instance, requested)
        assert reason(tick(instance)).startswith("Unchanged")
        assert staleness.source_version(store, "metrics") == store.handle("raw_data").manifest.version
    assert len(set(trained)) == len(contents)


@pytest.mark.slow
@pytest.mark.fault("S21")
def test_a_run_that_failed_after_the_bytes_were_stored_is_requested_again(
    source: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(instance, request(tick(instance)))
    changed(source, other_content())
    requested = request(tick(instance))
    with monkeypatch.context() as broken:
        broken.setattr("wdbc_assets.domain.modeling.fitting.fit", _out_of_memory)
        assert not train(instance, requested)
    again = request(tick(instance))
    assert again.run_key != requested.run_key
    assert train(instance, again)
    assert reason(tick(instance)).startswith("Unchanged")


def _out_of_memory(*_: object, **__: object) -> None:
    raise MemoryError


@pytest.mark.fault("S21")
def test_content_that_somebody_else_read_and_did_not_train_on_is_trained_on(
    source: Path, instance: dg.DagsterInstance
) -> None:
    assert train(instance, job="refresh")
    assert train(instance, request(tick(instance)))
    assert reason(tick(instance)).startswith("Unchanged")


@pytest.mark.fault("S21")
@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_a_run_that_ended_badly_is_requested_again_after_a_pause_that_doubles(
    source: Path, instance: dg.DagsterInstance, later: Any, status: dg.DagsterRunStatus
) -> None:
    keys = []
    for attempt in range(4):
        requested = request(tick(instance))
        keys.append(requested.run_key)
        created(instance, requested, status)
        pause = attempts.INTERVAL_SECONDS * 2**attempt
        later(seconds=pause - 60)
        message = reason(tick(instance))
        assert "is requested again after" in message
        assert status.value in message
        later(seconds=pause + 60)
    assert len(set(keys)) == 4


def test_the_longest_pause_is_a_day(source: Path, instance: dg.DagsterInstance, later: Any) -> None:
    for _ in range(12):
        created(instance, request(tick(instance)), dg.DagsterRunStatus.FAILURE)
        later(days=1, minutes=1)


def test_a_run_that_somebody_deleted_is_requested_again(source: Path, instance: dg.DagsterInstance) -> None:
    run = created(instance, request(tick(instance)), dg.DagsterRunStatus.FAILURE)
    instance.delete_run(run.run_id)
    assert request(tick(instance)).run_key == run.tags["dagster/run_key"]


def test_after_a_refused_source_is_good_again_one_run_records_it(
    source: Path, instance: dg.DagsterInstance, store: Store
) -> None:
    assert train(instance)
    changed(source, b"<html>login</html>")
    assert not train(instance)
    assert store.refusal("raw_data")
    changed(source, builders.bundled_uci_bytes())
    assert train(instance, request(tick(instance)))
    assert store.refusal("raw_data") is None
    assert reason(tick(instance)).startswith("Unchanged")


def test_a_damaged_pointer_is_made_again_by_a_run(
    source: Path, instance: dg.DagsterInstance, environment: Path
) -> None:
    assert train(instance)
    (environment / "results/raw_data/current.json").write_text("{}")
    assert train(instance, request(tick(instance)))
    (environment / "results/metrics/current.json").write_text("{}")
    assert train(instance, request(tick(instance)))
    assert reason(tick(instance)).startswith("Unchanged")


@pytest.mark.fault("O06")
@pytest.mark.fault("S22")
def test_from_the_third_failed_look_on_the_tick_fails_and_a_good_source_works_at_once(
    source: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_SOURCE", AWAY)
    cursor = None
    for number in (1, 2):
        result = tick(instance, cursor)
        assert f"could not be checked ({number} of 3 failures" in reason(result)
        assert "127.0.0.1:9" in reason(result)
        cursor = result.cursor
    for _ in range(2):  # Dagster keeps the cursor of a failed tick
        with pytest.raises(WdbcError, match="at least the last 3 checks of the source failed") as failed:
            tick(instance, cursor)
        assert "127.0.0.1:9" in str(failed.value)
    monkeypatch.setenv("WDBC_SOURCE", str(source))
    result = tick(instance, cursor)
    assert request(result).run_key
    monkeypatch.setenv("WDBC_SOURCE", AWAY)
    assert "(1 of 3 failures" in reason(tick(instance, result.cursor))


@pytest.mark.parametrize(
    "cursor",
    [
        "", "as before", "[]", "null", "1e999", "[" * 10_000, '{"failed_looks": -1}', '{"failed_looks": "2"}',
        '{"failed_looks": true}', '{"failed_looks": 1e999}', json.dumps({"source": "bundled", "identity": "a" * 64}),
    ],
)  # fmt: skip
def test_a_cursor_that_is_damaged_or_of_another_release_counts_no_failed_look(
    cursor: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_SOURCE", AWAY)
    assert "(1 of 3 failures" in reason(tick(instance, cursor))


@pytest.mark.fault("S17")
def test_a_look_goes_by_the_configured_size(
    source: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_ROWS_IN_MEMORY", "100")
    request(tick(instance))
    monkeypatch.setenv("WDBC_LARGEST_BYTES", "100")
    assert "the content is larger than 100 bytes" in reason(tick(instance))


def test_a_mistyped_source_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance) -> None:
    monkeypatch.setenv("WDBC_SOURCE", "bundeld")
    assert "bundled" in reason(tick(instance))


@pytest.mark.fault("O07")
def test_the_schedules_state_their_time_zone_and_are_off_by_default() -> None:
    for schedule in (schedules.daily_train, schedules.daily_served):
        assert schedule.execution_timezone == "Etc/UTC"
        assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert sensors.source_changed.default_status is dg.DefaultSensorStatus.STOPPED


def test_what_the_service_left_is_taken_up_without_a_comparison_until_a_window_has_ended(environment: Path) -> None:
    with dg.build_schedule_context(resources={"store": resources.StoreResource()}) as context:
        request = schedules.daily_served(context)
    assert isinstance(request, dg.RunRequest)
    assert request.asset_selection is not None
    assert {key.to_user_string() for key in request.asset_selection} == {"served_windows", "served_predictions"}
