"""The outbox: both or none of an episode and its messages, in order, and a clear error for a file that is no use."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts import outbox
from wdbc_assets.monitoring.alerts.episodes import Silence
from wdbc_assets.monitoring.alerts.outbox import Outbox
from wdbc_assets_tests.monitoring.alerts.episodes import START, after, episode, message


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    with outbox.open_outbox(tmp_path) as opened:
        yield opened


def test_what_is_written_is_read_again_by_the_next_process(tmp_path: Path, box: Outbox) -> None:
    written = [episode(), episode(id="other", closed_at=after(hours=1), reported="open", reported_at=START)]
    with box.transaction():
        box.put(written)
        box.silence(Silence("failed-run", after(hours=1), "known", "ada"))
        box.append("json", message(), START)
    with outbox.open_outbox(tmp_path) as again:
        assert again.episodes() == written
        assert [silence.reason for silence in again.silences(START)] == ["known"]
        assert again.silences(after(hours=1)) == []
        waiting = again.next("json")
        assert waiting is not None
        assert waiting.message == message()


def test_a_transaction_that_fails_leaves_nothing(box: Outbox) -> None:
    def fail() -> None:
        with box.transaction():
            box.put([episode()])
            box.append("json", message(), START)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert box.episodes() == []
    assert box.next("json") is None


def test_messages_wait_in_order_and_a_repeated_key_waits_once(box: Outbox) -> None:
    for key in ("b", "a", "b", "c"):
        box.append("json", message(key), START)
    order = []
    while (waiting := box.next("json")) is not None:
        order.append(waiting.message.key)
        box.accepted(waiting)
    assert order == ["b", "a", "c"]


@pytest.mark.fault("O12")
def test_the_wait_after_a_failure_doubles_up_to_five_minutes(box: Outbox) -> None:
    box.append("json", message(), START)
    waits = []
    for _ in range(9):
        waiting = box.next("json")
        assert waiting is not None
        box.failed(waiting, "500", START)
        tried = box.next("json")
        assert tried is not None
        waits.append(tried.not_before - START.timestamp())
        assert outbox.seconds_until_due(tried, START) == waits[-1]
        assert outbox.seconds_until_due(tried, after(seconds=waits[-1])) == 0
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    (backlog,) = box.backlogs()
    assert (backlog.messages, backlog.attempts, backlog.error, backlog.since) == (1, 9, "500", START)


def test_a_clock_that_is_set_back_does_not_hold_a_message_for_long(box: Outbox) -> None:
    box.append("json", message(), START)
    waiting = box.next("json")
    assert waiting is not None
    box.failed(waiting, "500", after(days=300))
    assert box.has_due(["json"], START)


def test_a_later_look_of_another_process_is_not_overwritten_by_an_earlier_one(box: Outbox) -> None:
    assert box.newer(after(seconds=10), ["failed_runs"], after(seconds=11)) == set()
    assert box.newer(START, ["failed_runs", "ticks"], after(seconds=12)) == {"failed_runs"}
    assert box.newer(START, ["failed_runs"], after(seconds=5)) == set(), "a time in the future does not count"


def test_what_waits_for_a_channel_that_is_gone_is_dropped(box: Outbox) -> None:
    box.append("json", message(), START)
    box.append("tgram", message(), START)
    box.drop_other_channels(["tgram"])
    assert [backlog.channel for backlog in box.backlogs()] == ["tgram"]


def test_an_episode_of_a_cause_that_no_longer_exists_is_left_out(box: Outbox) -> None:
    box.put([episode(cause="retired-cause")])
    assert box.episodes() == []


@pytest.mark.fault("X11")
def test_only_the_owner_may_read_it(tmp_path: Path, box: Outbox) -> None:
    assert (tmp_path / outbox.FILE).stat().st_mode & 0o077 == 0


@pytest.mark.fault("O12")
@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be read as one" * 100, b"SQLite format 3\0" * 99]
)
def test_a_damaged_file_is_an_error_with_a_hint(tmp_path: Path, content: bytes) -> None:
    (tmp_path / outbox.FILE).write_bytes(content)
    with pytest.raises(WdbcError) as refused, outbox.open_outbox(tmp_path) as box:
        box.episodes()
    assert refused.value.what.startswith("alerts cannot be recorded: ")
    assert refused.value.where == str(tmp_path / outbox.FILE)
    assert "move it aside" in refused.value.hint


@pytest.mark.fault("O12")
def test_an_attempt_that_cannot_be_recorded_is_an_error_and_the_message_still_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_SECONDS", 0.01)
    with outbox.open_outbox(tmp_path) as box, outbox.open_outbox(tmp_path) as other:
        box.append("json", message(), START)
        waiting = box.next("json")
        assert waiting is not None
        with other.transaction():
            with pytest.raises(WdbcError, match="alerts cannot be recorded: database is locked"):
                box.accepted(waiting)
            with pytest.raises(WdbcError, match="alerts cannot be recorded: database is locked"):
                box.failed(waiting, "500", START)
        assert box.next("json") == waiting


@pytest.mark.parametrize("content", ["{", "[]", '{"id": "x"}', '{"since": 3}'])
def test_a_damaged_row_is_an_error_with_a_hint(tmp_path: Path, box: Outbox, content: str) -> None:
    with sqlite3.connect(tmp_path / outbox.FILE) as direct:
        direct.execute("INSERT INTO episodes VALUES ('x', ?)", (content,))
    with pytest.raises(WdbcError, match="the file is damaged"):
        box.episodes()


def test_the_file_of_a_newer_release_is_refused(tmp_path: Path, box: Outbox) -> None:
    with sqlite3.connect(tmp_path / outbox.FILE) as direct:
        direct.execute("PRAGMA user_version = 2")
    with pytest.raises(WdbcError, match="a newer release"), outbox.open_outbox(tmp_path):
        pass


@pytest.mark.fault("O12")
def test_a_home_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WdbcError, match="alerts cannot be recorded"), outbox.open_outbox(tmp_path / "nowhere"):
        pass
    (tmp_path / "folder" / outbox.FILE).mkdir(parents=True)
    with pytest.raises(WdbcError, match="alerts cannot be recorded"), outbox.open_outbox(tmp_path / "folder"):
        pass
