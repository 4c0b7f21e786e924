"""Whether a retraining is wanted: by schedule, because of an alarm, or for enough new diagnoses; and what holds it up.

A retraining that is wanted waits for the cooling time after the last one, for the yearly cap, and for enough new
diagnoses to compare the refit on. Times are in UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from wdbc_assets.domain.data.labelled import LEAST_NEW

_YEAR = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a retraining is wanted, and how often there may be one; None turns a reason off."""

    after_days: int | None
    new_patients: int | None
    cooling_days: int
    most_per_year: int


@dataclass(frozen=True)
class Alarm:
    """An alarm of the monitoring: what is in alarm, and when that was found."""

    what: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known.

    Attributes:
        now: The present time.
        retrained: When the champion or an earlier one was compared with a refit, in any order.
        promoted: When the champion came into production, None if that is not known.
        alarms: The alarms that stand now.
        new_patients: The number of patients whose diagnosis was first recorded after the last retraining, and who can
            be used: they are in a stored batch, and their diagnoses do not contradict each other.
        unusable: Why other patients with a new diagnosis cannot be used, and how many they are.
    """

    now: datetime
    retrained: tuple[datetime, ...]
    promoted: datetime | None
    alarms: tuple[Alarm, ...]
    new_patients: int
    unusable: tuple[str, ...] = ()

    @property
    def last(self) -> datetime | None:
        """When the last retraining was."""
        return max(self.retrained, default=None)


@dataclass(frozen=True)
class Need:
    """The reasons for a retraining, the obstacles that it waits for, and which new diagnoses do not count, as text."""

    reasons: tuple[str, ...]
    obstacles: tuple[str, ...]
    unusable: tuple[str, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether to retrain now."""
        return bool(self.reasons) and not self.obstacles


def assess(facts: Facts, limits: Limits) -> Need:
    """Return whether a retraining is wanted, and why or why not."""
    return Need(tuple(_reasons(facts, limits)), tuple(_obstacles(facts, limits)), facts.unusable)


def _reasons(facts: Facts, limits: Limits) -> list[str]:
    reasons = [f"{alarm.what} in alarm" for alarm in facts.alarms if facts.last is None or alarm.at > facts.last]
    begun = max(filter(None, (facts.last, facts.promoted)), default=None)
    if limits.after_days is not None and begun and facts.now - begun >= timedelta(days=limits.after_days):
        what = "last retraining" if begun == facts.last else "champion's promotion"
        reasons.append(f"{(facts.now - begun).days} days since the {what}")
    if limits.new_patients is not None and facts.new_patients >= limits.new_patients:
        reasons.append(f"{facts.new_patients:,} new diagnoses")
    return reasons


def _obstacles(facts: Facts, limits: Limits) -> list[str]:
    obstacles = []
    if facts.new_patients < LEAST_NEW:
        obstacles.append(f"{facts.new_patients} new diagnoses; a comparison needs at least {LEAST_NEW}")
    cooled = facts.last and facts.last + timedelta(days=limits.cooling_days)
    if cooled and facts.now < cooled:
        obstacles.append(f"cooling time until {cooled:%Y-%m-%d %H:%M} UTC")
    in_year = [time for time in facts.retrained if facts.now - time < _YEAR]
    if not limits.most_per_year:
        obstacles.append("no retraining is allowed: at most 0 within a year")
    elif len(in_year) >= limits.most_per_year:
        free = min(sorted(in_year)[-limits.most_per_year :]) + _YEAR
        obstacles.append(f"{len(in_year)} retrainings within a year; the next one is allowed on {free:%Y-%m-%d}")
    return obstacles
