"""The rule for a drift report. An alarm does not block: the report is what a person needs then.

This module imports no heavy libraries.
"""

from typing import TYPE_CHECKING

from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.drift import DriftReport


def alarms(report: "DriftReport") -> list[str]:
    """Return a message for each stream in alarm."""
    return [
        f"{alarm.quantity} {alarm.aspect} is {alarm.z:+.2f}, needed: within {report.threshold:g} either way"
        for alarm in report.alarms
    ]


RULES = (
    ResultRule(
        "no_drift",
        "The patients of the last batches are like those of the reference: no stream of the scan is in alarm.",
        "See `wdbc monitor` for the streams and the cause. Check units and instruments at the sender first.",
        blocking=False,
        faults=alarms,
    ),
)
