"""The text of a message: what, since when, what is still safe, what to do. No secret and no patient's value.

All that a channel is to receive after one look is one message: a broken source that also fails a run is one message.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from wdbc_assets import safe_text
from wdbc_assets.monitoring.alerts import causes
from wdbc_assets.monitoring.alerts.episodes import Episode, Notification

Tone = Literal["failure", "warning", "success", "info"]
"""How a channel shows a message, in Apprise's words."""

_MOST_IN_DETAIL = 8
_TITLES = {"opened": "", "flapping": "flapping: ", "reminder": "still open: ", "closed": "closed: "}


@dataclass(frozen=True)
class Message:
    """One message. `key` is the same whenever it is sent again, and differs from that of any other message."""

    key: str
    title: str
    body: str
    tone: Tone


def compose(notifications: Sequence[Notification], *, place: str) -> Message:
    """Return the message of one or more notifications.

    Args:
        notifications: What to state, in this order.
        place: Which installation it concerns: the address of its store.
    """
    first, others = notifications[0], len(notifications) - 1
    episode = first.episode
    title = f"wdbc: {_TITLES[first.kind]}{causes.CAUSES[episode.cause].label}: {episode.subject}"
    title += f" (and {others} more)" if others else ""
    blocks = [_block(notification) for notification in notifications[:_MOST_IN_DETAIL]]
    if rest := notifications[_MOST_IN_DETAIL:]:
        blocks.append("and: " + ", ".join(notification.episode.id for notification in rest))
    blocks.append(f"store: {place}\nall alerts: wdbc alerts")
    text = "\n\n".join(blocks)
    key = hashlib.sha256("\n".join(notification.key for notification in notifications).encode()).hexdigest()[:32]
    return Message(key, _safe(title), "\n".join(_safe(line) for line in text.split("\n")), _tone(notifications))


def trial(moment: datetime) -> Message:
    """Return the message of `wdbc alerts test`."""
    key = hashlib.sha256(f"test {moment.isoformat()}".encode()).hexdigest()[:32]
    return Message(
        key, "wdbc: test", "This is a test of the channel. Nothing is wrong, and there is nothing to do.", "info"
    )


def _block(notification: Notification) -> str:
    episode = notification.episode
    cause = causes.CAUSES[episode.cause]
    if notification.kind == "closed":
        return f"closed: {cause.label}: {episode.subject}\nsince: {_period(episode)}\nwhat it was: {episode.text}"
    note = {
        "flapping": "\nflapping: it comes and goes; the next message is sent when it has stayed away for 15 minutes",
        "reminder": f"\nreminder: wdbc alerts ack {episode.id} ends the reminders",
    }.get(notification.kind, "")
    return (
        f"{episode.severity}: {cause.label}: {episode.subject}\n"
        f"what: {episode.text}\n"
        f"since: {_period(episode)}\n"
        f"still safe: {cause.safe.replace('`', '')}\n"
        f"what to do: {cause.action.replace('`', '')}\n"
        f"more: {causes.link(episode.cause)}\n"
        f"id: {episode.id}{note}"
    )


def _period(episode: Episode) -> str:
    end = f" until {episode.closed_at:%Y-%m-%d %H:%M}" if episode.closed_at else ""
    return f"{episode.since:%Y-%m-%d %H:%M}{end} UTC"


def _tone(notifications: Sequence[Notification]) -> Tone:
    unsolved = [one.episode.severity for one in notifications if one.kind != "closed"]
    return "failure" if "error" in unsolved else "warning" if unsolved else "success"


def _safe(line: str) -> str:
    return safe_text.printable(safe_text.redact(line))
