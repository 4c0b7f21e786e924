"""Episodes: from the occurrences that exist now to what a person must be sent. No storage and no network here.

An episode is open from the time when a cause occurs at a subject until it no longer does. While it is open it is one
episode, however often its job fails again. A person is sent: that it opened, a reminder from time to time, that it
closed. A cause that comes and goes is reported as flapping once, and as closed when it has stayed away for a while.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from wdbc_assets import safe_text
from wdbc_assets.domain import formatting
from wdbc_assets.monitoring.alerts.causes import CAUSES, Occurrence
from wdbc_assets.settings import Severity

QUIET = timedelta(minutes=15)
"""A cause that occurs again within this time after its end continues the episode."""
KEPT = timedelta(days=90)
"""How long a closed episode is kept."""

Kind = Literal["opened", "flapping", "reminder", "closed"]
_LONGEST_TEXT = 500


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One cause at one subject, from its first occurrence to its end.

    Attributes:
        id: Cause, subject and the version of the state that it began with.
        detector: The detector that found it, and that alone can close it.
        text: What is wrong, by the last look.
        since: When it began.
        closed_at: When a detector no longer found it; None while it is open.
        acknowledged: Whether a person has taken it over, so that no reminder is sent.
        reported: What the last notification stated; empty if none was sent.
        reported_at: When that was.
        notifications: The number of notifications.
        flapping: Whether it occurred again soon after its end was reported.
    """

    id: str
    detector: str
    cause: str
    subject: str
    text: str
    since: datetime
    closed_at: datetime | None = None
    acknowledged: bool = False
    reported: Literal["", "open", "closed"] = ""
    reported_at: datetime | None = None
    notifications: int = 0
    flapping: bool = False

    @property
    def severity(self) -> Severity:
        """How severe the cause is."""
        return CAUSES[self.cause].severity

    @property
    def state(self) -> str:
        """The state for people."""
        if self.closed_at is not None:
            return "closed"
        return "acknowledged" if self.acknowledged else "flapping" if self.flapping else "open"


@dataclass(frozen=True)
class Silence:
    """No notification that a cause occurs or still occurs, until a point in time.

    `target` is the name of a cause, or an episode's id without the version: a cause and a subject.
    """

    target: str
    until: datetime
    reason: str
    by: str

    def covers(self, episode: Episode, now: datetime) -> bool:
        """Return whether the silence holds for an episode now."""
        return now < self.until and self.target in (episode.cause, place(episode.cause, episode.subject))


@dataclass(frozen=True)
class Notification:
    """One thing that a person is sent about an episode."""

    kind: Kind
    episode: Episode

    @property
    def key(self) -> str:
        """Identifies the notification, so that a receiver can drop a repetition."""
        return f"{self.episode.id} {self.episode.notifications} {self.kind}"


def place(cause: str, subject: str) -> str:
    """Return cause and subject as one word."""
    slug = "-".join("".join(letter if letter.isalnum() or letter in "_." else " " for letter in subject).split())
    return f"{cause}:{slug}"


def updated(
    episodes: Iterable[Episode], found: Mapping[str, Iterable[Occurrence]], now: datetime
) -> dict[str, Episode]:
    """Return the episodes after a look, by id: opened, continued or closed. `found` is by detector.

    The episodes of a detector that is not in `found` stay as they are.
    """
    result = {episode.id: episode for episode in episodes}
    present: set[str] = set()
    for detector, occurrences in found.items():
        for occurrence in _by_place(occurrences):
            episode = _continued(result, occurrence, detector, now)
            result[episode.id] = episode
            present.add(episode.id)
    for episode in list(result.values()):
        if episode.closed_at is None and episode.detector in found and episode.id not in present:
            result[episode.id] = replace(episode, closed_at=now)
    return result


def _by_place(occurrences: Iterable[Occurrence]) -> Iterable[Occurrence]:
    """Return one occurrence for each cause and subject, with the texts of all."""
    result: dict[tuple[str, str], Occurrence] = {}
    for occurrence in occurrences:
        key = (occurrence.cause, occurrence.subject)
        earlier = result.get(key)
        result[key] = replace(earlier, text=f"{earlier.text}; {occurrence.text}") if earlier else occurrence
    return result.values()


def _continued(episodes: Mapping[str, Episode], occurrence: Occurrence, detector: str, now: datetime) -> Episode:
    text = safe_text.one_line(safe_text.redact(occurrence.text))[:_LONGEST_TEXT]
    same_place = [
        episode
        for episode in episodes.values()
        if (episode.cause, episode.subject) == (occurrence.cause, occurrence.subject)
    ]
    for episode in same_place:
        if episode.closed_at is None:
            return replace(episode, text=text, detector=detector)
    for episode in sorted(same_place, key=lambda episode: episode.closed_at or now, reverse=True):
        if episode.closed_at is not None and now - episode.closed_at < QUIET:
            flapping = episode.flapping or episode.reported == "closed"
            return replace(episode, text=text, detector=detector, closed_at=None, flapping=flapping)
    new = Episode(
        id=f"{place(occurrence.cause, occurrence.subject)}:{formatting.short(_version(occurrence))}",
        detector=detector,
        cause=occurrence.cause,
        subject=occurrence.subject,
        text=text,
        since=occurrence.since or now,
    )
    earlier = episodes.get(new.id)
    return replace(new, notifications=earlier.notifications) if earlier else new


def _version(occurrence: Occurrence) -> str:
    """Return the version of the state without dashes; where there is none, a digest of what is wrong."""
    return occurrence.version.replace("-", "") or hashlib.sha256(occurrence.text.encode()).hexdigest()


def due(episode: Episode, silences: Iterable[Silence], *, now: datetime, remind_after: timedelta) -> Kind | None:
    """Return which notification about an episode is due."""
    if episode.closed_at is not None:
        settled = not episode.flapping or now - episode.closed_at >= QUIET
        return "closed" if episode.reported == "open" and settled else None
    if any(silence.covers(episode, now) for silence in silences):
        return None
    if episode.reported != "open":
        return "flapping" if episode.flapping else "opened"
    since = episode.reported_at or now
    reminded = episode.acknowledged or now - since < remind_after
    return None if reminded else "reminder"


def noted(episode: Episode, kind: Kind, now: datetime) -> Episode:
    """Return the episode after a notification."""
    return replace(
        episode,
        reported="closed" if kind == "closed" else "open",
        reported_at=now,
        notifications=episode.notifications + 1,
        flapping=episode.flapping and kind != "closed",
    )


def in_order(episodes: Iterable[Episode]) -> list[Episode]:
    """Return episodes as they are listed: open ones first, the severe before the others, the latest first."""

    def position(episode: Episode) -> tuple[bool, bool, float]:
        return (episode.closed_at is not None, episode.severity != "error", -episode.since.timestamp())

    return sorted(episodes, key=position)


def is_outdated(episode: Episode, now: datetime) -> bool:
    """Return whether a closed episode is no longer kept."""
    return episode.closed_at is not None and episode.reported != "open" and now - episode.closed_at > KEPT
