"""The sensor of the retraining. It decides from the store, the audit log and Dagster's history, without a cursor."""

import dagster as dg

from wdbc_assets import settings
from wdbc_assets.monitoring import retraining
from wdbc_assets.orchestration import attempts, jobs, resources
from wdbc_assets.orchestration.retrain import REASON_TAG
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import NeverMade

INTERVAL_SECONDS = 600
OBSERVATION_TAG = "wdbc/retrain_observation"
"""Tag of a requested run: the champion, and the last retraining before it."""


@dg.sensor(
    job=jobs.retrain,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Looks every 10 minutes whether a retraining is wanted: by schedule, because of an alarm, or for enough new"
        " diagnoses. Starts retrain, unless the cooling time or the yearly cap forbids it. A failed run is requested"
        " again after a pause that doubles up to a day."
    ),
)
def retrain_wanted(
    context: dg.SensorEvaluationContext, store: resources.StoreResource
) -> dg.RunRequest | dg.SkipReason:
    """Start `retrain` if it is wanted and no run of it is in progress. The run's tags say why."""
    opened, config = store.open(), settings.load()
    try:
        need = retraining.need(opened, config)
    except NeverMade as error:
        return dg.SkipReason(f"Nothing to retrain: {error.what}. {error.hint}")
    if not need.wanted:
        why = (*(need.obstacles or ("no reason for one",)), *(f"not counted: {group}" for group in need.unusable))
        return dg.SkipReason(f"No retraining: {'; '.join(why)}.")
    return _request(context.instance, retraining.observation(open_registry(opened).standing()), "; ".join(need.reasons))


def _request(instance: dg.DagsterInstance, observation: str, why: str) -> dg.RunRequest | dg.SkipReason:
    if under_way := instance.get_runs(dg.RunsFilter(job_name=jobs.retrain.name, statuses=attempts.UNDER_WAY), limit=1):
        return dg.SkipReason(f"Run {under_way[0].run_id[:8]} of retrain is in progress.")
    attempted = instance.get_run_records(dg.RunsFilter(tags={OBSERVATION_TAG: observation}), limit=attempts.MOST)
    run_key = attempts.run_key(observation, attempted)
    if isinstance(run_key, attempts.Postponed):
        return dg.SkipReason(
            f"Run {run_key.last.run_id[:8]} ended without a comparison that is new ({run_key.last.status.value}); it is"
            f" requested again after {run_key.due:%Y-%m-%d %H:%M} UTC."
        )
    return dg.RunRequest(run_key=run_key, tags={OBSERVATION_TAG: observation, REASON_TAG: why})
