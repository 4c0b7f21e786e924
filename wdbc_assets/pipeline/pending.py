"""Whether a run of a job would find anything to do. The command of the job, the alerts and the exporter go by it."""

from collections.abc import Sequence

from wdbc_assets import settings, sources
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.pipeline.staleness import AssetStatus
from wdbc_assets.store.store import Store

JOBS = tuple(
    job
    for job, assets in specs.JOBS.items()
    if all(asset in specs.MODEL and not specs.ASSETS[asset].promoted for asset in assets)
)
"""The jobs of which the store and the source say whether anything is to do. The others depend on what arrives, or
decide on a promotion."""


def is_pending(store: Store, config: settings.Settings, states: Sequence[AssetStatus]) -> bool:
    """Return whether a run of these assets would find something to do.

    After a refusal a run starts even if nothing changed, so that Dagster's history does not end with the failure. A
    remote source is contacted inside a run, so that Dagster's history records the result.
    """
    return (
        not all(state.up_to_date for state in states)
        or any(store.refusal(state.asset) for state in states)
        or (any(state.asset == "raw_data" for state in states) and sources.parse(config.source).remote)
    )


def is_job_pending(store: Store, config: settings.Settings, job: str) -> bool:
    """Return whether a run of a job would find something to do. One that is not among `JOBS` always may."""
    return job not in JOBS or is_pending(store, config, staleness.assess(store, config, assets=specs.JOBS[job]))
