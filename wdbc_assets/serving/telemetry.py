"""Prometheus metrics. A single worker keeps them in memory; several write to a shared folder, and any of them can sum.

prometheus_client finds the folder in PROMETHEUS_MULTIPROC_DIR, which the supervisor sets. Counters of a worker that
died are kept; its gauges are dropped. No label contains a value that a client chose.

If the folder is removed, each worker recreates its files with its own values. Only histograms start again at 0.
"""

import asyncio
import contextlib
import logging
import os
import struct
import time
from collections import Counter as TallyOf
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from wdbc_assets import settings
from wdbc_assets.serving import output

_TRIES, _PAUSE_SECONDS = 3, 0.05

_generation = 0  # how often this worker's files were removed


def _process() -> str:
    """Return the name of this worker's files. prometheus_client recreates them when the name changes."""
    return f"{os.getpid()}-{_generation}" if _generation else str(os.getpid())


if settings.metrics_folder() is not None:
    values.ValueClass = values.MultiProcessValue(_process)  # type: ignore[no-untyped-call] # has no types
disable_created_metrics()  # type: ignore[no-untyped-call] # likewise

REGISTRY = CollectorRegistry()

REQUESTS = Counter(
    "wdbc_requests", "Requests, by route, method and status.", ["route", "method", "status"], registry=REGISTRY
)
SECONDS = Histogram(
    "wdbc_request_seconds",
    "Seconds from the request head to the end of the response.",
    ["route"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10),
    registry=REGISTRY,
)
PATIENTS = Counter("wdbc_patients", "Patients scored, by triage outcome.", ["triage"], registry=REGISTRY)
BREACHES = Counter(
    "wdbc_contract_breaches", "Values that violate the data contract, by rule.", ["rule"], registry=REGISTRY
)
OUTSIDE = Counter(
    "wdbc_outside_training",
    "Patients with a measurement outside the reference range of the training set.",
    registry=REGISTRY,
)
WORKING = Gauge("wdbc_requests_in_progress", "Requests in progress.", multiprocess_mode="livesum", registry=REGISTRY)
SERVING = Gauge(
    "wdbc_champion", "Workers that serve this version.", ["version"], multiprocess_mode="livesum",
    registry=REGISTRY,
)  # fmt: skip
REFUSED = Gauge(
    "wdbc_champion_refused",
    "1 while a new champion is rejected and the previous one stays in service.",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
STALE = Gauge(
    "wdbc_champion_stale", "1 while the store is unavailable.", multiprocess_mode="livemax", registry=REGISTRY
)
REFERS_EVERYONE = Gauge(
    "wdbc_service_refers_everyone",
    "1 while every patient is referred to a person.",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
KEYS_UNREADABLE = Gauge(
    "wdbc_keys_unreadable",
    "1 while the key file is missing or cannot be read.",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
CHALLENGER = Counter(
    "wdbc_challenger_patients", "Patients sent to the challenger, by outcome.", ["outcome"], registry=REGISTRY
)
SWAPS = Counter("wdbc_champion_swaps", "Champions loaded after the first.", registry=REGISTRY)
LINES_DROPPED = Counter(
    "wdbc_log_lines_dropped",
    "Log lines dropped because the reader stopped reading or closed the pipe.",
    registry=REGISTRY,
)

DRIFT_WATCHED = Gauge(
    "wdbc_drift_watched",
    "0 while a worker cannot sketch its patients, because there is no reference to compare them with.",
    multiprocess_mode="livemin",
    registry=REGISTRY,
)
SKETCHES = Counter(
    "wdbc_sketched_patients", "Patients of the drift sketches, by outcome.", ["outcome"], registry=REGISTRY
)
KEPT = Counter("wdbc_kept_predictions", "Predictions to be kept, by outcome.", ["outcome"], registry=REGISTRY)
UNWRITTEN = Gauge(
    "wdbc_records_unwritten",
    "1 while sketches or kept predictions cannot be written to Dagster's home.",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)

_COUNTERS = (REQUESTS, PATIENTS, BREACHES, OUTSIDE, CHALLENGER, SWAPS, LINES_DROPPED, SKETCHES, KEPT)
_GAUGES = (WORKING, SERVING, REFUSED, STALE, REFERS_EVERYONE, KEYS_UNREADABLE, DRIFT_WATCHED, UNWRITTEN)

logger = logging.getLogger("wdbc_assets.serving")

for _lines in (output.STDOUT, output.STDERR):
    _lines.on_drop = LINES_DROPPED.inc


@cache
def _route_metrics(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(route, method, status), SECONDS.labels(route)


def count(route: str, method: str, status: int, seconds: float) -> None:
    """Count a request after its response."""
    requests, durations = _route_metrics(route, method, status)
    requests.inc()
    durations.observe(seconds)


def count_patients(triage: Iterable[str], outside: int) -> None:
    """Count patients by triage outcome, and those outside the reference range of the training set."""
    for outcome, patients in TallyOf(triage).items():
        PATIENTS.labels(outcome).inc(patients)
    if outside:
        OUTSIDE.inc(outside)


def page() -> bytes:
    """Return the metrics of all workers in the Prometheus text format.

    Other workers create and remove files meanwhile. If reading them fails repeatedly, return this worker's metrics.
    """
    for _ in range(_TRIES):
        if (folder := settings.metrics_folder()) is None:
            break
        with contextlib.suppress(OSError, ValueError, RuntimeError, struct.error):
            return _sum_workers(folder)
        time.sleep(_PAUSE_SECONDS)
    return generate_latest(REGISTRY)


def _sum_workers(folder: Path) -> bytes:
    _remove_dead_gauges(folder)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call] # has no types
    return generate_latest(registry)


async def watch(seconds: float) -> None:
    """Check forever that this worker's files exist, and recreate them if they were removed."""
    while True:
        await asyncio.sleep(seconds)
        try:
            restore()
        except Exception as error:  # noqa: BLE001 -- the disk is full or the folder was removed again: retry at the next check
            logger.error("cannot restore the metrics: %s", type(error).__name__)  # noqa: TRY400 -- an expected error


def restore() -> None:
    """Recreate this worker's files if they were removed, with the values counted so far."""
    global _generation  # noqa: PLW0603 -- prometheus_client calls `_process` at every update
    folder = settings.metrics_folder()
    if folder is None or (folder / f"counter_{_process()}.db").exists():
        return
    counts = [(metric, _samples(metric)) for metric in _COUNTERS]
    states = [(metric, _samples(metric)) for metric in _GAUGES]
    _generation += 1
    for counter, samples in counts:
        for labels, value in samples:
            (counter.labels(**labels) if labels else counter).inc(value)
    for gauge, samples in states:
        for labels, value in samples:
            (gauge.labels(**labels) if labels else gauge).set(value)
    logger.error("the metrics folder was removed; recreated it with the values of this worker")


def _samples(metric: Counter | Gauge) -> list[tuple[dict[str, str], float]]:
    return [(sample.labels, sample.value) for family in metric.collect() for sample in family.samples]


def _remove_dead_gauges(folder: Path) -> None:
    for file in folder.glob("gauge_live*_*.db"):
        process = int(file.stem.rpartition("_")[2].partition("-")[0])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
        except PermissionError:
            continue
