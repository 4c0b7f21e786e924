"""Problems that are found in Dagster's history: failed runs, failed or missing ticks, stale sources, overdue assets.

Each function reads an open instance and yields the occurrences that exist now.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import daemons, ticks
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.pipeline import pending, specs
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import dagster as dg

_AD_HOC_JOB = "__ASSET_JOB"
"""Dagster's name for the job of an ad hoc materialization."""

_SILENT = timedelta(minutes=5)
"""Time since the daemon's last heartbeat after which it counts as down: it sends one every 30 seconds."""

_LATE = {"SENSOR": timedelta(minutes=15), "SCHEDULE": timedelta(hours=25)}
"""Time since the last tick after which one is missing: sensors tick every 5 minutes, schedules daily."""

_NEVER = timedelta(days=36_500)

_MOST_RUNS = 100
"""How many runs of a job, or failed materializations, are searched for what has not succeeded since."""

_TEXT_IS_SAFE = ("wdbc_assets.", "dagster.", "dagster_")
"""Modules whose errors quote no patient's value."""


def failed_runs(store: Store, instance: "dg.DagsterInstance", config: settings.Settings) -> Iterator[Occurrence]:
    """Yield each job whose last finished run failed, and the failed materializations of assets not made since.

    A failure counts no longer once the job would find nothing to do: its command starts no other run then.
    """
    import dagster as dg

    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    for job in specs.JOBS:
        records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=finished), limit=_MOST_RUNS)
        failures = list(takewhile(lambda record: not record.dagster_run.is_success, records))
        if failures and _is_pending(store, config, job):
            yield _failed_run(failures, f"job {job}", "no later run succeeded")
    yield from _failed_materializations(instance)


def _failed_materializations(instance: "dg.DagsterInstance") -> Iterator[Occurrence]:
    """Yield the failed ad hoc runs of assets that were not materialized since, as one occurrence.

    These runs select different assets: a success of one says nothing about the others, so that each failure counts
    until its own assets were made.
    """
    import dagster as dg

    wanted = dg.RunsFilter(job_name=_AD_HOC_JOB, statuses=[dg.DagsterRunStatus.FAILURE])
    last_made = cache(instance.get_latest_materialization_event)
    records = instance.get_run_records(wanted, limit=_MOST_RUNS)
    missing = [(record, assets) for record in records if (assets := _not_made_since(record, last_made))]
    if missing:
        names = ", ".join(sorted({asset for _, assets in missing for asset in assets}))
        yield _failed_run([record for record, _ in missing], "materialization", f"not made since: {names}")


def _is_pending(store: Store, config: settings.Settings, job: str) -> bool:
    try:
        return pending.is_job_pending(store, config, job)
    except WdbcError:  # a store that cannot be read is a problem of its own
        return True


def _failed_run(failures: Sequence["dg.RunRecord"], subject: str, since_then: str) -> Occurrence:
    """Return the occurrence of failed runs, the latest one first. The oldest one began it."""
    last, first = failures[0], failures[-1]
    return Occurrence(
        cause="failed-run",
        subject=subject,
        text=f"run {last.dagster_run.run_id[:8]} failed at {_shown(_ended(last))} UTC, and {since_then}; see `wdbc ui`"
        " for the reason",
        version=first.dagster_run.run_id,
        since=_ended(first),
    )


def _ended(record: "dg.RunRecord") -> datetime:
    return datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)


def _not_made_since(
    record: "dg.RunRecord", last_made: Callable[["dg.AssetKey"], "dg.EventLogEntry | None"]
) -> list[str]:
    """Return the assets that a failed ad hoc run selected, and that neither it nor a later run materialized."""
    run = record.dagster_run
    started = record.start_time or record.create_timestamp.timestamp()
    missing = []
    for key in run.asset_selection or ():
        name = key.to_user_string()
        spec = specs.ASSETS.get(name)
        if spec is None or spec.promoted:
            continue
        event = last_made(key)
        if event is None or (event.run_id != run.run_id and event.timestamp < started):
            missing.append(name)
    return missing


def missing_daemon(instance: "dg.DagsterInstance") -> Iterator[Occurrence]:
    """Yield that sensors or schedules are turned on, but no daemon runs that would start them."""
    states = [state for state, _ in ticks.turned_on(instance)]
    if not states:
        return
    heartbeat = daemons.last_heartbeat(instance)
    last = heartbeat or max(map(_turned_on_at, states))
    if datetime.now(UTC) - last > _SILENT:
        silence = f"its last heartbeat was at {_shown(last)} UTC" if heartbeat else "it has never sent a heartbeat"
        yield Occurrence(
            cause="daemon-down",
            subject="Dagster's daemon",
            text=f"sensors or schedules are turned on, but {silence}: start it with `wdbc ui`",
            version=str(int(last.timestamp())),
            since=last,
        )


def failed_or_late_ticks(instance: "dg.DagsterInstance") -> Iterator[Occurrence]:
    """Yield each sensor or schedule that is turned on whose last tick failed, or that does not tick while others do."""
    heartbeat = daemons.last_heartbeat(instance)
    running = heartbeat is not None and datetime.now(UTC) - heartbeat <= _SILENT
    begun = datetime.fromtimestamp(max((daemon.first for daemon in daemons.at_work(instance)), default=0.0), UTC)
    for state, tick in ticks.turned_on(instance):
        kind = state.instigator_type.value.lower()
        last = _turned_on_at(state) if tick is None else datetime.fromtimestamp(tick.timestamp, UTC)
        due = max(last, _turned_on_at(state), begun) + _LATE.get(state.instigator_type.value, _NEVER)
        if tick is not None and tick.status.value == "FAILURE":
            text = f"its last tick failed: {_reason(tick.error)}"
        elif running and datetime.now(UTC) > due:
            text = f"it has not ticked since {_shown(last)} UTC, although the daemon runs: read the daemon's output"
        else:
            continue
        yield Occurrence(
            cause="failed-sensor" if kind == "sensor" else "failed-schedule",
            subject=f"{kind} {state.instigator_name}",
            text=text,
            version=str(int(last.timestamp())),
            since=last,
        )


def _reason(error: Any) -> str:
    """Return why a tick failed. The text of a bug is left out, because it may quote a patient's value."""
    if error is None:
        return "for an unknown reason"
    name, _, text = (error.cause or error).message.partition(": ")
    if name.startswith(_TEXT_IS_SAFE) or name.endswith("WdbcError"):
        return str(text.splitlines()[0]) if text.strip() else name
    return f"{name.splitlines()[0]}, a bug: see the tick in `wdbc ui`"


def second_daemon(instance: "dg.DagsterInstance") -> Iterator[Occurrence]:
    """Yield that more than one daemon is at work, or was until a quarter of an hour ago."""
    together = daemons.at_work(instance)
    if len(together) > 1:
        ended = datetime.fromtimestamp(min(daemon.last for daemon in together), UTC)
        yield Occurrence(
            cause="second-daemon",
            subject="Dagster's daemon",
            text=f"{len(together)} daemons were at work together, the last time at {_shown(ended)} UTC",
            version=together[-1].id,
            since=datetime.fromtimestamp(together[-1].first, UTC),
        )


def stale_remote_source(
    store: Store, instance: "dg.DagsterInstance", config: settings.Settings
) -> Iterator[Occurrence]:
    """Yield a remote source that was neither read nor checked within the allowed time."""
    allowed = config.stale_after_hours
    if allowed is None or not sources.parse(config.source).remote:
        return
    checked_at = [_last_made(store, instance, "raw_data")] + [
        tick.timestamp for state, tick in ticks.turned_on(instance) if tick is not None and _checked_source(state, tick)
    ]
    last = datetime.fromtimestamp(max(checked_at), UTC)
    if datetime.now(UTC) - last > timedelta(hours=allowed):
        seen = f"last read or checked at {_shown(last)} UTC" if max(checked_at) else "never read"
        yield Occurrence(
            cause="stale-source",
            subject="the source",
            text=f"{seen}; WDBC_STALE_AFTER_HOURS allows {allowed:g} hours",
            version=str(int(max(checked_at))),
            since=last + timedelta(hours=allowed) if max(checked_at) else None,
        )


def overdue_assets(store: Store, instance: "dg.DagsterInstance") -> Iterator[Occurrence]:
    """Yield each asset that was made before, and was not made or confirmed within its time `due`."""
    for asset, spec in specs.ASSETS.items():
        if spec.due is None or not (made := _last_made(store, instance, asset)):
            continue
        last = datetime.fromtimestamp(made, UTC)
        if datetime.now(UTC) - last > spec.due:
            yield Occurrence(
                cause="overdue-asset",
                subject=asset,
                text=f"last made or confirmed at {_shown(last)} UTC; due every {spec.due.days} days",
                version=str(int(made)),
                since=last + spec.due,
            )


def _last_made(store: Store, instance: "dg.DagsterInstance", asset: str) -> float:
    """Return when an asset was last materialized, in Dagster's history or by its manifest; 0 for never."""
    import dagster as dg

    times = [0.0]
    if event := instance.get_latest_materialization_event(dg.AssetKey(asset)):
        times.append(event.timestamp)
    if manifest := store.current(asset):
        times.append(datetime.fromisoformat(manifest.made_at).timestamp())
    return max(times)


def _checked_source(state: Any, tick: Any) -> bool:
    """Return whether a tick is of the sensor that checks the source, and its check succeeded."""
    cursor = getattr(state.instigator_data, "cursor", None)
    return (
        state.instigator_type.value == "SENSOR"
        and tick.status.value in ("SUCCESS", "SKIPPED")
        and ticks.has_checked_the_source(cursor)
    )


def _turned_on_at(state: Any) -> datetime:
    """Return when a sensor or schedule was turned on; long ago if Dagster does not know it."""
    data = state.instigator_data
    at = getattr(data, "last_sensor_start_timestamp", None) or getattr(data, "start_timestamp", None)
    return datetime.fromtimestamp(float(at or 0), UTC)


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}"
