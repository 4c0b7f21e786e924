"""The sensor of the inbox: one partition and one run for each batch, and again after a pause if the run failed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.monitoring import batch_keys
from wdbc_assets.monitoring import inbox as inboxes
from wdbc_assets.orchestration import attempts, inbox_sensor, resources
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets_tests import monitored


@pytest.fixture
def inbox(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WDBC_INBOX", str(environment / "inbox"))
    monkeypatch.setattr(inboxes, "SETTLE_SECONDS", 0.0)
    (environment / "inbox").mkdir()
    return environment / "inbox"


def tick(instance: dg.DagsterInstance) -> Any:
    """Return what the sensor answers: a result with requests, or a reason to skip."""
    both = {"store": resources.StoreResource(), "inbox": resources.InboxResource()}
    with dg.build_sensor_context(instance=instance, resources=both) as context:
        return inbox_sensor.inbox_changed(context)


def ended(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """Create the run of a request, as the daemon does, with the status in which it ended."""
    instance.create_run_for_job(
        defs.resolve_job_def("monitor"),
        status=status,
        tags={"dagster/run_key": str(request.run_key), "dagster/partition": str(request.partition_key)},
    )


def test_it_is_off_until_somebody_turns_it_on() -> None:
    assert inbox_sensor.inbox_changed.default_status == dg.DefaultSensorStatus.STOPPED


def test_an_empty_inbox_requests_nothing_and_says_so(instance: dg.DagsterInstance, inbox: Path) -> None:
    assert "No run to start; 0 batches wait, and 0 files were refused." in tick(instance).skip_message


def test_each_file_becomes_a_partition_and_a_run_one_after_another_and_rubbish_none(
    instance: dg.DagsterInstance, inbox: Path, environment: Path
) -> None:
    monitored.make_store(environment / "results")
    for seed in (1, 2):
        monitored.put(inbox, f"{seed}.csv", monitored.patients(5, seed))
    (inbox / "rubbish.csv").write_bytes(b"rubbish")
    first = tick(instance)
    keys = sorted(name for path in inbox.iterdir() if (name := batch_keys.of_file(path.name)))
    assert [request.partition_key for request in first.run_requests] == keys[:1]
    (added,) = first.dynamic_partitions_requests
    assert (added.partitions_def_name, list(added.partition_keys)) == ("batch", keys)
    assert (inbox / "refused" / "rubbish.csv").exists()

    ended(instance, first.run_requests[0], dg.DagsterRunStatus.FAILURE)  # it does not hold up the next
    assert [request.partition_key for request in tick(instance).run_requests] == keys[1:]


def test_a_run_in_progress_is_not_requested_again_and_a_failed_one_after_a_pause(
    instance: dg.DagsterInstance, inbox: Path, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitored.make_store(environment / "results")
    monitored.put(inbox, "new.csv", monitored.patients(5))
    (request,) = tick(instance).run_requests
    ended(instance, request, dg.DagsterRunStatus.STARTED)
    assert "1 batch waits, and 0 files were refused" in tick(instance).skip_message
    (run,) = instance.get_runs()
    instance.report_run_failed(run)
    assert "1 batch waits, and 0 files were refused" in tick(instance).skip_message

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return cls.fromtimestamp(datetime.now(UTC).timestamp() + attempts.INTERVAL_SECONDS + 5, tz)

    monkeypatch.setattr(attempts, "datetime", Later)
    (again,) = tick(instance).run_requests
    assert again.partition_key == request.partition_key
    assert again.run_key == f"{request.run_key}, again after {run.run_id}"


def test_before_there_is_a_champion_a_batch_is_only_stored(instance: dg.DagsterInstance, inbox: Path) -> None:
    monitored.put(inbox, "new.csv", monitored.patients(5))
    (request,) = tick(instance).run_requests
    assert request.asset_selection == [dg.AssetKey("incoming_batch")]
    instance.add_dynamic_partitions("batch", [str(request.partition_key)])
    result = defs.resolve_job_def("monitor").execute_in_process(
        instance=instance, partition_key=request.partition_key, asset_selection=request.asset_selection
    )
    assert result.success
    message = tick(instance).skip_message
    assert "no champion has been promoted yet" in message
    assert "wdbc promote" in message
