"""Metrics of the patients: drift of batches and of the service, and live metrics, from the latest reports."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily

from wdbc_assets.monitoring.exporter.families import gauge, seconds, single
from wdbc_assets.registry import guard
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

REPORT, SERVED, LIVE = "drift_report", "served_drift", "live_metrics"


def drift(store: Store) -> Iterator[GaugeMetricFamily]:
    """Yield the number of batches, when the last one was compared, and z of each stream."""
    batches = store.partitions(REPORT)
    yield single("batches", "Batches with a drift report.", len(batches))
    yield from _drift(store, "drift", store.current(REPORT, batches[-1]) if batches else None)


def served(store: Store) -> Iterator[GaugeMetricFamily]:
    """Yield z of each stream in the last window of the service, and the number of predictions that it kept."""
    yield from _drift(store, "served_drift", store.current(SERVED))
    kept = store.current("served_predictions")
    yield single("served_predictions", "Predictions that the service kept.", kept.rows if kept else None)


def _drift(store: Store, name: str, manifest: Manifest | None) -> Iterator[GaugeMetricFamily]:
    """Yield what a drift report says."""
    if manifest is None:
        return
    report = store.document(manifest, f"{manifest.asset}.json")
    threshold, streams = report["threshold"], report["streams"]
    yield single(f"{name}_timestamp_seconds", "When the latest report was made.", seconds(manifest.made_at))
    yield single(f"{name}_threshold", "An alarm is a |z| above this.", threshold)
    yield single(f"{name}_alarms", "Streams in alarm.", sum(abs(stream["z"]) > threshold for stream in streams))
    yield gauge(
        f"{name}_z",
        "The statistic of each stream in the latest report.",
        [({"quantity": stream["quantity"], "aspect": stream["aspect"]}, stream["z"]) for stream in streams],
    )


def live(store: Store) -> Iterator[GaugeMetricFamily]:
    """Yield the live metrics, how many outcomes are known, and whether something is in alarm."""
    manifest = store.current(LIVE)
    if manifest is None:
        return
    metrics = store.document(manifest, f"{LIVE}.json")
    failed = sum(not check.passed for check in manifest.checks)
    yield single("live_predictions", "Patients with a prediction.", metrics["predictions"])
    yield single("live_outcomes", "Patients with a prediction whose outcome is known.", metrics["known"])
    yield single("live_alarm", "1 while the calibration or the recall is in alarm.", failed > 0)
    yield gauge(
        "live_metric",
        "Metric of the predictions, from the known outcomes.",
        [({"metric": name}, metric["value"]) for name, metric in metrics["metrics"].items()],
    )
    found = guard.assess(store, open_registry(store).standing())
    due, evidence = found.wanted == "rollback", found.evidence
    yield single("rollback_due", "1 while the evidence for a rollback is enough, and none was made.", due)
    if evidence is not None and evidence.previous:
        yield single("rollback_evidence", "Evidence that the champion is worse than the one before.", evidence.evidence)
        yield single("rollback_threshold", "The evidence at which it is to be rolled back.", evidence.threshold)
        yield single("rollback_patients", "Patients with a known outcome that both have scored.", evidence.patients)
