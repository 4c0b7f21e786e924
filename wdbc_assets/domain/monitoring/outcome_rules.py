"""The rules for the recorded outcomes and the live metrics. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting
from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.monitoring.live import LiveMetrics


def incomplete_events(events: "pd.DataFrame") -> list[str]:
    """Return a message if an event lacks its patient, its diagnosis or one of its times."""
    complete = (events[["id", "known_at", "recorded_at"]] != "").all(axis=1) & events["diagnosis"].isin([0, 1])
    broken = int((~complete).sum())
    return [f"incomplete events is {broken}, needed: 0"] if broken else []


def unordered_events(events: "pd.DataFrame") -> list[str]:
    """Return a message unless the events stand in the order in which they were recorded."""
    ordered = events["recorded_at"].is_monotonic_increasing
    return [] if ordered else ["events recorded before the one above them is not 0, needed: 0"]


def alarms(metrics: "LiveMetrics") -> list[str]:
    """Return a message for each alarm."""
    from wdbc_assets.domain.monitoring.sequential import LEAST_RECALL

    lines = [
        f"z of the {shift.stream} is {shift.z:+.2f}, needed: within {metrics.scan.threshold:g}"
        for shift in metrics.scan.alarms
    ]
    evidence = metrics.recall_evidence
    if evidence.in_alarm:
        largest = formatting.evidence(evidence.largest)
        lines.append(f"evidence against a recall of {LEAST_RECALL:g} is {largest}, needed: below {evidence.alarm:g}")
    return lines


OUTCOMES = (
    ResultRule(
        "events_are_complete",
        "Each event has a patient, a diagnosis of 0 or 1, and both of its times.",
        "Report a bug: a delivery that lacks one is refused.",
        faults=incomplete_events,
    ),
    ResultRule(
        "events_are_in_order",
        "The events stand in the order in which they were recorded.",
        "Check the clock of this machine, which was set back, and deliver the outcomes again later.",
        faults=unordered_events,
    ),
)

LIVE_METRICS = (
    ResultRule(
        "predictions_agree_with_outcomes",
        "Neither the calibration nor the recall of the predictions is in alarm.",
        "See `wdbc live`. Have patients referred to a person until the cause is known, or run `wdbc rollback`.",
        blocking=False,
        faults=alarms,
    ),
)
