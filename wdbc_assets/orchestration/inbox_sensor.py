"""The sensor of the inbox. It claims whole files, and requests one run of `monitor` for each batch.

It decides from the inbox, the store and Dagster's history; it has no cursor that could be lost. The runs follow one
another, oldest batch first, because a drift report reads those of the batches before.
"""

from collections.abc import Iterable

import dagster as dg

from wdbc_assets.domain import formatting
from wdbc_assets.monitoring import batches
from wdbc_assets.orchestration import attempts, jobs, resources
from wdbc_assets.orchestration.partitions import BATCHES

INTERVAL_SECONDS = 30
PARTITION_TAG = "dagster/partition"


@dg.sensor(
    job=jobs.monitor,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Looks into the inbox every 30 seconds, adds a partition for each file that is whole, and starts monitor for"
        " the oldest. The next one follows when its run has ended. A failed run is requested again after a pause that"
        " doubles up to a day, and does not hold up the others."
    ),
)
def inbox_changed(
    context: dg.SensorEvaluationContext, store: resources.StoreResource, inbox: resources.InboxResource
) -> dg.SensorResult | dg.SkipReason:
    """Start `monitor` for the oldest batch whose drift report is not stored, if no run of it is in progress.

    Before there is a champion, batches are only stored: they are scored once there is one.
    """
    opened = store.open()
    arrived = batches.arrivals(opened, inbox.open())
    for refused in arrived.refused:
        context.log.warning("refused %s: %s", refused.name, refused.reason)
    missing = batches.missing_input(opened)
    possible = sorted(set(arrived.batches) - (set(batches.stored(opened)) if missing else set()))
    request = _request(context.instance, possible, [dg.AssetKey(batches.FIRST)] if missing else None)
    if request is not None:
        added = BATCHES.build_add_request(possible)
        return dg.SensorResult(run_requests=[request], dynamic_partitions_requests=[added])
    waiting = formatting.counted(len(arrived.batches) + len(arrived.unfinished), "batch waits", "batches wait")
    files = formatting.counted(len(arrived.refused), "file was", "files were")
    return dg.SkipReason(
        f"No run to start; {waiting}, and {files} refused.{f' {missing.what}. {missing.hint}' if missing else ''}"
    )


def _request(
    instance: dg.DagsterInstance, batches: Iterable[str], selection: list[dg.AssetKey] | None
) -> dg.RunRequest | None:
    """Return a request for the first batch whose run has not failed recently; None while a run is in progress."""
    if instance.get_runs(dg.RunsFilter(job_name=jobs.monitor.name, statuses=attempts.UNDER_WAY), limit=1):
        return None
    for batch in batches:
        wanted = dg.RunsFilter(job_name=jobs.monitor.name, tags={PARTITION_TAG: batch})
        run_key = attempts.run_key(batch, instance.get_run_records(wanted, limit=attempts.MOST))
        if isinstance(run_key, str):
            return dg.RunRequest(run_key=run_key, partition_key=batch, asset_selection=selection)
    return None
