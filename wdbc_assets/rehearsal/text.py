"""The result of a rehearsal as lines for the terminal."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting

if TYPE_CHECKING:
    from wdbc_assets.rehearsal.event import Event
    from wdbc_assets.rehearsal.summary import RehearsalResult
    from wdbc_assets.rehearsal.year import Observed

_MOST = 72


def week(seen: "Observed", events: "Sequence[Event]") -> Iterator[str]:
    """Yield the line of a week, and one for each event that began or was found in it."""
    drift = "no report" if seen.drift is None else seen.drift.verdict
    live = "no outcomes" if seen.live is None else seen.live.verdict
    yield (
        f"  week {seen.week:>2}  {seen.patients:>4} patients  drift: {drift:<15} outcomes: {live:<15}"
        f" champion {formatting.short(seen.champion)}"
    )
    for event in events:
        if event.week == seen.week:
            yield f"           injected: {event.what}"
        if event.found == seen.week:
            yield f"           found:    {event.by}"


def table(result: "RehearsalResult") -> Iterator[str]:
    """Yield the table of the events, and the totals."""
    yield f"\n  {'event':<20} {'week':>4}  {'found':>5}  {'wrong answers':>13}  by"
    for event in result.events:
        week = "never" if event.found is None else str(event.found)
        wrong = f"{event.wrong} of {event.patients}"
        yield f"  {event.name:<20} {event.injected:>4}  {week:>5}  {wrong:>13}  {_short(event.by)}"
    yield ""
    for decision in result.decisions:
        yield f"  week {decision.week:>2}  {decision.action}, by {decision.actor}: {_short(decision.reason)}"
    yield (
        f"\n  {result.weeks} weeks, {result.patients:,} patients: {result.wrong:,} definite answers were wrong,"
        f" {result.referred:,} patients were referred to a person"
    )
    yield f"  false alarms: {', '.join(result.false_alarms) or 'none'}"
    yield f"  alerts received: {len(result.alerts)}; requests that the service did not answer: {result.unanswered}"
    yield f"  {result.seconds:.0f} s"


def _short(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
