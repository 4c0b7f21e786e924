"""The result of a rehearsal: each event, when and by what it was found, and what it cost.

This module imports numpy and pandas, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.registry import audit_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wdbc_assets.rehearsal.event import Event
    from wdbc_assets.rehearsal.year import Observed, Year

_WITH_ANY = frozenset({"log_odds", "distance"})
"""Quantities that move with any measurement."""

_AFTER = 13
"""For so many weeks after an event that spoils predictions, an alarm of the live metrics may be about it."""


@dataclass(frozen=True)
class EventResult:
    """What became of an event.

    Attributes:
        name, what: Its name, and what happened.
        injected: The week in which it began.
        found: The week in which it was found, or None.
        by: What found it.
        repaired: The week in which it ended, or None.
        wrong: Wrong definite answers from its beginning until it was found.
        patients: The patients scored meanwhile.
        kept_safe: What went on meanwhile; may be empty.
    """

    name: str
    what: str
    injected: int
    found: int | None
    by: str
    repaired: int | None
    wrong: int
    patients: int
    kept_safe: str


@dataclass(frozen=True)
class DecisionResult:
    """A decision of the audit log: in which week, by whom, what, and why."""

    week: int
    actor: str
    action: str
    reason: str


@dataclass(frozen=True)
class RehearsalResult:
    """The result of a rehearsal.

    Attributes:
        weeks, patients: The weeks that were played, and the patients that were scored.
        wrong, referred: The patients with a wrong definite answer, and those that were referred to a person.
        events: The events that began within these weeks.
        false_alarms: Alarms of the drift report or the live metrics that no event explains.
        decisions: The decisions of the audit log.
        alerts: The titles of the messages that arrived at the receiver.
        unanswered: Requests that the service did not answer.
        seconds: The duration.
    """

    weeks: int
    patients: int
    wrong: int
    referred: int
    events: tuple[EventResult, ...]
    false_alarms: tuple[str, ...]
    decisions: tuple[DecisionResult, ...]
    alerts: tuple[str, ...]
    unanswered: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every event was found, without a false alarm or an unanswered request."""
        return not self.false_alarms and not self.unanswered and all(event.found for event in self.events)


def result(year: Year, *, seconds: float) -> RehearsalResult:
    """Return the result of the weeks that were played."""
    played = len(year.weeks)
    return RehearsalResult(
        weeks=played,
        patients=sum(seen.patients for seen in year.weeks),
        wrong=sum(seen.wrong for seen in year.weeks),
        referred=sum(seen.referred for seen in year.weeks),
        events=tuple(_of_event(event, year) for event in year.events if event.week <= played),
        false_alarms=(*_unexplained_drift(year), *_unexplained_outcomes(year)),
        decisions=tuple(_decisions(year)),
        alerts=tuple(alert.title for alert in year.receiver.alerts),
        unanswered=year.service.unanswered,
        seconds=round(seconds, 1),
    )


def _of_event(event: Event, year: Year) -> EventResult:
    last = min(number for number in (event.found, event.repaired, len(year.weeks)) if number is not None)
    meanwhile = [seen for seen in year.weeks if event.week <= seen.week <= last]
    return EventResult(
        name=event.name,
        what=event.what,
        injected=event.week,
        found=event.found,
        by=event.by,
        repaired=event.repaired,
        wrong=sum(seen.wrong for seen in meanwhile),
        patients=sum(seen.patients for seen in meanwhile),
        kept_safe=event.kept_safe,
    )


def _unexplained_drift(year: Year) -> Iterator[str]:
    for (quantity, aspect), week in year.alarms.items():
        moved = {name for event in year.events if event.week <= week for name in event.moves}
        if quantity not in (moved | _WITH_ANY if moved else moved):
            yield f"week {week}: {quantity} ({aspect})"


def _unexplained_outcomes(year: Year) -> Iterator[str]:
    before = False
    for seen in year.weeks:
        alarm = seen.live is not None and seen.live.verdict == "alarm"
        if alarm and not before and not any(_may_explain(event, seen) for event in year.events):
            yield f"week {seen.week}: live metrics"
        before = alarm


def _may_explain(event: Event, seen: Observed) -> bool:
    end = seen.week if event.repaired is None else event.repaired + _AFTER
    return event.spoils_predictions and event.week <= seen.week <= end


def _decisions(year: Year) -> Iterator[DecisionResult]:
    for entry in year.platform.decisions()[year.decided :]:
        verdict = f": {entry.verdict}" if entry.action == audit_log.REFIT_COMPARED else ""
        yield DecisionResult(year.hospital.week_of(entry.at), entry.actor, f"{entry.action}{verdict}", entry.reason)
