"""What needs a person: the findings of `wdbc status --check`, from the store, the source and Dagster's history."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import instance as dagsters
from wdbc_assets.pipeline import specs
from wdbc_assets.registry import challenger
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.paths import CHAMPION
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import dagster as dg

_AD_HOC_JOB = "__ASSET_JOB"
"""Dagster's name for a run of assets that somebody selected."""

_LATE = {"SENSOR": timedelta(minutes=15), "SCHEDULE": timedelta(hours=25)}
"""How long after its last tick a sensor (every 5 minutes) or a schedule (every day) is late: no daemon works."""


@dataclass(frozen=True)
class Finding:
    """One thing that needs a person: its kind, what it is about, and what is known of it."""

    kind: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {' '.join(self.text.split())}"


def findings(store: Store, chosen: settings.Settings) -> Iterator[Finding]:
    """Yield everything that needs a person; nothing if all is well. No remote source is asked."""
    for asset in specs.ASSETS:
        yield from _of_asset(store, asset)
    yield from _of_production(store)
    yield from _of_source(chosen)
    try:
        with dagsters.open_instance() as instance:
            yield from _of_runs(instance)
            yield from _of_ticks(instance)
            yield from _of_looks(store, instance, chosen)
    except WdbcError as error:
        yield Finding("damaged", "Dagster's history", _message(error))


def _of_asset(store: Store, asset: str) -> Iterator[Finding]:
    try:
        if refusal := store.refusal(asset):
            reasons = "; ".join(map(str, refusal["reasons"]))
            yield Finding("refused", asset, f"the attempt at {refusal['at'][:19]} UTC was refused: {reasons}")
        manifest = None if asset == CHAMPION else store.current(asset)
        if manifest is not None and (damage := store.damage(manifest)):
            yield Finding("damaged", asset, damage)
    except WdbcError as error:
        yield Finding("damaged", asset, _message(error))


def _of_production(store: Store) -> Iterator[Finding]:
    try:
        registry = open_registry(store)
        standing = registry.standing()
        for problem in (*standing.problems, *registry.lost_evidence()):
            yield Finding("damaged", CHAMPION, problem)
        for way in registry.ways_back(standing):
            if way.damage and way.version != standing.version:
                yield Finding("damaged", CHAMPION, str(way))
        challenger.current(store)
    except WdbcError as error:
        yield Finding("damaged", CHAMPION, _message(error))


def _of_source(chosen: settings.Settings) -> Iterator[Finding]:
    try:
        sources.digest_now(sources.parse(chosen.source), limits=chosen.limits())
    except WdbcError as error:
        yield Finding("stale source", "the source", f"it cannot be read: {_message(error)}")


def _of_runs(instance: "dg.DagsterInstance") -> Iterator[Finding]:
    """Yield each job whose last finished run failed, unless its assets were made since."""
    import dagster as dg

    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    for job in (*specs.JOBS, _AD_HOC_JOB):
        for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ended), limit=1):
            run = record.dagster_run
            if run.status is dg.DagsterRunStatus.FAILURE and not _was_made_up_for(instance, record):
                subject = "materialization" if job == _AD_HOC_JOB else f"job {job}"
                at = datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)
                yield Finding(
                    "failed run",
                    subject,
                    f"run {run.run_id[:8]} failed at {at:%Y-%m-%dT%H:%M:%S} UTC, and no later one succeeded; `wdbc ui`"
                    " shows why",
                )


def _was_made_up_for(instance: "dg.DagsterInstance", record: "dg.RunRecord") -> bool:
    """Say whether later runs of another selection recorded all that a failed ad hoc run was to make."""
    run = record.dagster_run
    if run.job_name != _AD_HOC_JOB:
        return False
    began = record.start_time or record.create_timestamp.timestamp()
    for key in run.asset_selection or ():
        spec = specs.ASSETS.get(key.to_user_string())
        if spec is None or spec.promoted:
            continue
        event = instance.get_latest_materialization_event(key)
        if event is None or (event.run_id != run.run_id and event.timestamp < began):
            return False
    return True


def _of_ticks(instance: "dg.DagsterInstance") -> Iterator[Finding]:
    """Yield each sensor or schedule that is turned on and whose last tick failed, or is too long ago."""
    for state, tick in _turned_on(instance):
        kind = state.instigator_type.value.lower()
        subject = f"{kind} {state.instigator_name}"
        if tick is not None and tick.status.value == "FAILURE":
            error = tick.error.cause or tick.error if tick.error else None
            what = error.message.partition(": ")[2].splitlines()[0] if error else "for an unknown reason"
            concerned = "stale source" if kind == "sensor" else "failed run"
            yield Finding(concerned, subject, f"its last tick failed: {what}")
        last = datetime.fromtimestamp(tick.timestamp if tick is not None else _turned_on_at(state), UTC)
        if datetime.now(UTC) - last > _LATE.get(state.instigator_type.value, timedelta.max):
            yield Finding(
                "stale source",
                subject,
                f"it is turned on, and its last tick was at {last:%Y-%m-%dT%H:%M:%S} UTC: no daemon works (`wdbc ui`)",
            )


def _of_looks(store: Store, instance: "dg.DagsterInstance", chosen: settings.Settings) -> Iterator[Finding]:
    """Yield a finding if a remote source was not read or looked at for longer than allowed."""
    allowed = chosen.stale_after_hours
    if allowed is None or sources.parse(chosen.source).kind not in ("http", "object"):
        return
    import dagster as dg

    looks = [0.0]
    if event := instance.get_latest_materialization_event(dg.AssetKey("raw_data")):
        looks.append(event.timestamp)
    if manifest := store.current("raw_data"):
        looks.append(datetime.fromisoformat(manifest.made_at).timestamp())
    looks += [
        tick.timestamp for state, tick in _turned_on(instance) if tick is not None and _saw_the_source(state, tick)
    ]
    last = datetime.fromtimestamp(max(looks), UTC)
    if datetime.now(UTC) - last > timedelta(hours=allowed):
        said = f"last read or looked at {last:%Y-%m-%dT%H:%M:%S} UTC" if max(looks) else "never read"
        yield Finding("stale source", "the source", f"{said}; WDBC_STALE_AFTER_HOURS allows {allowed:g} hours")


def _saw_the_source(state: Any, tick: Any) -> bool:
    """Say whether a tick of the sensor is a look that did not fail: its cursor counts those that did."""
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


def _message(error: WdbcError) -> str:
    return f"{error.what} ({error.where})" if error.where else error.what
