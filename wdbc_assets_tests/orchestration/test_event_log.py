"""Dagster's event log as dagster.yaml configures it: the same events, with few connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets.orchestration import event_log
from wdbc_assets.orchestration.instance import open_instance

RUNS = 8


@pytest.fixture
def instance(environment: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance() as instance:
        yield instance


@dg.op
def speak(context: dg.OpExecutionContext) -> None:
    context.log.info("spoken")


@dg.job
def talk() -> None:
    speak()


def spoken(instance: dg.DagsterInstance, run_id: str) -> bool:
    return any(
        record.event_log_entry.user_message == "spoken" for record in instance.get_records_for_run(run_id).records
    )


def run(instance: dg.DagsterInstance) -> str:
    return talk.execute_in_process(instance=instance).run_id


def connected(folder: Path) -> list[Path]:
    """The SQLite files in a folder that this process has open."""
    paths = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [path for path in paths if path.parent == folder and path.suffix == ".db"]


def test_dagsters_configuration_uses_it(instance: dg.DagsterInstance) -> None:
    assert type(instance.event_log_storage) is event_log.SqliteEventLog


def test_the_events_of_many_runs_are_kept_and_few_files_stay_open(
    instance: dg.DagsterInstance, environment: Path
) -> None:
    runs = [run(instance) for _ in range(RUNS)]
    assert all(spoken(instance, run_id) for run_id in runs)
    assert len(connected(environment / "home" / "history" / "runs")) <= 4
    instance.event_log_storage.dispose()
    assert connected(environment / "home" / "history" / "runs") == []


def test_threads_read_events_at_the_same_time(instance: dg.DagsterInstance) -> None:
    runs = [run(instance) for _ in range(RUNS)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda run_id: spoken(instance, run_id), runs * 10))


def test_a_history_that_another_process_wiped_is_not_read_from_its_old_files(
    instance: dg.DagsterInstance, environment: Path
) -> None:
    run_id = run(instance)
    with open_instance() as other:
        other.wipe()
    assert not spoken(instance, run_id)
    assert spoken(instance, run(instance))
