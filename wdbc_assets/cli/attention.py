"""The checks of `wdbc status --check`: problems in the store, the source and Dagster's history that need attention."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration.instance import open_instance
from wdbc_assets.pipeline import specs
from wdbc_assets.registry import challenger
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.paths import CHAMPION
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import dagster as dg

_AD_HOC_JOB = "__ASSET_JOB"
"""Dagster's name for the job of an ad hoc materialization."""

_LATE = {"SENSOR": timedelta(minutes=15), "SCHEDULE": timedelta(hours=25)}
"""Time since the last tick after which the daemon counts as down: sensors tick every 5 minutes, schedules daily."""


@dataclass(frozen=True)
class AttentionItem:
    """One problem that needs attention: its kind, its subject, and a description."""

    kind: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {' '.join(self.text.split())}"


def findings(store: Store, config: settings.Settings) -> Iterator[AttentionItem]:
    """Yield every problem that needs attention. Remote sources are not contacted."""
    for asset in specs.ASSETS:
        yield from _asset_problems(store, asset)
    yield from _production_problems(store)
    yield from _source_problems(config)
    try:
        with open_instance() as instance:
            yield from _failed_runs(instance)
            yield from _failed_or_late_ticks(instance)
            yield from _stale_remote_source(store, instance, config)
    except WdbcError as error:
        yield AttentionItem("damaged", "Dagster's history", _message(error))


def _asset_problems(store: Store, asset: str) -> Iterator[AttentionItem]:
    try:
        if refusal := store.refusal(asset):
            reasons = "; ".join(refusal.reasons)
            yield AttentionItem("refused", asset, f"the attempt at {refusal.at[:19]} UTC was refused: {reasons}")
        partitions = store.partitions(asset) if specs.ASSETS[asset].partitioned else []
        latest = partitions[-1] if partitions else None  # the files of all batches would take too long to read
        manifest = None if asset == CHAMPION else store.current(asset, latest)
        if manifest is not None and (damage := store.damage(manifest)):
            yield AttentionItem("damaged", asset, damage)
    except WdbcError as error:
        yield AttentionItem("damaged", asset, _message(error))


def _production_problems(store: Store) -> Iterator[AttentionItem]:
    try:
        registry = open_registry(store)
        standing = registry.standing()
        for problem in (*standing.problems, *registry.lost_evidence()):
            yield AttentionItem("damaged", CHAMPION, problem)
        for way in registry.ways_back(standing):
            if way.damage and way.version != standing.version:
                yield AttentionItem("damaged", CHAMPION, str(way))
        challenger.current(store)
    except WdbcError as error:
        yield AttentionItem("damaged", CHAMPION, _message(error))


def _source_problems(config: settings.Settings) -> Iterator[AttentionItem]:
    try:
        source = sources.parse(config.source)
        if not source.remote:
            source.fingerprint(limits=config.limits())
    except WdbcError as error:
        yield AttentionItem("stale source", "the source", f"it cannot be read: {_message(error)}")


def _failed_runs(instance: "dg.DagsterInstance") -> Iterator[AttentionItem]:
    """Yield a finding for each job whose last finished run failed, unless its assets were materialized since."""
    import dagster as dg

    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    for job in (*specs.JOBS, _AD_HOC_JOB):
        for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=finished), limit=1):
            run = record.dagster_run
            if run.status is dg.DagsterRunStatus.FAILURE and not _is_superseded(instance, record):
                subject = "materialization" if job == _AD_HOC_JOB else f"job {job}"
                at = datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)
                yield AttentionItem(
                    "failed run",
                    subject,
                    f"run {run.run_id[:8]} failed at {at:%Y-%m-%dT%H:%M:%S} UTC, and no later run succeeded; see"
                    " `wdbc ui` for the reason",
                )


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


def _failed_or_late_ticks(instance: "dg.DagsterInstance") -> Iterator[AttentionItem]:
    """Yield a finding for each running sensor or schedule whose last tick failed or is overdue."""
    for state, tick in _turned_on(instance):
        kind = state.instigator_type.value.lower()
        subject = f"{kind} {state.instigator_name}"
        if tick is not None and tick.status.value == "FAILURE":
            error = tick.error.cause or tick.error if tick.error else None
            message = error.message.partition(": ")[2].splitlines()[0] if error else "for an unknown reason"
            yield AttentionItem(
                "stale source" if kind == "sensor" else "failed run", subject, f"its last tick failed: {message}"
            )
        last = datetime.fromtimestamp(tick.timestamp if tick is not None else _turned_on_at(state), UTC)
        if datetime.now(UTC) - last > _LATE.get(state.instigator_type.value, timedelta.max):
            yield AttentionItem(
                "stale source",
                subject,
                f"it is turned on, but its last tick was at {last:%Y-%m-%dT%H:%M:%S} UTC: the daemon is not running"
                " (start it with `wdbc ui`)",
            )


def _stale_remote_source(
    store: Store, instance: "dg.DagsterInstance", config: settings.Settings
) -> Iterator[AttentionItem]:
    """Yield a finding if a remote source was neither read nor checked within the allowed time."""
    allowed = config.stale_after_hours
    if allowed is None or not sources.parse(config.source).remote:
        return
    import dagster as dg

    checked_at = [0.0]
    if event := instance.get_latest_materialization_event(dg.AssetKey("raw_data")):
        checked_at.append(event.timestamp)
    if manifest := store.current("raw_data"):
        checked_at.append(datetime.fromisoformat(manifest.made_at).timestamp())
    checked_at += [
        tick.timestamp for state, tick in _turned_on(instance) if tick is not None and _checked_source(state, tick)
    ]
    last = datetime.fromtimestamp(max(checked_at), UTC)
    if datetime.now(UTC) - last > timedelta(hours=allowed):
        seen = f"last read or checked at {last:%Y-%m-%dT%H:%M:%S} UTC" if max(checked_at) else "never read"
        yield AttentionItem("stale source", "the source", f"{seen}; WDBC_STALE_AFTER_HOURS allows {allowed:g} hours")


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


def _message(error: WdbcError) -> str:
    return f"{error.what} ({error.where})" if error.where else error.what
