"""Metrics that are read from Dagster's instance: jobs, ticks, the daemon, and the size of the history."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from wdbc_assets.monitoring import daemons, ticks
from wdbc_assets.monitoring.exporter.families import gauge, single
from wdbc_assets.pipeline import specs

if TYPE_CHECKING:
    import dagster as dg


def jobs(instance: "dg.DagsterInstance") -> Iterator[GaugeMetricFamily]:
    """Yield the result, the end and the duration of the last finished run of each job, and the runs in progress.

    A canceled run is neither a success nor a failure: a person has ended it. It is left out, as the alerts do.
    """
    import dagster as dg

    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    last = {
        job: record
        for job in specs.JOBS
        for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=finished), limit=1)
    }
    yield gauge(
        "job_last_success",
        "1 if the last finished run of the job succeeded. A canceled run does not count.",
        [({"dagster_job": job}, record.dagster_run.is_success) for job, record in last.items()],
    )
    yield gauge(
        "job_last_end_timestamp_seconds",
        "When the last finished run of the job ended.",
        [({"dagster_job": job}, record.end_time) for job, record in last.items()],
    )
    yield gauge(
        "job_last_duration_seconds",
        "How long the last finished run of the job took.",
        [
            ({"dagster_job": job}, record.end_time - record.start_time)
            for job, record in last.items()
            if record.end_time and record.start_time
        ],
    )
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    yield single("runs_in_progress", "Runs in progress.", instance.get_runs_count(started))


def automation(instance: "dg.DagsterInstance") -> Iterator[GaugeMetricFamily]:
    """Yield the last tick of each sensor and schedule that is turned on, and the heartbeats of the daemon."""
    last = [
        ({"name": state.instigator_name, "kind": state.instigator_type.value.lower()}, tick)
        for state, tick in ticks.turned_on(instance)
        if tick is not None
    ]
    yield gauge(
        "tick_last_timestamp_seconds",
        "When the last tick of the sensor or schedule began.",
        [(labels, tick.timestamp) for labels, tick in last],
    )
    yield gauge(
        "tick_last_failed",
        "1 if the last tick of the sensor or schedule failed.",
        [(labels, tick.status.value == "FAILURE") for labels, tick in last],
    )
    yield gauge(
        "daemon_heartbeat_timestamp_seconds",
        "The last heartbeat of each part of Dagster's daemon.",
        [({"daemon": name}, beat.timestamp) for name, beat in instance.get_daemon_heartbeats().items()],
    )
    yield single(
        "daemons", "Daemons of Dagster at work in the last 15 minutes; should be one.", len(daemons.at_work(instance))
    )


def size(instance: "dg.DagsterInstance") -> Iterator[GaugeMetricFamily]:
    """Yield how much disk Dagster's history takes."""
    files = Path(instance.root_directory).rglob("*")
    yield single("history_bytes", "Size of Dagster's home on disk.", sum(map(_bytes, files)))


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # removed meanwhile
        return 0
