"""Dagster's history while it is away: removed, read-only, or in a database that does not answer."""

import logging
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from click.testing import CliRunner
from prometheus_client.core import GaugeMetricFamily

from wdbc_assets import logs, machine, settings
from wdbc_assets.cli import wdbc
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts.detectors import HISTORY, Watched, detect
from wdbc_assets.monitoring.exporter.collector import PlatformCollector
from wdbc_assets.orchestration.instance import open_instance, without_log_errors
from wdbc_assets.pipeline import specs
from wdbc_assets_tests import needed
from wdbc_assets_tests.serving.running import free_port

pytestmark = pytest.mark.fault("O14")


def refused(error: BaseException | None) -> WdbcError:
    assert error is not None
    found = machine.refusal(error)
    assert found is not None
    return found


def server_away() -> sqlalchemy.exc.OperationalError:
    """What SQLAlchemy raises if no PostgreSQL listens on a port."""
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://dagster:canary@127.0.0.1:{free_port()}/history")
    with pytest.raises(sqlalchemy.exc.OperationalError) as caught:
        engine.connect()
    return caught.value


class _MovesAway(logging.Handler):
    """Moves the history away as soon as an asset is stored."""

    def __init__(self, asset: str, history: Path) -> None:
        super().__init__()
        self._asset, self._history = asset, history

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "event", "") == "made" and record.__dict__["asset"] == self._asset:
            self._history.rename(self._history.with_name("elsewhere"))


@contextmanager
def moved_away(home: Path, *, after: str) -> Iterator[None]:
    handler = _MovesAway(after, home / "history")
    logs.logger.addHandler(handler)
    try:
        yield
    finally:
        logs.logger.removeHandler(handler)


def test_a_run_whose_history_goes_away_fails_once_and_the_next_one_finishes_it(
    empty_history: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with moved_away(empty_history, after="raw_data"):
        result = CliRunner().invoke(wdbc, ["explore"])
    history = empty_history / "history"
    found = refused(result.exception)
    assert (result.exit_code, found.where) == (1, str(history))
    assert "Put it back" in found.hint
    assert "The store keeps all versions" in found.hint
    assert "Exception while writing" not in capfd.readouterr().err
    kept = settings.load().open_store().current("raw_data")
    assert kept is not None
    shutil.rmtree(history, ignore_errors=True)
    history.with_name("elsewhere").rename(history)
    result = CliRunner().invoke(wdbc, ["explore"])
    assert result.exit_code == 0, result.output
    assert settings.load().open_store().current("raw_data") == kept
    with open_instance() as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert statuses[0] is dg.DagsterRunStatus.SUCCESS
    assert len(statuses) == 2, "the run that failed is still recorded"


def test_a_history_that_is_read_only_is_not_called_damaged(empty_history: Path) -> None:
    history = empty_history / "history"
    for options in (["--bind", str(history)], ["-o", "remount,ro,bind"]):
        mounted = subprocess.run(["mount", *options, str(history)], capture_output=True, check=False)
        if mounted.returncode:
            needed.absent(f"mounting is refused: {mounted.stderr.decode().strip()}")
    try:
        result = CliRunner().invoke(wdbc, ["explore"])
    finally:
        subprocess.run(["umount", str(history)], check=True)
    found = refused(result.exception)
    assert found.where == str(history)
    assert found.hint.startswith("It is read-only.")


def test_a_database_that_is_away_is_named_with_what_is_safe_and_without_its_password(environment: Path) -> None:
    found = refused(server_away())
    assert "Connection refused" in found.what
    assert found.where == str(environment / "home" / "dagster.yaml")
    assert found.hint.startswith("Start the database")
    assert "The store keeps all versions" in found.hint
    assert "canary" not in str(found)


def test_a_database_of_another_dagster_is_not_called_away() -> None:
    unknown = sqlalchemy.exc.ProgrammingError("SELECT", {}, Exception('relation "runs" does not exist'))
    assert "dagster instance migrate" in refused(unknown).hint


def test_alerts_say_that_the_history_is_away_and_what_else_is_wrong(environment: Path) -> None:
    def away() -> AbstractContextManager[dg.DagsterInstance]:
        raise server_away()

    config = settings.load()
    found = detect(Watched(config.open_store(), config), away).occurrences
    assert "Connection refused" in found[HISTORY][0].text
    assert {"assets", "production"} <= set(found)
    assert "failed_runs" not in found, "nothing is concluded from what could not be read"


def families(collector: PlatformCollector) -> dict[str, GaugeMetricFamily]:
    return {family.name: family for family in collector.collect()}


def failed(found: dict[str, GaugeMetricFamily]) -> set[str]:
    return {sample.labels["part"] for sample in found["wdbc_exporter_failed"].samples if sample.value}


def test_a_scrape_does_not_wait_for_a_database_that_hangs(environment: Path) -> None:
    back, opened = threading.Event(), 0

    @contextmanager
    def hanging() -> Iterator[dg.DagsterInstance]:
        nonlocal opened
        opened += 1
        assert back.wait(60)
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance

    config = settings.load()
    collector = PlatformCollector(config.open_store(), config, hanging, 0.05)
    for _ in range(2):
        found = families(collector)
        assert failed(found) == {"jobs", "automation", "size"}
        assert len(found["wdbc_asset_out_of_date"].samples) == len(specs.ASSETS)
    assert opened == 1, "the second scrape waits for what the first has begun"
    back.set()
    collector._reading.join(60)  # type: ignore[union-attr]
    collector._history_seconds = 60
    assert "jobs" not in failed(families(collector))
    assert opened == 2


def test_only_messages_are_lost_and_only_while_the_history_refuses(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bool] = []

    def refuse(_: dg.DagsterInstance, event: dg.EventLogEntry, **options: object) -> None:
        tried.append(event.dagster_event is None)
        raise server_away()

    monkeypatch.setattr(dg.DagsterInstance, "handle_new_event", refuse)
    entry = partial(dg.EventLogEntry, None, 20, "a message", "a-run", 0.0)
    ended = dg.DagsterEvent("PIPELINE_SUCCESS", "train")
    with without_log_errors(instance):
        instance.handle_new_event(entry())
        instance.handle_new_event(entry())
        with pytest.raises(sqlalchemy.exc.OperationalError):
            instance.handle_new_event(entry(dagster_event=ended))
    assert tried == [True, False], "the second message was not tried, because each try takes its time"
