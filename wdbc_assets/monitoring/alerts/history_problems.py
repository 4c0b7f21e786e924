"""Problems that are found in Dagster's history: failed runs, failed or missing ticks, stale sources, overdue assets.

Each function reads an open instance and yields the occurrences that exist now.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings, sources
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.pipeline import specs
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import dagster as dg

_AD_HOC_JOB = "__ASSET_JOB"
"""Dagster's name for the job of an ad hoc materialization."""

_LATE = {"SENSOR": timedelta(minutes=15), "SCHEDULE": timedelta(hours=25)}
"""Time since the last tick after which the daemon counts as down: sensors tick every 5 minutes, schedules daily."""

_MOST_RUNS = 100
"""How many runs of a job are searched for the first one of a series of failures."""

_TEXT_IS_SAFE = ("wdbc_assets.", "dagster.", "dagster_")
"""Modules whose errors quote no patient's value."""


def failed_runs(instance: "dg.DagsterInstance") -> Iterator[Occurrence]:
    """Yield each job whose last finished run failed, unless its assets were materialized since."""
    import dagster as dg

    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    for job in (*specs.JOBS, _AD_HOC_JOB):
        wanted = dg.RunsFilter(job_name=job, statuses=finished)
        for record in instance.get_run_records(wanted, limit=1):
            run = record.dagster_run
            if run.status is dg.DagsterRunStatus.FAILURE and not _is_superseded(instance, record):
                first = _first_of_series(instance, wanted, record)
                yield Occurrence(
                    cause="failed-run",
                    subject="materialization" if job == _AD_HOC_JOB else f"job {job}",
                    text=f"run {run.run_id[:8]} failed at {_shown(_ended(record))} UTC, and no later run succeeded; see"
                    " `wdbc ui` for the reason",
                    version=first.dagster_run.run_id,
                    since=_ended(first),
                )


def _first_of_series(instance: "dg.DagsterInstance", wanted: "dg.RunsFilter", last: "dg.RunRecord") -> "dg.RunRecord":
    """Return the first of the failed runs that follow the last success."""
    first = last
    for record in instance.get_run_records(wanted, limit=_MOST_RUNS):
        if record.dagster_run.is_success:
            break
        first = record
    return first


def _ended(record: "dg.RunRecord") -> datetime:
    return datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)


def _is_superseded(instance: "dg.DagsterInstance", record: "dg.RunRecord") -> bool:
    """Return whether later runs materialized every asset that a failed ad hoc run selected."""
    run = record.dagster_run
    if run.job_name != _AD_HOC_JOB:
        return False
    started = record.start_time or record.create_timestamp.timestamp()
    for key in run.asset_selection or ():
        spec = specs.ASSETS.get(key.to_user_string())
        if spec is None or spec.promoted:
            continue
        event = instance.get_latest_materialization_event(key)
        if event is None or (event.run_id != run.run_id and event.timestamp < started):
            return False
    return True


def failed_or_late_ticks(instance: "dg.DagsterInstance") -> Iterator[Occurrence]:
    """Yield each running sensor or schedule whose last tick failed or is overdue."""
    for state, tick in _turned_on(instance):
        kind = state.instigator_type.value.lower()
        subject = f"{kind} {state.instigator_name}"
        last = datetime.fromtimestamp(tick.timestamp if tick is not None else _turned_on_at(state), UTC)
        if tick is not None and tick.status.value == "FAILURE":
            yield Occurrence(
                cause="failed-sensor" if kind == "sensor" else "failed-schedule",
                subject=subject,
                text=f"its last tick failed: {_reason(tick.error)}",
                version=str(int(tick.timestamp)),
                since=last,
            )
        if datetime.now(UTC) - last > _LATE.get(state.instigator_type.value, timedelta.max):
            yield Occurrence(
                cause="daemon-down",
                subject=subject,
                text=f"it is turned on, but its last tick was at {_shown(last)} UTC: the daemon is not running (start"
                " it with `wdbc ui`)",
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


def stale_remote_source(
    store: Store, instance: "dg.DagsterInstance", config: settings.Settings
) -> Iterator[Occurrence]:
    """Yield a remote source that was neither read nor checked within the allowed time."""
    allowed = config.stale_after_hours
    if allowed is None or not sources.parse(config.source).remote:
        return
    checked_at = [_last_made(store, instance, "raw_data")] + [
        tick.timestamp for state, tick in _turned_on(instance) if tick is not None and _checked_source(state, tick)
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
    """Return whether a sensor tick checked the source successfully. The cursor counts the checks that failed."""
    cursor = getattr(state.instigator_data, "cursor", None)
    return (
        state.instigator_type.value == "SENSOR"
        and tick.status.value in ("SUCCESS", "SKIPPED")
        and (cursor == '{"failed_looks": 0}')
    )


def _turned_on(instance: "dg.DagsterInstance") -> Iterator[tuple[Any, Any]]:
    for state in instance.all_instigator_state():
        if state.is_running:
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
            yield state, ticks[0] if ticks else None


def _turned_on_at(state: Any) -> float:
    data = state.instigator_data
    at = getattr(data, "last_sensor_start_timestamp", None) or getattr(data, "start_timestamp", None)
    return float(at) if at else datetime.now(UTC).timestamp()


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}"
