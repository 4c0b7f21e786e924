"""Delivery: in order, each channel on its own, again after a failure, and never by two processes at the same time."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from wdbc_assets.monitoring.alerts import channels, outbox, sending
from wdbc_assets.settings import AlertChannel
from wdbc_assets_tests.monitoring.alerts.episodes import message
from wdbc_assets_tests.monitoring.alerts.receivers import HANG, Webhook


def waits(home: Path, channel: str, *keys: str) -> None:
    with outbox.open_outbox(home) as box:
        for key in keys:
            box.append(channel, message(key), datetime.now(UTC))


def let_time_pass(home: Path) -> None:
    """Let every wait until the next attempt be over."""
    with outbox.open_outbox(home) as box:
        box._connection.execute("UPDATE messages SET not_before = 0")


def test_messages_arrive_in_order_and_leave_the_outbox(tmp_path: Path) -> None:
    waits(tmp_path, "json", "a", "b", "c")
    with Webhook() as receiver:
        sending.deliver(tmp_path, [AlertChannel("json", "error", receiver.url)])
    assert [request.key for request in receiver.requests] == ["a", "b", "c"]
    with outbox.open_outbox(tmp_path) as box:
        assert box.backlogs() == []


@pytest.mark.fault("O12")
def test_what_is_refused_is_sent_later_with_its_key_and_before_what_follows(tmp_path: Path) -> None:
    waits(tmp_path, "json", "a", "b")
    with Webhook(429, 500) as receiver:
        served = [AlertChannel("json", "error", receiver.url)]
        for _ in range(3):
            sending.deliver(tmp_path, served, seconds=4)
            sending.deliver(tmp_path, served, seconds=4)  # too early: nothing is tried
            let_time_pass(tmp_path)
    assert [request.key for request in receiver.requests] == ["a", "a", "a", "b"]


@pytest.mark.fault("O12")
def test_a_channel_that_is_away_for_a_moment_needs_nobody_who_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_FIRST_WAIT", 0.1)
    waits(tmp_path, "json", "a", "b")
    with Webhook(500, 500, 429) as receiver:
        sending.deliver(tmp_path, [AlertChannel("json", "error", receiver.url)], seconds=20)
    assert [request.key for request in receiver.requests] == ["a", "a", "a", "a", "b"]
    pauses = [later.at - earlier.at for earlier, later in pairwise(receiver.requests)]
    assert pauses[0] < pauses[1] < pauses[2]


@pytest.mark.fault("O12")
def test_a_channel_that_hangs_delays_no_other_and_is_noted(tmp_path: Path) -> None:
    waits(tmp_path, "json", "a")
    waits(tmp_path, "json-2", "a")
    with Webhook(HANG) as hanging, Webhook() as working:
        began = time.monotonic()
        served = [AlertChannel("json", "error", hanging.url), AlertChannel("json-2", "error", working.url)]
        sending.deliver(tmp_path, served, seconds=1.5)
        assert working.requests[0].at - began < 1.5
        assert time.monotonic() - began < 3
        with outbox.open_outbox(tmp_path) as box:
            (backlog,) = box.backlogs()
        assert (backlog.channel, backlog.attempts, backlog.error) == ("json", 1, "no answer within 1.5 s")


@pytest.mark.fault("O12")
@pytest.mark.parametrize(("answer", "seconds"), [(200, 20.0), (HANG, 1.0)])
def test_what_cannot_be_recorded_is_sent_again_by_the_next_process_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int, seconds: float
) -> None:
    monkeypatch.setattr(outbox, "_SECONDS", 0.01)
    waits(tmp_path, "json", "a")
    with Webhook(answer) as receiver:
        served = [AlertChannel("json", "error", receiver.url)]
        with outbox.open_outbox(tmp_path) as other, other.transaction():
            sending.deliver(tmp_path, served, seconds=seconds)
    assert [request.key for request in receiver.requests] == ["a"]
    with Webhook() as receiver:
        sending.deliver(tmp_path, [AlertChannel("json", "error", receiver.url)])
    assert [request.key for request in receiver.requests] == ["a"]


def test_two_deliveries_at_the_same_time_send_each_message_once(tmp_path: Path) -> None:
    waits(tmp_path, "json", *"abcdefgh")
    with Webhook() as receiver:
        served = [AlertChannel("json", "error", receiver.url)]
        threads = [threading.Thread(target=sending.deliver, args=(tmp_path, served)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [request.key for request in receiver.requests] == list("abcdefgh")


def test_the_process_sends_what_waits_by_itself(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = environment / "home"
    home.mkdir()
    with Webhook() as receiver:
        monkeypatch.setenv("WDBC_ALERTS", f"error={receiver.url}")
        waits(home, "json", "a", "b")
        sending.start()
        for _ in range(600):
            if len(receiver.requests) == 2:
                break
            time.sleep(0.05)
    assert [request.key for request in receiver.requests] == ["a", "b"]


@pytest.mark.fault("X10")
def test_a_bug_in_a_channel_is_noted_without_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret t0ken-1234567")

    monkeypatch.setattr(channels, "send", fail)
    waits(tmp_path, "json", "a")
    sending.deliver(tmp_path, [AlertChannel("json", "error", "json://127.0.0.1")], seconds=3)
    with outbox.open_outbox(tmp_path) as box:
        assert box.backlogs()[0].error == "an unexpected RuntimeError in Apprise"


def test_apprise_is_imported_only_when_something_is_sent() -> None:
    code = (
        "import sys, wdbc_assets.monitoring.alerts.sending, wdbc_assets.orchestration.alerting as alerting\n"
        "from wdbc_assets.monitoring.alerts import channels\n"
        "assert channels.is_installed()\n"
        "print(sorted({'apprise', 'dagster', 'pandas', 'requests'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"
