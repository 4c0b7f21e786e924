"""`wdbc alerts`, and the alerts that `wdbc run` sends, as people type it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wdbc_assets import settings
from wdbc_assets.cli import wdbc
from wdbc_assets.cli.alerting import _send
from wdbc_assets.monitoring.alerts import outbox, sending
from wdbc_assets.orchestration import alerting
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.monitoring.alerts.receivers import Webhook


@pytest.fixture
def store(empty_history: Path, environment: Path) -> Store:
    made = open_store(str(environment / "results"), relative_to=environment)
    made.note_refusal("raw_data", run_id="run-1", reasons=["the source is empty"])
    return made


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with Webhook() as running:
        monkeypatch.setenv("WDBC_ALERTS", f"error={running.url}")
        yield running


def alerts(*arguments: str) -> Result:
    return CliRunner().invoke(wdbc, ["alerts", *arguments])


@pytest.fixture
def sent_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let messages be sent by this process, which is quicker than another one."""

    def start() -> None:
        sending.deliver(settings.home(), settings.load().alert_channels(), seconds=4)

    monkeypatch.setattr(sending, "start", start)


@pytest.mark.usefixtures("store", "sent_here")
def test_the_list_shows_what_is_open_what_to_do_and_the_state_of_the_channels(receiver: Webhook) -> None:
    result = alerts()
    assert result.exit_code == 0
    first, *rest = result.output.splitlines()
    assert first.split()[:2] == ["open", "error"]
    assert first.endswith("refused-asset:raw_data:run1")
    assert "    what to do: docs/operations.md#refused-asset" in rest
    assert rest[-1] == "  channel json: all sent"
    assert len(receiver.requests) == 1


@pytest.mark.usefixtures("sent_here")
def test_json_has_the_same_and_open_leaves_out_closed_ones(store: Store, receiver: Webhook) -> None:
    alerts()
    store.forget_refusal("raw_data")
    document = json.loads(alerts("--json").output)
    (episode,) = document["episodes"]
    assert (episode["state"], episode["reported"], episode["severity"]) == ("closed", "closed", "error")
    assert document["channels"] == [
        {"channel": "json", "least_severity": "error", "waiting": 0, "attempts": 0, "error": None}
    ]
    assert json.loads(alerts("--open", "--json").output)["episodes"] == []
    assert receiver.address not in alerts("--json").output


@pytest.mark.usefixtures("store")
def test_an_alert_is_acknowledged_by_the_beginning_of_its_id() -> None:
    alerts()
    result = alerts("ack", "refused")
    assert result.output.startswith("acknowledged refused-asset:raw_data:run1: no more reminders")
    assert alerts().output.split()[0] == "acknowledged"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("id_", ["nothing", "", "refused-asset:raw_data:run1x"])
def test_an_id_that_no_open_alert_has_is_an_error_with_those_that_exist(id_: str) -> None:
    alerts()
    result = alerts("ack", id_)
    assert result.exit_code == 1
    assert "refused-asset:raw_data:run1" in getattr(result.exception, "hint", "")


@pytest.mark.usefixtures("store", "sent_here")
def test_a_silence_holds_a_message_back_until_its_end(receiver: Webhook) -> None:
    result = alerts("silence", "refused-asset", "--until", "8h", "--reason", "the hospital moves")
    assert result.exit_code == 0, result.output
    assert "silenced: refused-asset until" in alerts().output
    assert receiver.requests == []
    with outbox.open_outbox(settings.home()) as box:
        (silence,) = box.silences(datetime.now(UTC))
    assert timedelta(hours=7) < silence.until - datetime.now(UTC) < timedelta(hours=8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-cause", "--until", "8h", "--reason", "x"], "there is no cause"),
        (["failed-run", "--until", "8h", "--reason", " "], "a silence needs a reason"),
        (["failed-run", "--until", "soon", "--reason", "x"], "is not a time"),
        (["failed-run", "--until", "2020-01-01", "--reason", "x"], "is past"),
        (["failed-run", "--until", "99999d", "--reason", "x"], "more than 90 days away"),
        (["failed-run", "--reason", "x"], "Missing option '--until'"),
        (["failed-run", "--until", "8h"], "Missing option '--reason'"),
    ],
)
def test_a_silence_needs_a_cause_an_end_and_a_reason(arguments: list[str], message: str) -> None:
    result = alerts("silence", *arguments)
    assert result.exit_code != 0
    assert message in result.output + str(result.exception)


def test_the_test_message_goes_through_every_channel(receiver: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert alerts("test").exit_code == 0
    with Webhook(500, 500) as broken:
        monkeypatch.setenv("WDBC_ALERTS", f"error={receiver.url} warning={broken.url}")
        result, plain = alerts("test"), alerts("test", "--json")
    assert result.exit_code == 1
    assert [line.split()[:2] for line in result.output.splitlines()] == [["json", "sent"], ["json-2", "failed"]]
    assert "error=500" in result.output
    assert [request.title for request in receiver.requests] == ["wdbc: test"] * 3
    assert plain.exit_code == 1
    sent, failed = json.loads(plain.output)["channels"]
    assert sent == {"channel": "json", "sent": True, "error": None}
    assert (failed["channel"], failed["sent"]) == ("json-2", False)
    assert "error=500" in failed["error"]


def test_without_a_channel_the_test_is_an_error() -> None:
    result = alerts("test")
    assert result.exit_code == 1
    assert getattr(result.exception, "where", "") == "WDBC_ALERTS"


@pytest.mark.usefixtures("store", "sent_here")
def test_status_shows_what_is_open_and_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_ALERTS", "error=json://127.0.0.1:9/")
    alerts()
    lines = CliRunner().invoke(wdbc, ["status"]).output.splitlines()
    assert "  alerts: 1 open, by the last look; see `wdbc alerts`" in lines
    assert any(line.startswith("  alerts: channel json: 1 message waiting since 20") for line in lines)
    assert any("tried 1 times: the message was not accepted" in line for line in lines)
    (settings.home() / outbox.FILE).write_bytes(b"damaged" * 1000)
    assert "alerts cannot be recorded" in CliRunner().invoke(wdbc, ["status"]).output


@pytest.mark.usefixtures("empty_history")
def test_a_failing_source_is_one_message_of_the_run_that_failed(receiver: Webhook) -> None:
    command = [sys.executable, "-m", "wdbc_assets", "run", "--source", "/nowhere/wdbc.data"]
    failed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert failed.returncode == 1
    assert failed.stderr.rstrip().endswith("a relative path starts at the current folder."), "nothing follows the error"
    alerting.send(settings.load(), wait_seconds=30)  # on a slow machine, the run did not wait for it
    (request,) = receiver.requests
    for expected in ("stale source: the source", "failed run: job train", "refused: raw_data"):
        assert expected in request.text
    assert request.key


@pytest.mark.fault("O12")
def test_an_outbox_that_cannot_be_written_is_one_line_and_no_error_of_the_run(
    store: Store, environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (environment / "home" / outbox.FILE).mkdir()
    monkeypatch.setenv("WDBC_ALERTS", "error=json://127.0.0.1:9/")
    monkeypatch.delitem(sys.modules, "dagster", raising=False)
    _send(store, settings.load())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("  alerts cannot be recorded: ")


def test_without_channels_a_run_and_status_import_nothing_for_alerts() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from wdbc_assets.cli import wdbc, run, alerts\n"
        "from wdbc_assets import settings; from wdbc_assets.cli.alerting import alerting\n"
        "assert CliRunner().invoke(wdbc, ['status']).exit_code == 0\n"
        "with alerting(settings.load().open_store(), settings.load()): pass\n"
        "print([name for name in sys.modules if name.startswith(('wdbc_assets.monitoring.alerts', 'apprise'))])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"
