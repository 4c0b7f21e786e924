"""What an operator does about alerts: acknowledge an episode, silence a cause."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts.causes import CAUSES
from wdbc_assets.monitoring.alerts.episodes import Episode, Silence
from wdbc_assets.monitoring.alerts.outbox import Outbox

LONGEST_SILENCE = timedelta(days=90)
_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def acknowledge(box: Outbox, beginning: str) -> Episode:
    """Acknowledge the open episode whose id begins so; return it.

    Raises:
        WdbcError: no open episode has such an id, or several do.
    """
    with box.transaction():
        open_ = [episode for episode in box.episodes() if episode.closed_at is None]
        matching = [episode for episode in open_ if beginning and episode.id.startswith(beginning)]
        exact = [episode for episode in matching if episode.id == beginning]
        if len(exact or matching) != 1:
            known = ", ".join(episode.id for episode in matching or open_)
            raise WdbcError(
                f"{len(matching)} open episodes have an id that begins with {beginning!r}",
                where="the open alerts",
                hint=f"Give one of: {known}." if known else "No alert is open: see `wdbc alerts`.",
            )
        episode = replace((exact or matching)[0], acknowledged=True)
        box.put([episode])
    return episode


def silence(box: Outbox, wanted: Silence) -> None:
    """Begin a silence, or give the one of the same cause another end.

    Raises:
        WdbcError: there is no such cause, or the reason is empty.
    """
    name = wanted.target.partition(":")[0]
    if name not in CAUSES:
        raise WdbcError(f"there is no cause {name!r}", where="CAUSE", hint=f"Possible: {', '.join(CAUSES)}.")
    if not wanted.reason.strip():
        raise WdbcError("a silence needs a reason", where="--reason", hint="Say why, for others on call.")
    with box.transaction():
        box.silence(wanted)


def end_of_silence(text: str, now: datetime) -> datetime:
    """Return the point in time that a text states: in ISO 8601, or a span from now on such as 30m, 8h or 2d.

    Raises:
        ValueError: the text is neither, or the time is past or too far away.
    """
    if span := _SPAN.fullmatch(text.strip()):
        end = now + int(span[1]) * _UNITS[span[2]]
    else:
        try:
            end = datetime.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"{text!r} is not a time such as 2026-12-01T08:00, 8h or 2d") from None
        end = end.astimezone(UTC) if end.tzinfo else end.replace(tzinfo=UTC)
    if not now < end <= now + LONGEST_SILENCE:
        raise ValueError(f"{end:%Y-%m-%d %H:%M} UTC is past, or more than {LONGEST_SILENCE.days} days away")
    return end
