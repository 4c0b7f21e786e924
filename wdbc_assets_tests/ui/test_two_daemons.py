"""Two at work on the same batches: two of Dagster's own daemons on one history, and two machines on one inbox."""

import subprocess
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets import settings
from wdbc_assets.monitoring import daemons
from wdbc_assets.monitoring.inbox import SETTLE_SECONDS, open_inbox
from wdbc_assets.orchestration import jobs
from wdbc_assets.orchestration.inbox_sensor import PARTITION_TAG
from wdbc_assets.store import index
from wdbc_assets.store.store import Store
from wdbc_assets_tests import monitored
from wdbc_assets_tests.monitoring.alerts.receivers import Webhook
from wdbc_assets_tests.ui import dagster_ui

BATCHES = 3
SENSORS = ("inbox_changed", "alerts")


def workspace(*arguments: str) -> list[str]:
    return [*dagster_ui.command("dagster", *arguments), "-w", "workspace.yaml"]


def versions(store: Store, asset: str) -> Counter[str | None]:
    """Count the versions of an asset that were ever stored, by batch."""
    stated = [files[0].manifest for (name, _), files in index.read(store).stated.items() if name == asset]
    return Counter(manifest.partition for manifest in stated)


def put(inbox: Path) -> None:
    for number in range(BATCHES):
        monitored.put(inbox, f"batch-{number}.csv", monitored.patients(40, number))
    time.sleep(SETTLE_SECONDS + 1)


def refused(receiver: Webhook) -> set[str | None]:
    """Return the keys of the messages about the refused file."""
    return {request.key for request in receiver.requests if "1 file was refused" in request.text}


def require_taken_up_once(store: Store, inbox: Path) -> None:
    batches = store.partitions("drift_report")
    assert len(batches) == BATCHES
    for asset in ("incoming_batch", "predictions"):
        assert store.partitions(asset) == batches
        assert versions(store, asset) == dict.fromkeys(batches, 1)
    assert len(list((inbox / "taken").iterdir())) == BATCHES


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.fault("O05")
@pytest.mark.fault("D16")
def test_two_daemons_on_one_history_take_up_each_batch_once_and_send_each_alert_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, inbox = monitored.make_store(tmp_path / "results"), tmp_path / "inbox"
    put(inbox)
    (inbox / "rubbish.csv").write_text("no patient\n")
    log = tmp_path / "printed"
    with ExitStack() as working:
        receiver = working.enter_context(Webhook())
        around = dagster_ui.surroundings(
            tmp_path, WDBC_INBOX=str(inbox), WDBC_ALERTS=f"warning=json://{receiver.address}"
        )
        monkeypatch.setenv("DAGSTER_HOME", around["DAGSTER_HOME"])
        for sensor in SENSORS:
            subprocess.run(
                workspace("sensor", "start", sensor), cwd=settings.project_root(), env=around, check=True,
                timeout=dagster_ui.START_SECONDS,
            )  # fmt: skip
        daemon = [*dagster_ui.command("dagster._daemon", "run"), "-w", "workspace.yaml"]
        for _ in range(2):
            working.enter_context(dagster_ui.process_group(daemon, around, log))
        instance = working.enter_context(dg.DagsterInstance.get())
        dagster_ui.until(
            lambda: (len(store.partitions("drift_report")) == BATCHES and refused(receiver)) or None,
            seconds=dagster_ui.RUN_SECONDS,
            what=f"{BATCHES} batches and an alert",
        )
        dagster_ui.until(
            lambda: "daemon is still sending heartbeats" in log.read_text() or None,
            seconds=dagster_ui.RUN_SECONDS,
            what="what Dagster says of the second daemon",
        )
        dagster_ui.until(
            lambda: len(daemons.at_work(instance)) == 2 or None,
            seconds=dagster_ui.RUN_SECONDS,
            what="two daemons at work",
        )
        of_batches = dg.RunsFilter(job_name=jobs.monitor.name)
        dagster_ui.until(
            lambda: all(run.is_finished for run in instance.get_runs(of_batches)) or None,
            seconds=dagster_ui.RUN_SECONDS,
            what="the end of the last run",
        )
        runs = instance.get_runs(of_batches)
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        assert {run.tags[PARTITION_TAG] for run in runs} == set(store.partitions("drift_report"))
    require_taken_up_once(store, inbox)
    assert len(refused(receiver)) == 1
    kept = {request.key: request.title for request in receiver.requests}  # as a receiver does that honours the key
    assert len(set(kept.values())) == len(kept)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.fault("D16")
def test_two_machines_that_take_up_the_same_batches_at_the_same_time_store_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, inbox, key = monitored.make_store(tmp_path / "results"), tmp_path / "inbox", tmp_path / "key"
    put(inbox)
    monkeypatch.setenv("WDBC_INBOX", str(inbox))
    monkeypatch.setenv("WDBC_PSEUDONYM_KEY_FILE", str(key))
    claimed = open_inbox(settings.load()).survey([]).batches  # neither machine can be first
    assert len(claimed) == BATCHES
    logs = [tmp_path / f"printed-{number}" for number in range(2)]
    with ExitStack() as working:
        machines = [
            working.enter_context(
                dagster_ui.process_group(
                    dagster_ui.command("wdbc_assets", "monitor"),
                    dagster_ui.surroundings(
                        tmp_path / f"machine-{number}",
                        WDBC_STORAGE=store.url,
                        WDBC_INBOX=str(inbox),
                        WDBC_PSEUDONYM_KEY_FILE=str(key),
                    ),
                    log,
                )
            )
            for number, log in enumerate(logs)
        ]
        codes = [machine.wait(timeout=dagster_ui.RUN_SECONDS) for machine in machines]
    assert codes == [0, 0]
    require_taken_up_once(store, inbox)
