"""What Prometheus is told. Each worker writes its part into files of one folder; whichever is asked adds all up.

prometheus_client finds the folder in PROMETHEUS_MULTIPROC_DIR, which `wdbc serve` sets. Counters of a worker that died
go on counting; its gauges are dropped. No label holds anything that a caller chose.
"""

import os
from collections import Counter as TallyOf
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Counter("wdbc_requests", "requests answered", ["route", "method", "status"])
SECONDS = Histogram(
    "wdbc_request_seconds",
    "seconds from a request's head to its answer",
    ["route"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10),
)
PATIENTS = Counter("wdbc_patients", "patients answered for, by the decision", ["decision"])
BREACHES = Counter("wdbc_contract_breaches", "cells that broke the contract", ["rule"])
OUTSIDE = Counter("wdbc_outside_training", "patients with a measurement beyond those of the training part")
WORKING = Gauge("wdbc_requests_in_progress", "requests that are worked on", multiprocess_mode="livesum")
SERVING = Gauge("wdbc_champion", "workers that answer with this version", ["version"], multiprocess_mode="livesum")
REFUSED = Gauge(
    "wdbc_champion_refused",
    "1 while a new champion is refused and the earlier one goes on",
    multiprocess_mode="livemax",
)
STALE = Gauge("wdbc_champion_stale", "1 while the store cannot be asked", multiprocess_mode="livemax")
KEYS_UNREADABLE = Gauge("wdbc_keys_unreadable", "1 while the file of keys cannot be read", multiprocess_mode="livemax")
CHALLENGER = Counter("wdbc_challenger_patients", "patients given to a challenger on trial, by outcome", ["outcome"])
SWAPS = Counter("wdbc_champion_swaps", "champions taken over after the first")


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


def page(folder: Path) -> bytes:
    """Return the figures of all workers in Prometheus' text form."""
    _forget_the_dead(folder)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call] # has no types
    return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    for file in folder.glob("gauge_live*_*.db"):
        process = int(file.stem.rpartition("_")[2])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
        except PermissionError:
            continue
