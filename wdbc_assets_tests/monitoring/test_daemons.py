"""Which daemons are at work on a history, from the heartbeats that Dagster keeps: the last one of each part."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from wdbc_assets.monitoring import daemons
from wdbc_assets.monitoring.alerts import history_problems
from wdbc_assets.monitoring.exporter import of_history
from wdbc_assets.orchestration.instance import open_instance
from wdbc_assets.store.backends import atomic


@pytest.fixture
def history(empty_history: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance() as instance:
        yield instance


def beat(history: dg.DagsterInstance, daemon: str | None, *, seconds_ago: float, parts: str = "SENSOR ASSET") -> None:
    """Let the parts of a daemon send a heartbeat."""
    for part in parts.split():
        history.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds_ago, part, daemon))


def at_work(history: dg.DagsterInstance) -> list[str]:
    """Look, and return the ids of the daemons."""
    return [daemon.id for daemon in daemons.at_work(history)]


def test_without_a_daemon_nothing_is_at_work(history: dg.DagsterInstance) -> None:
    assert at_work(history) == []
    beat(history, None, seconds_ago=10)  # by `dagster-daemon debug heartbeat`
    assert at_work(history) == []


def test_a_daemon_that_was_restarted_is_one_daemon(history: dg.DagsterInstance) -> None:
    beat(history, "first", seconds_ago=100)
    assert at_work(history) == ["first"]
    beat(history, "first", seconds_ago=70)
    assert at_work(history) == ["first"]
    beat(history, "second", seconds_ago=40, parts="SENSOR")
    assert at_work(history) == ["second"]
    beat(history, "second", seconds_ago=10)
    assert at_work(history) == ["second"]


def test_an_id_that_comes_back_is_a_second_daemon(history: dg.DagsterInstance) -> None:
    beat(history, "first", seconds_ago=100)
    at_work(history)
    beat(history, "second", seconds_ago=80)
    assert at_work(history) == ["second"]
    beat(history, "first", seconds_ago=70)
    assert at_work(history) == ["first", "second"]
    beat(history, "second", seconds_ago=50)
    assert at_work(history) == ["first", "second"], "it is still known"


def test_one_look_is_enough_if_the_parts_show_both(history: dg.DagsterInstance) -> None:
    beat(history, "first", seconds_ago=30, parts="SENSOR")
    beat(history, "second", seconds_ago=20, parts="ASSET")
    beat(history, "first", seconds_ago=10, parts="BACKFILL")
    assert at_work(history) == ["first", "second"]


def test_a_daemon_that_has_stopped_counts_for_a_quarter_of_an_hour(
    history: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(history, "first", seconds_ago=800)
    at_work(history)
    for daemon, seconds_ago in (("second", 790), ("first", 780)):
        beat(history, daemon, seconds_ago=seconds_ago)
        at_work(history)
    beat(history, "first", seconds_ago=10)
    assert at_work(history) == ["first", "second"]
    monkeypatch.setattr(daemons, "KEPT_SECONDS", 700.0)
    assert at_work(history) == ["first"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"daemons": [{"id": 1}]}'])
def test_a_damaged_memory_is_replaced(history: dg.DagsterInstance, content: bytes) -> None:
    memory = Path(history.root_directory, daemons.FILE)
    memory.write_bytes(content)
    beat(history, "first", seconds_ago=10)
    assert at_work(history) == ["first"]
    assert b'"first"' in memory.read_bytes()


def test_without_a_place_for_the_memory_a_look_sees_what_is_stored(
    history: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "replace", full)
    beat(history, "first", seconds_ago=10)
    assert at_work(history) == ["first"]
    assert not Path(history.root_directory, daemons.FILE).exists()


def test_a_second_daemon_is_an_alert_and_a_metric(history: dg.DagsterInstance) -> None:
    beat(history, "first", seconds_ago=100)
    assert list(history_problems.second_daemon(history)) == []
    assert exported(history) == 1
    beat(history, "second", seconds_ago=80)
    assert list(history_problems.second_daemon(history)) == []
    beat(history, "first", seconds_ago=70)
    (found,) = history_problems.second_daemon(history)
    assert (found.cause, found.version) == ("second-daemon", "second")
    assert found.since is not None
    assert found.since.timestamp() == pytest.approx(time.time() - 80, abs=5)
    assert found.text.startswith("2 daemons were at work together, the last time at 20")
    assert exported(history) == 2


def exported(history: dg.DagsterInstance) -> float:
    """Return the metric."""
    families = {family.name: family.samples for family in of_history.automation(history)}
    return families["wdbc_daemons"][0].value
