"""Scoring: the compiled scorer against scikit-learn, and `wdbc predict` against reading and writing alone.

The patients are synthetic and satisfy the contract. Scorer and scikit-learn take turns within one process, on the same
rows; `wdbc predict` of the file, or of a folder that contains it, by two processes, and the plain script are whole
processes that take turns.
"""

import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, Spread, cost_of, environment_in, in_turn, ratios
from benchmarks.report import Row, Table

PYTHON = sys.executable
MILLION = 1_000_000
FLOORS = {"logistic": 20.0, "spline": 8.0, "pca_logistic": 9.0}  # million rows per CPU second
_PIECE = MILLION  # rows of a file that are synthesised at a time
_GROUP = 2**17  # rows of a row group, which a process scores at a time if the file is in a folder
_SINGLE = 300  # calls with one row; the median is reported


def scoring(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Measure the scorer on arrays and on a single row, and the command on files."""
    sizes = (MILLION // 10,) if quick else (MILLION, 10 * MILLION)
    rows: list[Row] = []
    for recipe, floor in FLOORS.items():
        measured = [_child(folder, recipe, sizes) for _ in range(repetitions)]
        for size in sizes:
            compiled = Spread.of([size / run["compiled"][str(size)] / MILLION for run in measured])
            rows.append(Row(f"`{recipe}`, compiled, {size:,} rows", compiled, "M rows/CPU s", floor=floor))
        plain = Spread.of([sizes[0] / run["scikit-learn"] / MILLION for run in measured])
        rows.append(Row(f"`{recipe}`, scikit-learn, {sizes[0]:,} rows", plain, "M rows/CPU s"))
        single = Spread.of([run["single"]["scikit-learn"] / run["single"]["compiled"] for run in measured])
        rows.append(Row(f"`{recipe}`, one row, scikit-learn to compiled", single, "x", floor=50))
        microseconds = Spread.of([1e6 * run["single"]["compiled"] for run in measured])
        rows.append(Row(f"`{recipe}`, one row, compiled", microseconds, "µs"))
    rows += _predict(folder, sizes[-1], repetitions)
    return Table("scoring", "Scoring: arrays, single rows, and files", tuple(rows))


def _predict(folder: Path, size: int, repetitions: int) -> list[Row]:
    environment = environment_in(folder)
    made, out, plain = folder / "in.parquet", folder / "out.parquet", folder / "plain.parquet"
    cost_of((PYTHON, "-m", "benchmarks.scoring", "make", str(made), str(size), str(folder)), environment=environment)
    predict: Sequence[str] = (PYTHON, "-m", "wdbc_assets", "predict", str(made), str(out))
    copy: Sequence[str] = (PYTHON, str(ROOT / "benchmarks" / "plain_copy.py"), str(made), str(plain))
    dataset = folder / "dataset"
    dataset.mkdir()
    (dataset / made.name).hardlink_to(made)

    def predict_folder() -> Sequence[str]:
        shutil.rmtree(folder / "scored", ignore_errors=True)
        return (PYTHON, "-m", "wdbc_assets", "predict", str(dataset), str(folder / "scored"))

    ours, theirs, folders = in_turn(
        [lambda: predict, lambda: copy, predict_folder],
        repetitions=repetitions,
        environment=environment | {"WDBC_WORKERS": "2"},
    )
    for place in ("store", "dataset", "scored"):
        shutil.rmtree(folder / place)
    for path in (made, out, plain):
        path.unlink()
    named = f"`wdbc predict`, {size:,} rows"
    speed = Spread.of([size / cost.cpu / MILLION for cost in ours])
    peak = Spread.of([cost.peak for cost in ours])
    return [
        Row(named, speed, "M rows/CPU s"),
        Row(f"{named}, speed to reading and writing alone", ratios(theirs, ours, "cpu"), "x", floor=0.5),
        Row(f"{named}, peak memory", peak, "MiB", 400),
        Row(f"{named} in a folder, rows per CPU second to one file", ratios(ours, folders, "cpu"), "x", floor=0.8),
        Row(f"{named} in a folder, largest process", Spread.of([cost.peak for cost in folders]), "MiB", 400),
    ]


def _child(folder: Path, recipe: str, sizes: Sequence[int]) -> dict[str, Any]:
    output = folder / f"{recipe}.json"
    command = (PYTHON, "-m", "benchmarks.scoring", "measure", recipe, str(output), *map(str, sizes))
    cost_of(command, environment=environment_in(folder))
    plain: dict[str, Any] = json.loads(output.read_bytes())
    return plain


def _measured(recipe: str, sizes: Sequence[int]) -> dict[str, Any]:
    import numpy as np
    from threadpoolctl import threadpool_limits

    from wdbc_assets.domain.data import contract
    from wdbc_assets_tests import builders, champions

    bundle = champions.bundle(recipe)
    compiled = bundle.scorer
    if compiled is None:
        raise ValueError(f"{recipe} is not compiled")
    frame = builders.table_of(sizes[0])[list(contract.FEATURES)]
    X = np.ascontiguousarray(frame.to_numpy())
    row, row_frame = X[:1].copy(), frame.iloc[:1]
    measured: dict[str, Any] = {"compiled": {}}
    with threadpool_limits(limits=1):
        compiled.probabilities(X[:1000])
        for size in sizes:
            # 10 million rows of float64 exceed the memory of many machines: score the same million ten times.
            measured["compiled"][size] = _cpu(partial(compiled.probabilities, X), size // len(X))
        measured["scikit-learn"] = _cpu(lambda: bundle.pipeline.predict_proba(frame))
        measured["single"] = {
            "compiled": _median(lambda: compiled.probabilities(row)),
            "scikit-learn": _median(lambda: bundle.pipeline.predict_proba(row_frame)),
        }
        difference = float(np.abs(bundle.pipeline.predict_proba(frame)[:, 1] - compiled.probabilities(X)).max())
    if difference > 1e-12:
        raise ValueError(f"scorer and scikit-learn differ by {difference}: comparing their speeds would mean nothing")
    return measured


def _cpu(work: Callable[[], object], times: int = 1) -> float:
    begun = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - begun


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_SINGLE):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _make(path: Path, size: int, folder: Path) -> None:
    """Write synthetic patients piece by piece, and a store with a champion that scores them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from wdbc_assets.domain.data import contract
    from wdbc_assets_tests import builders, champions

    champions.make_champion(folder / "store", "pca_logistic")
    writer = None
    for number, begin in enumerate(range(0, size, _PIECE)):
        table = builders.table_of(min(_PIECE, size - begin), seed=number).drop(columns=contract.DIAGNOSIS)
        piece = pa.Table.from_pandas(table, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, piece.schema)
        writer.write_table(piece, row_group_size=_GROUP)
    if writer is not None:
        writer.close()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        _make(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
    else:
        Path(sys.argv[3]).write_text(json.dumps(_measured(sys.argv[2], [int(size) for size in sys.argv[4:]])))
