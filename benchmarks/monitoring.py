"""Monitoring: a big batch against `wdbc predict` of the same file, and the regular looks at a store of many batches.

The batch is read and stored first, unmeasured. Then `wdbc predict` and the assets `predictions` and `drift_report` take
turns as whole processes; both read the patients, and write predictions. The looks are measured in one process, after a
first one that imports and fills caches.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.measuring import Spread, cost_of, environment_in, in_turn, ratios
from benchmarks.report import Row, Table

PYTHON = sys.executable
SIZE, QUICK_SIZE = 1_000_000, 100_000
BATCHES, QUICK_BATCHES = 1_000, 20
_KEY = "20260105T000000Z-000000000000"
_TARGETS = {"tick of the sensor inbox_changed": 1.0, "tick of the sensor alerts": 1.0, "scrape of the exporter": 0.5}
_PATIENTS = 40  # of each of the many batches


def monitoring(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Measure a big batch, and a store with many."""
    size, count = (QUICK_SIZE, QUICK_BATCHES) if quick else (SIZE, BATCHES)
    rows = [*_big(folder, size, repetitions), *_many(folder, count, repetitions)]
    return Table("monitoring", "Monitoring: a big batch, and many batches", tuple(rows))


def _big(folder: Path, size: int, repetitions: int) -> list[Row]:
    environment = environment_in(folder)
    made = folder / "in.parquet"
    cost_of(_child("make-big", str(folder), str(made), str(size)), environment=environment)
    predict: Sequence[str] = (PYTHON, "-m", "wdbc_assets", "predict", str(made), str(folder / "out.parquet"))

    def make() -> Sequence[str]:
        for asset in ("predictions", "drift_report"):  # otherwise the store would only verify what it has
            shutil.rmtree(folder / "store" / asset, ignore_errors=True)
        return _child("assets", str(folder))

    ours, theirs = in_turn([make, lambda: predict], repetitions=repetitions, environment=environment)
    named = f"predictions and drift report, {size:,} rows"
    return [
        Row(f"{named}, CPU time", Spread.of([cost.cpu for cost in ours]), "s"),
        Row(f"{named}, to `wdbc predict`", ratios(ours, theirs, "cpu"), "x", 2.0),
        Row(f"{named}, peak memory", Spread.of([cost.peak for cost in ours]), "MiB", 600),
    ]


def _many(folder: Path, count: int, repetitions: int) -> list[Row]:
    below = folder / "many"
    environment = environment_in(below) | {"WDBC_INBOX": str(below / "inbox")}
    cost_of(_child("make-many", str(below), str(count)), environment=environment)
    output = folder / "looks.json"
    cost_of(_child("looks", str(output), str(repetitions)), environment=environment)
    return [
        Row(f"{what}, {count:,} batches, CPU time", Spread.of(seconds), "s", _TARGETS.get(what))
        for what, seconds in json.loads(output.read_bytes()).items()
    ]


def _child(*arguments: str) -> Sequence[str]:
    return (PYTHON, "-m", "benchmarks.monitoring", *arguments)


def make_big(folder: Path, path: Path, size: int) -> None:
    """Write a file of patients, and a store that has it as an incoming batch."""
    from wdbc_assets.domain.data import contract
    from wdbc_assets.scoring import incoming
    from wdbc_assets_tests import builders, monitored

    builders.table_of(size).drop(columns=contract.DIAGNOSIS).to_parquet(path, index=False)
    store = monitored.make_store(folder / "store")
    batch = incoming.read(str(path), pseudonym=lambda patient: patient)
    store.commit(store.draft("incoming_batch", batch, run_id="a-run", partition=_KEY), run_id="a-run")


def make_assets(folder: Path) -> None:
    """Make predictions and the drift report of the stored batch, and store them."""
    from wdbc_assets import settings
    from wdbc_assets.pipeline import batch_functions
    from wdbc_assets.pipeline.calls import ScoringContext
    from wdbc_assets.store.store import open_store

    store = open_store(str(folder / "store"), relative_to=folder)
    batch = store.handle("incoming_batch", partition=_KEY).load()
    champion, clean, evaluated = (store.handle(name) for name in ("champion", "clean_frame", "cross_validation"))
    versions = {"champion": champion.manifest.version}
    predictions = batch_functions.predictions(batch, champion.load(), versions, ScoringContext())
    weekly = settings.DriftParameters(drift_cadence="weekly")
    report = batch_functions.drift_report(
        batch, predictions, clean.load(), evaluated.load(), weekly, _KEY, earlier=(), rebased=None
    )
    for asset, value in (("predictions", predictions), ("drift_report", report)):
        store.commit(store.draft(asset, value, run_id="a-run", partition=_KEY), run_id="a-run")


def make_many(folder: Path, count: int) -> None:
    """Make a store with many batches. All have the same patients; predictions and reports differ in one value."""
    from dataclasses import replace
    from datetime import UTC, datetime, timedelta

    from wdbc_assets.store import table_files
    from wdbc_assets_tests import monitored

    folder.mkdir(parents=True)
    store = monitored.make_store(folder / "store")
    monitored.store_batch(store, _KEY, monitored.patients(_PATIENTS))
    batch, predictions, report = (
        store.handle(asset, partition=_KEY).load() for asset in ("incoming_batch", "predictions", "drift_report")
    )
    scored = predictions.patients.frame()
    first = datetime(2026, 1, 5, tzinfo=UTC)
    for day in range(1, count):
        key = f"{first + timedelta(days=day):%Y%m%dT%H%M%SZ}-{day:012x}"
        moved = replace(
            predictions, patients=table_files.write([scored.assign(log_odds=scored["log_odds"] + day * 1e-9)])
        )
        for asset, value in (
            ("incoming_batch", batch), ("predictions", moved), ("drift_report", replace(report, batch=key)),
        ):  # fmt: skip
            store.commit(store.draft(asset, value, run_id=f"run-{day}", partition=key), run_id=f"run-{day}")


def look(repetitions: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each regular look at the store of the environment."""
    import dagster as dg

    from wdbc_assets import settings
    from wdbc_assets.monitoring.exporter.collector import PlatformCollector
    from wdbc_assets.orchestration import alerting, inbox_sensor, resources
    from wdbc_assets.orchestration.instance import open_instance
    from wdbc_assets.pipeline import staleness

    config = settings.load()
    store = config.open_store()
    both = {"store": resources.StoreResource(), "inbox": resources.InboxResource()}

    def tick() -> object:
        with open_instance() as instance, dg.build_sensor_context(instance=instance, resources=both) as context:
            return inbox_sensor.inbox_changed(context)

    looks: dict[str, Callable[[], object]] = {
        "tick of the sensor inbox_changed": tick,
        "tick of the sensor alerts": lambda: alerting.look(store, config, open_instance),
        "scrape of the exporter": lambda: list(PlatformCollector(store, config, open_instance).collect()),
        "wdbc status": lambda: staleness.assess(store, config),
    }
    return {what: [_cpu(work) for _ in range(repetitions + 1)][1:] for what, work in looks.items()}


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make-big", folder, path, size]:
            make_big(Path(folder), Path(path), int(size))
        case ["assets", folder]:
            make_assets(Path(folder))
        case ["make-many", folder, count]:
            make_many(Path(folder), int(count))
        case ["looks", output, repetitions]:
            Path(output).write_text(json.dumps(look(int(repetitions))))
