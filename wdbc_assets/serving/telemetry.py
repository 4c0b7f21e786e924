"""Prometheus metrics. One worker counts in memory; several write into files of one folder, and any of them adds all up.

prometheus_client finds the folder in PROMETHEUS_MULTIPROC_DIR, which the parent of several workers sets. Counters of a
worker that died go on counting; its gauges are dropped. No label holds anything that a caller chose.

If the folder vanishes, each worker makes its files again, with its own counts; only those of its histograms begin at 0.
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

_generation = 0  # how often this worker's files vanished


def _process() -> str:
    """Return what names this worker's files. prometheus_client makes them again when it changes."""
    return f"{os.getpid()}-{_generation}" if _generation else str(os.getpid())


if settings.metrics_folder() is not None:
    values.ValueClass = values.MultiProcessValue(_process)  # type: ignore[no-untyped-call] # has no types
disable_created_metrics()  # type: ignore[no-untyped-call] # likewise

REGISTRY = CollectorRegistry()

REQUESTS = Counter("wdbc_requests", "requests answered", ["route", "method", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "wdbc_request_seconds",
    "seconds from a request's head to its answer",
    ["route"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10),
    registry=REGISTRY,
)
PATIENTS = Counter("wdbc_patients", "patients answered for, by the decision", ["decision"], registry=REGISTRY)
BREACHES = Counter("wdbc_contract_breaches", "cells that broke the contract", ["rule"], registry=REGISTRY)
OUTSIDE = Counter(
    "wdbc_outside_training", "patients with a measurement beyond those of the training part", registry=REGISTRY
)
WORKING = Gauge(
    "wdbc_requests_in_progress", "requests that are worked on", multiprocess_mode="livesum", registry=REGISTRY
)
SERVING = Gauge(
    "wdbc_champion", "workers that answer with this version", ["version"], multiprocess_mode="livesum",
    registry=REGISTRY,
)  # fmt: skip
REFUSED = Gauge(
    "wdbc_champion_refused",
    "1 while a new champion is refused and the earlier one goes on",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
STALE = Gauge(
    "wdbc_champion_stale", "1 while the store cannot be asked", multiprocess_mode="livemax", registry=REGISTRY
)
KEYS_UNREADABLE = Gauge(
    "wdbc_keys_unreadable",
    "1 while the key file is missing or cannot be read",
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
CHALLENGER = Counter(
    "wdbc_challenger_patients", "patients given to a challenger under test, by outcome", ["outcome"], registry=REGISTRY
)
SWAPS = Counter("wdbc_champion_swaps", "champions taken over after the first", registry=REGISTRY)
LINES_DROPPED = Counter(
    "wdbc_log_lines_dropped",
    "lines of the log that were not written: the reader stopped, or is gone",
    registry=REGISTRY,
)

_COUNTERS = (REQUESTS, PATIENTS, BREACHES, OUTSIDE, CHALLENGER, SWAPS, LINES_DROPPED)
_GAUGES = (WORKING, SERVING, REFUSED, STALE, KEYS_UNREADABLE)

logger = logging.getLogger("wdbc_assets.serving")

for _lines in (output.STDOUT, output.STDERR):
    _lines.on_drop = LINES_DROPPED.inc


@cache
def _of_route(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(route, method, status), SECONDS.labels(route)


def count(route: str, method: str, status: int, seconds: float) -> None:
    """Count a request that was answered."""
    requests, durations = _of_route(route, method, status)
    requests.inc()
    durations.observe(seconds)


def decided(sets: Iterable[str], outside: int) -> None:
    """Count patients by what was decided, and those unlike the training part."""
    for decision, patients in TallyOf(sets).items():
        PATIENTS.labels(decision).inc(patients)
    if outside:
        OUTSIDE.inc(outside)


def page() -> bytes:
    """Return the metrics of all workers in Prometheus' text format.

    Files may vanish, or be half made, while they are read: that is tried again, and at last this worker's are returned.
    """
    for _ in range(_TRIES):
        if (folder := settings.metrics_folder()) is None:
            break
        with contextlib.suppress(OSError, ValueError, RuntimeError, struct.error):
            return _of_all(folder)
        time.sleep(_PAUSE_SECONDS)
    return generate_latest(REGISTRY)


def _of_all(folder: Path) -> bytes:
    _forget_the_dead(folder)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call] # has no types
    return generate_latest(registry)


async def watch(seconds: float) -> None:
    """See for ever whether this worker's files are there, and make them again if they vanished."""
    while True:
        await asyncio.sleep(seconds)
        try:
            restore()
        except Exception as error:  # noqa: BLE001 -- the disk is full, or the folder went once more: at the next look
            logger.error("the metrics cannot be restored: %s", type(error).__name__)  # noqa: TRY400 -- no bug


def restore() -> None:
    """Make this worker's files again if they vanished, and put into them what it counted so far."""
    global _generation  # noqa: PLW0603 -- prometheus_client asks for it whenever it counts
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
    logger.error("the metrics folder vanished; it was made again, with what this worker counted")


def _samples(metric: Counter | Gauge) -> list[tuple[dict[str, str], float]]:
    return [(sample.labels, sample.value) for family in metric.collect() for sample in family.samples]


def _forget_the_dead(folder: Path) -> None:
    for file in folder.glob("gauge_live*_*.db"):
        process = int(file.stem.rpartition("_")[2].partition("-")[0])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
        except PermissionError:
            continue
