"""Alerts from the service: a refused champion reaches a receiver on loopback, without any command and any daemon."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.pipeline import served_files
from wdbc_assets.pipeline.served_files import RefusedChampion
from wdbc_assets.serving import alert_looks
from wdbc_assets_tests.monitoring.alerts.receivers import Webhook


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == alert_looks.THREAD]


def test_without_channels_nothing_is_started(environment: Path) -> None:
    alert_looks.start(settings.load())
    assert threads() == []


def test_a_look_sends_what_is_wrong(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = RefusedChampion("0123456789ab", "a file was altered", datetime.now(UTC).isoformat())
    served_files.open_files().put_refused(refused, "0a1b")
    with Webhook() as receiver:
        monkeypatch.setenv("WDBC_ALERTS", f"error={receiver.url}")
        assert alert_looks.look() == ""
        end = time.monotonic() + 30
        while not receiver.requests and time.monotonic() < end:
            time.sleep(0.05)
    assert [request.title for request in receiver.requests] == ["wdbc: refused champion: champion"]
    assert "the service rejects a new champion (0123456789ab): a file was altered" in receiver.requests[0].text


def test_a_look_that_fails_is_reported_and_ends_nothing(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_STORAGE", "ftp://nowhere")
    assert alert_looks.look() == "the process ended with code 1"
    monkeypatch.setattr(alert_looks, "_COMMAND", ("/nowhere/python",))
    assert alert_looks.look() == "no process can be started: No such file or directory"
