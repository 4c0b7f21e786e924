"""Metrics that are read from the store: assets, checks, and the champion."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily

from wdbc_assets import settings
from wdbc_assets.domain import formatting
from wdbc_assets.monitoring.exporter.families import gauge, seconds, single
from wdbc_assets.pipeline import pending, staleness
from wdbc_assets.registry import audit_log, guard, referral
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import paths
from wdbc_assets.store.store import Store

_SHOWN = ("accuracy", "recall", "specificity", "roc_auc", "log_loss", "brier")


def assets(store: Store, config: settings.Settings) -> Iterator[GaugeMetricFamily]:
    """Yield when each asset was made, whether it is out of date or was refused, and its failing checks."""
    states = staleness.assess(store, config)
    yield gauge(
        "asset_made_timestamp_seconds",
        "When the current version of the asset was made.",
        [({"asset": state.asset}, seconds(state.manifest.made_at)) for state in states if state.manifest],
    )
    yield gauge(
        "asset_out_of_date",
        "1 while the asset is out of date, damaged or was never made.",
        [({"asset": state.asset}, not state.up_to_date) for state in states],
    )
    yield gauge(
        "asset_refused",
        "1 while the last attempt at the asset is a refused one.",
        [({"asset": state.asset}, store.refusal(state.asset) is not None) for state in states],
    )
    yield gauge(
        "asset_failing_checks",
        "Checks that failed for the current version of the asset. A blocking one is never stored.",
        [
            ({"asset": state.asset}, sum(not check.passed for check in state.manifest.checks))
            for state in states
            if state.manifest
        ],
    )
    yield gauge(
        "job_pending",
        "1 while a run of the job would find something to do.",
        [({"dagster_job": job}, pending.is_job_pending(store, config, job)) for job in pending.JOBS],
    )


def champion(store: Store) -> Iterator[GaugeMetricFamily]:
    """Yield the champion's version, since when it is in production, problems, and its metrics on the test set."""
    standing = open_registry(store).standing()
    labels = {"version": formatting.short(standing.version), "recipe": standing.recipe or "unknown"}
    yield gauge("champion_info", "1 for the champion's version and recipe.", [(labels, 1)] if standing.version else [])
    yield single(
        "champion_promoted_timestamp_seconds",
        "When the champion came into production.",
        seconds(standing.since.at) if standing.since else None,
    )
    yield single("champion_problems", "Problems of the champion and its audit log.", len(standing.problems))
    referred, since = referral.current(standing.history), standing.since
    yield single("refers_everyone", "1 while every patient is referred to a person.", referred is not None)
    by_guard = since is not None and since.action == audit_log.ROLLED_BACK and since.actor == guard.ACTOR
    yield single("champion_restored_by_guard", "1 while the champion is one that the guard has restored.", by_guard)
    yield gauge("champion_metric", "Metric on the test set that the champion was not trained on.", _metrics(store))


def _metrics(store: Store) -> Iterator[tuple[dict[str, str], float | None]]:
    """Yield the metrics of the promoted model, if the current ones are of this model."""
    promoted = store.current(paths.CHAMPION)
    manifest = store.current("metrics")
    if promoted is None or manifest is None:
        return
    if manifest.inputs.get("fitted_pipeline") != promoted.inputs.get("fitted_pipeline"):
        return  # a newer candidate was evaluated since
    metrics = store.document(manifest, "metrics.json")
    for name in _SHOWN:
        yield {"metric": name}, metrics[name]["value"]
