"""The sensors: what starts a run because something happened outside.

A sensor decides from the store and from Dagster's history alone, so that a killed daemon or a lost cursor changes
nothing. The cursor only counts failed looks.
"""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg

from wdbc_assets import settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import jobs, resources
from wdbc_assets.pipeline import staleness
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.store import Store

INTERVAL_SECONDS = 300
FAILED_LOOKS = 3
"""So many failed looks in a row make a failed tick."""
LONGEST_PAUSE_SECONDS = 24 * 60 * 60
OBSERVATION_TAG = "wdbc/observation"
"""The tag of a requested run: the content that was seen, and the run that raw_data was from then."""

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_COUNTED_ATTEMPTS = 10  # the pause is the longest one long before


@dg.sensor(
    job=jobs.train,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Looks at the source and starts train when its content differs from what was last trained on. If the run fails,"
        " it is requested again, after a pause that doubles up to a day. From the third failed look in a row on, the"
        " tick fails."
    ),
)
def source_changed(
    context: dg.SensorEvaluationContext, store: resources.StoreResource
) -> dg.SensorResult | dg.SkipReason:
    """Start `train` for content of the source that the current metrics were not made from.

    A run key names the observation, not the content: content that was trained on before is trained on again when the
    source returns to it.
    """
    try:
        location = sources.parse(settings.load().source)
        opened = store.open()
        raw_data = _current_raw_data(opened)
        known = sources.Origin.from_json(raw_data.origin) if raw_data and raw_data.origin else None
        look = sources.look(location, known)
        settled = not look.changed and raw_data is not None and _is_settled(opened, raw_data)
    except WdbcError as error:
        return _failed_look(context, error)
    context.update_cursor(_cursor(failed_looks=0))
    if settled:
        return dg.SkipReason(f"Unchanged: {location.shown} is what the metrics were made from ({look.reason}).")
    return _request(context.instance, f"{look.identity[:12]} after {raw_data.run_id if raw_data else 'nothing'}")


def _current_raw_data(store: Store) -> Manifest | None:
    try:
        return store.current("raw_data")
    except DamagedStore:  # the run that is requested makes it again
        return None


def _is_settled(store: Store, raw_data: Manifest) -> bool:
    """Say whether nothing is left to do for these bytes: they are trained on, and no later content was refused."""
    try:
        trained_on = staleness.source_version(store, "metrics")
    except DamagedStore:
        return False
    return trained_on == raw_data.version and store.refusal("raw_data") is None


def _failed_look(context: dg.SensorEvaluationContext, error: WdbcError) -> dg.SkipReason:
    """Skip the tick, or fail it if the looks before failed too: Dagster keeps the cursor of a failed tick."""
    failed_looks = _failed_looks(context.cursor) + 1
    if failed_looks >= FAILED_LOOKS:
        raise WdbcError(
            f"the last {FAILED_LOOKS} or more looks at the source failed: {error.what}",
            where=error.where,
            hint=error.hint,
        ) from None
    context.update_cursor(_cursor(failed_looks=failed_looks))
    return dg.SkipReason(
        f"The source could not be looked at ({failed_looks} of {FAILED_LOOKS} looks before the tick fails): {error}"
    )


def _cursor(*, failed_looks: int) -> str:
    return json.dumps({"failed_looks": failed_looks})


def _failed_looks(cursor: str | None) -> int:
    """Read the cursor; one that is damaged, or of an earlier release, counts no failed look."""
    try:
        content = json.loads(cursor or "{}")
    except (ValueError, RecursionError):
        return 0
    count = content.get("failed_looks") if isinstance(content, dict) else None
    return count if type(count) is int and 0 <= count < FAILED_LOOKS else 0


def _request(instance: dg.DagsterInstance, observation: str) -> dg.SensorResult | dg.SkipReason:
    """Request a run for an observation, unless one is under way or failed a short time ago."""
    under_way = instance.get_runs(dg.RunsFilter(job_name=jobs.train.name, statuses=_UNDER_WAY), limit=1)
    if under_way:
        return dg.SkipReason(f"Run {under_way[0].run_id[:8]} of train is under way; the look after its end decides.")
    attempts = instance.get_run_records(dg.RunsFilter(tags={OBSERVATION_TAG: observation}), limit=_COUNTED_ATTEMPTS)
    run_key = observation
    if attempts:
        last = attempts[0].dagster_run
        if (
            last.status == dg.DagsterRunStatus.NOT_STARTED
        ):  # the daemon was killed before the launch: it launches it now
            run_key = last.tags["dagster/run_key"]
        else:
            due = _ended(attempts[0]) + timedelta(seconds=_pause_seconds(len(attempts)))
            if datetime.now(UTC) < due:
                return dg.SkipReason(
                    f"Run {last.run_id[:8]} for this content ended without metrics of it ({last.status.value}); it is"
                    f" requested again after {due:%Y-%m-%d %H:%M} UTC."
                )
            run_key = f"{observation}, again after {last.run_id}"
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=run_key, tags={OBSERVATION_TAG: observation})])


def _ended(record: dg.RunRecord) -> datetime:
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp


def _pause_seconds(attempts: int) -> int:
    return min(INTERVAL_SECONDS << (attempts - 1), LONGEST_PAUSE_SECONDS)
