"""Repeated run requests of a sensor: a failed run is requested again, after a pause that doubles up to a day.

Dagster remembers a run key for ever, so the key of a repeated request names the attempt before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

INTERVAL_SECONDS = 300
LONGEST_PAUSE_SECONDS = 24 * 60 * 60
MOST = 10
"""How many attempts are counted: the pause reaches its maximum before."""

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Postponed:
    """A request that is not made yet: the run of the last attempt, how it ended, and when the next one is due."""

    last: dg.DagsterRun
    due: datetime


def run_key(observation: str, attempts: Sequence[dg.RunRecord]) -> str | Postponed:
    """Return the key of the next run for an observation, given its runs so far, the latest first; none is in progress.

    If the daemon was killed before it launched a run, the key is that run's, and the daemon launches it.
    """
    if not attempts:
        return observation
    last = attempts[0].dagster_run
    if last.status == dg.DagsterRunStatus.NOT_STARTED:
        return last.tags["dagster/run_key"]
    due = _ended(attempts[0]) + timedelta(seconds=_pause_seconds(len(attempts)))
    return Postponed(last, due) if datetime.now(UTC) < due else f"{observation}, again after {last.run_id}"


def _ended(record: dg.RunRecord) -> datetime:
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp


def _pause_seconds(attempts: int) -> int:
    return min(INTERVAL_SECONDS << (attempts - 1), LONGEST_PAUSE_SECONDS)
