"""The sensors. They start runs on external events.

A sensor decides only from the store and Dagster's history, so that a killed daemon or a lost cursor changes nothing.
The cursor only counts failed checks of the source.
"""

import dagster as dg

from wdbc_assets import settings, sources
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import ticks
from wdbc_assets.orchestration import attempts, jobs, resources
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.store import Store

OBSERVATION_TAG = "wdbc/observation"
"""Tag of a requested run: the observed content, and the run that made the raw_data current at that time."""


@dg.sensor(
    job=jobs.train,
    minimum_interval_seconds=attempts.INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Checks the source every 5 minutes and starts train when its content differs from the last training data. A"
        " failed run is requested again after a pause that doubles up to a day. After three failed checks in a row, the"
        " tick fails."
    ),
)
def source_changed(
    context: dg.SensorEvaluationContext, store: resources.StoreResource
) -> dg.SensorResult | dg.SkipReason:
    """Start `train` if the current metrics were not made from the source's content.

    A run key identifies the observation, not the content: when a source returns to earlier content, the model is
    trained on it again.
    """
    try:
        config = settings.load()
        source = sources.parse(config.source)
        opened = store.open()
        raw_data = _current_raw_data(opened)
        known = sources.Origin.from_json(raw_data.origin) if raw_data and raw_data.origin else None
        content = source.fingerprint(known, limits=config.quick_limits())
        is_known = known is not None and content == known.sha256
        settled = is_known and raw_data is not None and _is_settled(opened, raw_data)
    except WdbcError as error:
        return _failed_look(context, error)
    context.update_cursor(ticks.source_cursor(failed_checks=0))
    if settled:
        return dg.SkipReason(
            f"Unchanged: {source.shown} still holds {formatting.short(content)}, from which the metrics were made."
        )
    return _request(context.instance, f"{formatting.short(content)} after {raw_data.run_id if raw_data else 'nothing'}")


evidence_updates = dg.AutomationConditionSensorDefinition(
    "evidence_updates",
    target=dg.AssetSelection.assets(*(name for name, spec in specs.ASSETS.items() if spec.eager)),
    default_status=dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=60,
    description="Makes the evidence again as soon as an input has other content.",
)


def _current_raw_data(store: Store) -> Manifest | None:
    try:
        return store.current("raw_data")
    except DamagedStore:  # the requested run makes it again
        return None


def _is_settled(store: Store, raw_data: Manifest) -> bool:
    """Return whether the metrics were made from this raw_data, and no later content was refused."""
    try:
        trained_on = staleness.source_version(store, "metrics")
    except DamagedStore:
        return False
    return trained_on == raw_data.version and store.refusal("raw_data") is None


def _failed_look(context: dg.SensorEvaluationContext, error: WdbcError) -> dg.SkipReason:
    """Skip the tick, or fail it after several failed checks. Dagster keeps the cursor of a failed tick."""
    failed_checks = ticks.failed_checks(context.cursor) + 1
    if failed_checks >= ticks.FAILED_CHECKS:
        raise WdbcError(
            f"at least the last {ticks.FAILED_CHECKS} checks of the source failed: {error.what}",
            where=error.where,
            hint=error.hint,
        ) from None
    context.update_cursor(ticks.source_cursor(failed_checks=failed_checks))
    return dg.SkipReason(
        f"The source could not be checked ({failed_checks} of {ticks.FAILED_CHECKS} failures before the tick fails):"
        f" {error}"
    )


def _request(instance: dg.DagsterInstance, observation: str) -> dg.SensorResult | dg.SkipReason:
    """Request a run for an observation, unless one is in progress or failed recently."""
    under_way = instance.get_runs(dg.RunsFilter(job_name=jobs.train.name, statuses=attempts.UNDER_WAY), limit=1)
    if under_way:
        return dg.SkipReason(f"Run {under_way[0].run_id[:8]} of train is in progress; the source is checked after it.")
    attempted = instance.get_run_records(dg.RunsFilter(tags={OBSERVATION_TAG: observation}), limit=attempts.MOST)
    run_key = attempts.run_key(observation, attempted)
    if isinstance(run_key, attempts.Postponed):
        return dg.SkipReason(
            f"Run {run_key.last.run_id[:8]} for this content ended without metrics ({run_key.last.status.value}); it is"
            f" requested again after {run_key.due:%Y-%m-%d %H:%M} UTC."
        )
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=run_key, tags={OBSERVATION_TAG: observation})])
