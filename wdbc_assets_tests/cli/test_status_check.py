"""`wdbc status --check`: one line for each thing that needs a person, and an exit code for a monitor."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from wdbc_assets import settings
from wdbc_assets.cli import terminal, wdbc
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import daemons
from wdbc_assets.orchestration import launch, sensors
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import staleness
from wdbc_assets.pipeline.staleness import AssetStatus
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.registry.promotions import promote

REMOTE = "http://127.0.0.1:9/wdbc.data"


@pytest.fixture
def store(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


@pytest.fixture
def instance(environment: Path) -> Iterator[dg.DagsterInstance]:
    check()  # makes the history
    with dg.DagsterInstance.get() as opened:
        yield opened


def check() -> tuple[int, list[str]]:
    result = CliRunner().invoke(wdbc, ["status", "--check"])
    return result.exit_code, result.output.splitlines()


def the_line() -> str:
    """Return the only line, of a check that asks for a person."""
    code, lines = check()
    assert code == 1, lines
    (line,) = lines
    return line


def put(store: Store, asset: str = "raw_data") -> Path:
    draft = store.draft(asset, b"1,M\n", run_id="run-1")
    store.commit(draft, run_id="run-1")
    return Path(store.folder(draft.manifest))


def ended(instance: dg.DagsterInstance, job: str, *, well: bool) -> dg.DagsterRun:
    run = instance.create_run_for_job(defs.resolve_job_def(job))
    event = dg.DagsterEventType.RUN_SUCCESS if well else dg.DagsterEventType.RUN_FAILURE
    instance.report_dagster_event(dg.DagsterEvent(event_type_value=event.value, job_name=job), run.run_id)
    return run


def test_where_nobody_is_needed_it_says_ok(store: Store) -> None:
    assert check() == (0, ["ok"])
    put(store)
    promote(store, b"a champion")
    assert check() == (0, ["ok"])


def test_a_refusal_is_one_line(store: Store) -> None:
    store.note_refusal("raw_data", run_id="run-2", reasons=["the source is empty\nat line 1", "and more"])
    line = the_line()
    assert line.startswith("refused: raw_data: the attempt at ")
    assert line.endswith("was refused: the source is empty at line 1; and more")


@pytest.mark.fault("F05")
def test_damage_to_a_version_a_pointer_or_the_history_is_one_line_each(store: Store, environment: Path) -> None:
    version = put(store)
    (version / "wdbc.data").write_text("altered")
    assert (
        the_line() == "damaged: raw_data: stored file of raw_data was altered: its digest does not match the manifest"
    )
    (environment / "results/raw_data/current.json").write_text("{}")
    assert the_line().startswith("damaged: raw_data: the pointer is damaged")
    put(store)
    promote(store, b"a champion")
    history = environment / "results/champion/history.jsonl"
    history.write_text(history.read_text().replace('"ada"', '"bob"'))
    (version / "wdbc.data").write_text("altered")
    code, lines = check()
    assert code == 1
    assert {tuple(line.split(": ")[:2]) for line in lines} == {("damaged", "raw_data"), ("damaged", "champion")}
    assert any("entry 1 was altered" in line for line in lines)


def test_damage_to_what_a_rollback_leads_to_is_one_line(store: Store, environment: Path) -> None:
    earlier = promote(store, b"the earlier champion").after or ""
    promote(store, b"the champion")
    (content,) = (environment / "results/champion/versions" / earlier).iterdir()
    content.write_bytes(b"altered")
    assert the_line().startswith(f"damaged: champion: rollback to logistic {earlier[:12]} is not possible: ")


@pytest.mark.fault("O03")
def test_a_job_whose_last_run_failed_is_one_line_until_a_run_succeeds(instance: dg.DagsterInstance) -> None:
    ended(instance, "train", well=True)
    failed = ended(instance, "train", well=False)
    line = the_line()
    assert line.startswith(f"failed run: job train: run {failed.run_id[:8]} failed at 20")
    ended(instance, "explore", well=True)
    assert the_line() == line
    instance.report_run_canceled(instance.create_run_for_job(defs.resolve_job_def("train")))
    assert the_line() == line, "a run that somebody canceled is no success"
    ended(instance, "train", well=True)
    assert check() == (0, ["ok"])


@pytest.mark.fault("O03")
def test_a_failed_run_is_over_once_its_job_would_find_nothing_to_do(
    instance: dg.DagsterInstance, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(instance, "train", well=False)
    ended(instance, "monitor", well=False)
    assert [line.split(": ")[1] for line in check()[1]] == ["job train", "job monitor"]
    monkeypatch.setattr(staleness, "assess", lambda *_, **__: [AssetStatus("metrics", None, ())])
    assert [line.split(": ")[1] for line in check()[1]] == ["job monitor"]
    store.note_refusal("metrics", run_id="run-2", reasons=["no"])
    assert [line.split(": ")[1] for line in check()[1]] == ["metrics", "job train", "job monitor"]


def test_a_failed_run_of_selected_assets_is_reported_until_they_are_made(instance: dg.DagsterInstance) -> None:
    key = dg.AssetKey("raw_data")
    with pytest.MonkeyPatch.context() as broken:
        broken.setenv("WDBC_SOURCE", "/nowhere/wdbc.data")
        job = defs.resolve_implicit_job_def_def_for_assets([key])
        assert job is not None
        assert not job.execute_in_process(instance=instance, asset_selection=[key], raise_on_error=False).success
    code, lines = check()
    assert code == 1
    assert [line.split(": ")[:2] for line in lines] == [["refused", "raw_data"], ["failed run", "materialization"]]
    assert defs.resolve_job_def("refresh").execute_in_process(instance=instance).success
    assert check() == (0, ["ok"])


def test_a_local_source_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_SOURCE", "/nowhere/wdbc.data")
    assert the_line().startswith("stale source: the source: it cannot be read: the file does not exist")


def test_a_remote_source_is_stale_after_the_hours_that_are_set(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_SOURCE", REMOTE)
    assert check() == (0, ["ok"])
    monkeypatch.setenv("WDBC_STALE_AFTER_HOURS", "24")
    assert the_line() == "stale source: the source: never read; WDBC_STALE_AFTER_HOURS allows 24 hours"
    put(store)
    assert check() == (0, ["ok"])
    monkeypatch.setenv("WDBC_STALE_AFTER_HOURS", "1e-9")
    assert the_line().startswith("stale source: the source: last read or checked at 20")


def beat(instance: dg.DagsterInstance, *, seconds_ago: float, started_ago: float = 7200) -> None:
    """Let the daemon have started, and have sent its last heartbeat, so long ago."""
    now = time.time()
    known = {"id": "a-daemon", "first": now - started_ago, "last": now - seconds_ago}
    Path(instance.root_directory, daemons.FILE).write_text(json.dumps({"daemons": [known]}))
    instance.add_daemon_heartbeat(DaemonHeartbeat(now - seconds_ago, "SENSOR", "a-daemon"))


def turned_on(
    instance: dg.DagsterInstance, *, seconds_ago: float, since: float | None = None, error: str | None = None
) -> None:
    """Turn the sensor on, `since` seconds ago or with its tick, which was so long ago."""
    origin = RemoteInstigatorOrigin(
        repository_origin=RemoteRepositoryOrigin(
            code_location_origin=RegisteredCodeLocationOrigin("wdbc_assets"), repository_name="__repository__"
        ),
        instigator_name=sensors.source_changed.name,
    )
    at = time.time() - seconds_ago
    begun = at if since is None else time.time() - since
    data = SensorInstigatorData(last_tick_timestamp=at, last_sensor_start_timestamp=begun)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    if instance.get_instigator_state(state.instigator_origin_id, state.selector_id) is None:
        instance.add_instigator_state(state)
    instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id,
            instigator_name=state.instigator_name,
            instigator_type=InstigatorType.SENSOR,
            status=TickStatus.FAILURE if error else TickStatus.SKIPPED,
            timestamp=at,
            selector_id=state.selector_id,
            error=SerializableErrorInfo("an.Error: outside\n", [], None, SerializableErrorInfo(error, [], None))
            if error
            else None,
        )
    )


@pytest.mark.fault("S22")
def test_a_sensor_is_reported_whose_last_tick_failed_or_that_looks_no_more(instance: dg.DagsterInstance) -> None:
    beat(instance, seconds_ago=20)
    turned_on(instance, seconds_ago=3600)
    assert the_line().startswith("failed tick: sensor source_changed: it has not ticked since 20")
    turned_on(instance, seconds_ago=60, error="a.WdbcError: the last 3 looks failed\nat: somewhere\n")
    assert the_line() == "failed tick: sensor source_changed: its last tick failed: the last 3 looks failed"
    turned_on(instance, seconds_ago=1)
    assert check() == (0, ["ok"])


@pytest.mark.parametrize(("started_ago", "since"), [(60, None), (7200, 60)], ids=["daemon", "sensor"])
def test_a_sensor_has_time_to_tick_after_it_or_the_daemon_was_started(
    instance: dg.DagsterInstance, started_ago: float, since: float | None
) -> None:
    beat(instance, seconds_ago=20, started_ago=started_ago)
    turned_on(instance, seconds_ago=3600, since=since)
    assert check() == (0, ["ok"])


def test_a_store_that_cannot_be_read_hides_neither_a_failed_run_nor_the_daemon(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_SOURCE", "/nowhere/wdbc.data")
    defs.resolve_job_def("train").execute_in_process(instance=instance, raise_on_error=False)
    beat(instance, seconds_ago=400)
    turned_on(instance, seconds_ago=3600)

    def assess(*_: object, **__: object) -> list[AssetStatus]:
        raise WdbcError("the store does not answer")

    monkeypatch.setattr(staleness, "assess", assess)
    labels = [line.split(": ")[0] for line in check()[1]]
    assert {"failed run", "daemon down"} < set(labels)
    assert "damaged history" not in labels


@pytest.mark.fault("S22")
def test_a_daemon_that_is_down_is_reported_once_while_sensors_are_turned_on(instance: dg.DagsterInstance) -> None:
    beat(instance, seconds_ago=400)
    assert check() == (0, ["ok"]), "nothing is turned on"
    turned_on(instance, seconds_ago=3600)
    line = "daemon down: Dagster's daemon: sensors or schedules are turned on, but its last heartbeat was at 20"
    assert the_line().startswith(line)
    beat(instance, seconds_ago=200)
    turned_on(instance, seconds_ago=200)
    assert check() == (0, ["ok"])


@pytest.mark.parametrize(("seconds_ago", "code"), [(200, 0), (400, 1)])
def test_a_sensor_that_was_turned_on_without_a_daemon_is_reported_after_five_minutes(
    instance: dg.DagsterInstance, seconds_ago: float, code: int
) -> None:
    turned_on(instance, seconds_ago=seconds_ago)
    found, (line,) = check()
    assert (found, line.endswith("it has never sent a heartbeat: start it with `wdbc ui`")) == (code, code == 1)


def test_a_history_that_cannot_be_opened_is_one_line(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / "file").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(environment / "file" / "home"))
    assert the_line().startswith("damaged: Dagster's history: Dagster's home cannot be written")


def test_json_says_the_same(store: Store) -> None:
    store.note_refusal("raw_data", run_id="run-2", reasons=["the source is empty"])
    result = CliRunner().invoke(wdbc, ["status", "--check", "--json"])
    assert result.exit_code == 1
    message = json.loads(result.output)
    assert message["ok"] is False
    (finding,) = message["findings"]
    assert (finding["kind"], finding["subject"]) == ("refused", "raw_data")
    store.forget_refusal("raw_data")
    assert json.loads(CliRunner().invoke(wdbc, ["status", "--check", "--json"]).output)["findings"] == []


def test_after_a_refusal_wdbc_run_records_a_run_though_nothing_is_left_to_do(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staleness, "assess", lambda *_, **__: [AssetStatus("metrics", None, ())])
    monkeypatch.setattr(launch, "_through_dagster", lambda *_, **__: "a-run")

    def run() -> str | None:
        return launch.job("train", store, settings.load(), {}, reporter=terminal.Lines(), force=False, debug=False)

    assert run() is None
    store.note_refusal("metrics", run_id="run-2", reasons=["a recipe is unknown"])
    assert run() == "a-run"
