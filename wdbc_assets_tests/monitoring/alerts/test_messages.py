"""Messages: what a person reads at three in the morning."""

import pytest

from wdbc_assets import safe_text
from wdbc_assets.monitoring.alerts import messages
from wdbc_assets.monitoring.alerts.causes import CAUSES
from wdbc_assets.monitoring.alerts.episodes import Notification
from wdbc_assets_tests.monitoring.alerts.episodes import after, episode

PLACE = "/srv/results"


@pytest.mark.parametrize("cause", CAUSES)
def test_every_alert_says_what_since_when_what_is_safe_and_what_to_do(cause: str) -> None:
    message = messages.compose([Notification("opened", episode(cause=cause))], place=PLACE)
    lines = message.body.split("\n")
    for label in ("what: run 0ddba11 failed", "since: 2026-11-26 03:00 UTC", "still safe: ", "what to do: "):
        assert any(line.startswith(label) for line in lines), label
    assert f"more: docs/operations.md#{cause}" in lines
    assert f"store: {PLACE}" in lines
    assert "`" not in message.body


def test_an_end_is_short_and_a_success() -> None:
    message = messages.compose([Notification("closed", episode(closed_at=after(hours=2)))], place=PLACE)
    assert message.title == "wdbc: closed: failed run: job train"
    assert "since: 2026-11-26 03:00 until 2026-11-26 05:00 UTC" in message.body
    assert message.tone == "success"


def test_the_tone_is_that_of_the_worst_open_episode() -> None:
    warning = Notification("opened", episode(cause="overdue-asset"))
    assert messages.compose([warning], place=PLACE).tone == "warning"
    assert messages.compose([warning, Notification("opened", episode())], place=PLACE).tone == "failure"
    assert messages.compose([warning, Notification("closed", episode())], place=PLACE).tone == "warning"


def test_many_episodes_are_one_message_of_bounded_length() -> None:
    many = [Notification("opened", episode(id=f"failed-run:{number}:0", text="x" * 500)) for number in range(30)]
    message = messages.compose(many, place=PLACE)
    assert message.title.endswith("(and 29 more)")
    assert message.body.count("what to do: ") == 8
    assert "failed-run:29:0" in message.body
    assert len(message.body) < 12_000


def test_a_reminder_says_how_to_end_the_reminders() -> None:
    message = messages.compose([Notification("reminder", episode())], place=PLACE)
    assert "wdbc alerts ack failed-run:job-train:0ddba11" in message.body


def test_the_key_is_the_same_for_the_same_state_and_differs_for_any_other() -> None:
    def key(kind: str, **overrides: object) -> str:
        return messages.compose([Notification(kind, episode(**overrides))], place=PLACE).key  # type: ignore[arg-type]

    assert key("opened") == key("opened", text="another text")
    assert len({key("opened"), key("closed"), key("opened", notifications=2), key("opened", id="other")}) == 4


@pytest.mark.fault("X10")
def test_a_message_holds_no_secret_and_no_control_character() -> None:
    safe_text.remember("https://ann:s3cr3t-word@example.org/")
    subject = "s3cr3t-word \x1b[31m"
    message = messages.compose([Notification("opened", episode(subject=subject))], place="s3://k:s3cr3t-word@bucket")
    assert "s3cr3t-word" not in message.title + message.body
    assert (message.title + message.body.replace("\n", "")).isprintable()
