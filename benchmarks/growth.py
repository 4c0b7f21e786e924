"""How the cost of the data stages grows with the number of rows: reading, cleaning, splitting, storing, reading back.

Each size runs through all stages in a separate process. The table is synthetic and satisfies the contract.
"""

import io
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measuring import Spread, cost_of, environment_in
from benchmarks.report import Row, Table

SIZES, QUICK_SIZES = (569, 10_000, 100_000, 1_000_000), (569, 10_000)
_SLOPE_FROM = 10_000  # below, constant costs dominate
_CHECKED = "read, clean and check"


def growth(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Measure all sizes; report CPU time at the largest one, and the exponents of time and memory."""
    sizes = QUICK_SIZES if quick else SIZES
    measured: dict[int, list[dict[str, Any]]] = {}
    for rows in sizes:
        path = folder / f"{rows}.csv"
        _write_table(path, rows, environment=environment_in(folder))
        measured[rows] = [_child(folder, path) for _ in range(repetitions)]
        path.unlink()
    rows, largest = sizes[-1], measured[sizes[-1]]
    shown = []
    for stage in largest[0]["stages"]:
        shown.append(Row(f"{stage}, {rows:,} rows, CPU time", _spread(largest, stage, "cpu"), "s"))
        if not quick:
            shown.append(Row(f"{stage}, exponent of CPU time", _exponent(measured, stage, "cpu"), "", 1.1))
            shown.append(Row(f"{stage}, exponent of memory", _exponent(measured, stage, "peak"), "", 1.1))
    to_parse = [run["stages"][_CHECKED]["cpu"] / run["parse"] for run in largest]
    to_frame = [run["stages"][_CHECKED]["peak"] / run["frame"] for run in largest]
    time_target, memory_target = (None, None) if quick else (8, 3)
    shown.append(Row(f"{_CHECKED}, {rows:,} rows, to pandas' parsing", Spread.of(to_parse), "x", time_target))
    shown.append(Row(f"{_CHECKED}, {rows:,} rows, memory to the frame's", Spread.of(to_frame), "x", memory_target))
    return Table("growth", f"Growth from {sizes[0]} to {rows:,} rows", tuple(shown))


def _spread(runs: list[dict[str, Any]], stage: str, attribute: str) -> Spread:
    return Spread.of([run["stages"][stage][attribute] for run in runs])


def _exponent(measured: dict[int, list[dict[str, Any]]], stage: str, attribute: str) -> Spread:
    """Return the slope between two sizes on logarithmic scales."""
    first, last = _SLOPE_FROM, max(measured)
    low, high = (_spread(measured[rows], stage, attribute).median for rows in (first, last))
    return Spread.of([math.log(high / low) / math.log(last / first)])


def _write_table(path: Path, rows: int, *, environment: dict[str, str]) -> None:
    # In a separate process, so that this one stays small.
    code = f"""
import pathlib, sys
from wdbc_assets_tests import builders
pathlib.Path(sys.argv[1]).write_bytes(builders.as_uci_csv(builders.table_of({rows})))
"""
    cost_of((sys.executable, "-c", code, str(path)), environment=environment)


def _child(folder: Path, path: Path) -> dict[str, Any]:
    output = folder / "growth.json"
    command = (sys.executable, "-m", "benchmarks.growth", str(path), str(folder / f"store-{path.stem}"), str(output))
    cost_of(command, environment=environment_in(folder))
    plain: dict[str, Any] = json.loads(output.read_bytes())
    return plain


class _Stages:
    """Measures stages of this process: CPU seconds, and MiB above the resident memory at the start."""

    def __init__(self) -> None:
        self.costs: dict[str, dict[str, float]] = {}
        self.start = _resident("VmRSS")

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        begun = time.process_time()
        yield
        self.costs[name] = {"cpu": time.process_time() - begun, "peak": _resident("VmHWM") - self.start}


def _resident(field: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def _measured(path: Path, store_folder: Path) -> dict[str, Any]:
    import pandas as pd

    from wdbc_assets.domain.data import cleaning, reading, splitting
    from wdbc_assets.domain.rules import schemas
    from wdbc_assets.store.store import open_store

    _warm_up()
    content = path.read_bytes()
    begun = time.process_time()
    pd.read_csv(io.BytesIO(content), header=None)
    parse = time.process_time() - begun

    stages = _Stages()
    with stages.measured(_CHECKED):
        table = reading.read(content)
        findings = schemas.validate_raw(table)
        frame = cleaning.clean(table)
        del table
        findings += schemas.validate_clean(frame)
    with stages.measured("split and check"):
        split = splitting.split(frame)
        findings += schemas.validate_split(split, frame)
    if broken := [finding.rule for finding in findings if not finding.passed and finding.blocking]:
        raise ValueError(f"the synthetic table breaks {broken}")
    store = open_store(str(store_folder), relative_to=Path.cwd())
    with stages.measured("store"):
        for asset, value in (("raw_data", content), ("clean_frame", frame), ("train_test_split", split)):
            store.commit(store.draft(asset, value, run_id="growth"), run_id="growth")
    size = frame.memory_usage(deep=True).sum() / 2**20
    del frame, split, value
    with stages.measured("read back"):
        for asset in ("raw_data", "clean_frame", "train_test_split"):
            store.handle(asset).load()
    return {"stages": stages.costs, "parse": parse, "frame": size}


def _warm_up() -> None:
    """Import what the stages import, so that imports are not measured."""
    import sklearn.model_selection  # noqa: F401

    from wdbc_assets.domain.data import reading
    from wdbc_assets.domain.rules import schemas
    from wdbc_assets.sources import bundled

    schemas.validate_raw(reading.read(bundled.content()))


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(_measured(Path(sys.argv[1]), Path(sys.argv[2]))))
