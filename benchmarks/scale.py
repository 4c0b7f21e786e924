"""`python -m benchmarks.scale`: training on a table of many partitions, by sums, on the local engine with one process
and with two, whose start is measured too.

The table is synthetic, satisfies the contract, and is written as Parquet, up to 100,000 rows a file. It is validated,
cleaned, split, fitted with a search, and evaluated: test metrics and the decision policy. One of the outer folds of
`wdbc evaluate`, with its whole search, is measured for itself. Peak memory is the largest resident set of a process,
files mapped into it included. At the size of the comparison, scikit-learn's GridSearchCV searches the same candidates
on the same folds. `wdbc run` trains on the same folder with two worker processes, as a table of ten times as many rows
as it may hold in memory.
"""

import itertools
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks import report
from benchmarks.measuring import Spread, cost_of, environment_in
from benchmarks.report import Row, Table

SIZES = (100_000, 1_000_000)
PART, FEWEST_PARTS = 100_000, 8
OUTPUT = Path("benchmarks") / "scale.json"
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
_STAGES = ("validate", "clean", "fit", "evaluate")


@click.command()
@click.option("--rows", type=click.IntRange(1_000), multiple=True, default=SIZES, show_default=True)
@click.option("--recipe", type=click.Choice(["logistic", "spline"]), default="logistic", show_default=True)
@click.option("--compare", type=click.IntRange(0), default=SIZES[-1], show_default=True, help="Rows, or 0 for none.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=OUTPUT, show_default=True)
def main(*, rows: tuple[int, ...], recipe: str, compare: int, output: Path) -> None:
    """Measure how training on partitions grows with the rows, write JSON and a picture, and print the table."""
    measured: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="wdbc-scale-") as name:
        folder = Path(name)
        for size in sorted(set(rows)):
            _run(folder, "write", size, recipe, 0)
            for workers in (1, 2):
                click.echo(f"measuring {size:,} rows with {workers} worker processes ...", err=True)
                measured[f"{size} {workers}"] = _run(folder, "ours", size, recipe, workers)
            click.echo(f"measuring `wdbc run` with {size:,} rows ...", err=True)
            measured[f"{size} run"] = _command(folder, size, recipe)
            if size == compare:
                click.echo(f"measuring GridSearchCV with {size:,} rows ...", err=True)
                measured["theirs"] = _run(folder, "theirs", size, recipe, 1)
    table = _table(measured, recipe, sorted(set(rows)), compare)
    click.echo(f"\n{table.text()}\n")
    plain = report.as_json([table], repetitions=1, quick=False) | {"measured": measured}
    output.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    output.with_suffix(".svg").write_text(_picture(measured, sorted(set(rows))), encoding="utf-8")
    click.echo(f"written to {output} and {output.with_suffix('.svg')}")


def _run(folder: Path, which: str, size: int, recipe: str, workers: int) -> dict[str, Any]:
    output = folder / "measured.json"
    command = (sys.executable, "-m", "benchmarks.scale", f"--{which}", str(folder), str(size), recipe, str(workers))
    cost_of((*command, str(output)), environment=environment_in(folder) | _ONE_THREAD)
    found: dict[str, Any] = json.loads(output.read_bytes())
    return found


def _command(folder: Path, size: int, recipe: str) -> dict[str, float]:
    """Return wall time, CPU time and the peak of a process of `wdbc run`, from the folder to the metrics."""
    place = folder / f"run-{size}"
    place.mkdir()
    settings = {
        "SOURCE": folder / f"raw-{size}",
        "ROWS_IN_MEMORY": size // 10,
        "LARGEST_BYTES": 10**12,
        "TOTAL_SECONDS": 3_600,
        "SPLIT_METHOD": "hash",
        "RECIPE": recipe,
        "SEARCH_REPEATS": 1,
        "BOOTSTRAP": 200,
        "ENGINE": "local",
        "WORKERS": 2,
    }
    environment = environment_in(place) | {f"WDBC_{name}": str(value) for name, value in settings.items()}
    begun = time.perf_counter()
    cost = cost_of((sys.executable, "-m", "wdbc_assets", "run"), environment=environment)
    return {"all": time.perf_counter() - begun, "cpu": cost.cpu, "peak": cost.peak}


def _table(measured: dict[str, Any], recipe: str, sizes: Sequence[int], compare: int) -> Table:
    rows = []
    for size in sizes:
        one, two = measured[f"{size} 1"], measured[f"{size} 2"]
        rows += [Row(f"{stage}, {size:,} rows, one worker, wall", Spread.of([one[stage]]), "s") for stage in _STAGES]
        rows.append(Row(f"all, {size:,} rows, one worker, CPU time", Spread.of([one["cpu"]]), "s"))
        rows.append(Row(f"one fold of wdbc evaluate, {size:,} rows, CPU time", Spread.of([one["fold cpu"]]), "s"))
        rows.append(
            Row(f"{size:,} rows, one worker to two, wall time", Spread.of([one["all"] / two["all"]]), "x", None, 1.5)
        )
        peak = max(one["peak"], two["peak"]) / 1024
        rows.append(Row(f"{size:,} rows, largest peak of a process", Spread.of([peak]), "GiB", 3))
        whole = measured[f"{size} run"]
        rows.append(Row(f"wdbc run, {size:,} rows, wall time", Spread.of([whole["all"]]), "s"))
        rows.append(Row(f"wdbc run, {size:,} rows, CPU time", Spread.of([whole["cpu"]]), "s"))
        rows.append(Row(f"wdbc run, {size:,} rows, largest process", Spread.of([whole["peak"] / 1024]), "GiB", 3))
    if len(sizes) > 1:
        for which, name in (("1", "one worker"), ("run", "wdbc run")):
            for of in ("cpu", "all"):
                low, high = (measured[f"{size} {which}"][of] for size in (sizes[0], sizes[-1]))
                exponent = math.log(high / low) / math.log(sizes[-1] / sizes[0])
                kind = "CPU" if of == "cpu" else "wall"
                rows.append(Row(f"exponent of {kind} time, {name}", Spread.of([exponent]), "", 1.1))
    if "theirs" in measured:
        ours, theirs = measured[f"{compare} 1"], measured["theirs"]
        rows.append(Row(f"search and fit, {compare:,} rows, ours, CPU time", Spread.of([ours["fit cpu"]]), "s"))
        rows.append(Row(f"search and fit, {compare:,} rows, GridSearchCV, CPU time", Spread.of([theirs["cpu"]]), "s"))
        ratio = theirs["cpu"] / ours["fit cpu"]
        rows.append(Row("CPU time, GridSearchCV to ours", Spread.of([ratio]), "x", None, 3))
        pairs = zip(ours["scores"], theirs["scores"], strict=True)
        rows.append(Row("largest difference of a mean score", Spread.of([max(abs(a - b) for a, b in pairs)]), "", 1e-6))
    return Table("scale", f"Training the recipe {recipe} on partitions, one repeat of 5 folds", tuple(rows))


def _picture(measured: dict[str, Any], sizes: Sequence[int]) -> str:
    """Return time and memory over the rows on logarithmic scales, as SVG."""
    import io

    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    time_of, memory_of = figure.subplots(1, 2)
    for workers, marker in ((1, "o"), (2, "s")):
        found = [measured[f"{size} {workers}"] for size in sizes]
        name = f"{workers} worker{'s' if workers > 1 else ''}"
        time_of.loglog(sizes, [one["all"] for one in found], marker=marker, label=name)
        memory_of.semilogx(sizes, [one["peak"] / 1024 for one in found], marker=marker, label=name)
    time_of.loglog(
        sizes, [measured[f"{sizes[0]} 1"]["all"] * size / sizes[0] for size in sizes], ":", label="proportional"
    )
    time_of.set(xlabel="Rows", ylabel="Seconds", title="Validate, clean, search, fit, evaluate")
    memory_of.set(xlabel="Rows", ylabel="GiB", title="Largest process")
    memory_of.set_ylim(bottom=0)
    time_of.legend(frameon=False)
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata={"Date": None})
    return sink.getvalue()


def _places(folder: Path) -> list[tuple[Path, int]]:
    """Return the files of a table, each with the number of its first line within the table."""
    import pyarrow.parquet as pq

    paths = sorted(folder.iterdir())
    ends = itertools.accumulate((pq.ParquetFile(path).metadata.num_rows for path in paths), initial=1)
    return list(zip(paths, ends, strict=False))


def _raw(place: tuple[Path, int]) -> Any:
    import pandas as pd
    import pyarrow.parquet as pq

    from wdbc_assets.domain.data import reading

    path, first = place
    frame = pq.ParquetFile(path).read(use_threads=False).to_pandas(use_threads=False)
    frame["id"] = frame["id"].astype("Int64")
    frame.index = pd.RangeIndex(first, first + len(frame), name=reading.LINE)
    return reading.RawTable(frame, ())


def _cleaned(folder: Path, part: Any) -> str:
    """Store the cleaned partition, as arrays that can be mapped into memory, by the number of its first line."""
    import numpy as np

    from wdbc_assets.domain.data import cleaning
    from wdbc_assets.domain.data.partitions import Patients

    patients = Patients.of(cleaning.clean(part))
    name_of_part = f"{part.frame.index[0]:010}"
    place = folder / name_of_part
    place.mkdir()
    for name, array in vars(patients).items():
        np.save(place / f"{name}.npy", array)
    return name_of_part


def _patients(place: Path) -> Any:
    import numpy as np

    from wdbc_assets.domain.data.partitions import Patients

    return Patients(**{name: np.load(place / f"{name}.npy", mmap_mode="r") for name in ("X", "y", "digests")})


def _write(folder: Path, size: int) -> dict[str, Any]:
    from wdbc_assets_tests import builders

    place = folder / f"raw-{size}"
    place.mkdir()
    part = min(PART, -(-size // FEWEST_PARTS))
    for number, start in enumerate(range(0, size, part)):
        table = builders.table_of(min(part, size - start), seed=number)
        table["id"] += number * 10**9
        table.reset_index(drop=True).to_parquet(place / f"part-{number:04}.parquet")
    return {}


def _ours(folder: Path, size: int, recipe: str, workers: int) -> dict[str, Any]:
    from wdbc_assets.domain.evaluation import metrics, summed_cross_validation, summed_policy
    from wdbc_assets.domain.evaluation.cross_validation import FoldUnit
    from wdbc_assets.domain.modeling import summed_fit, summed_scores
    from wdbc_assets.domain.rules import findings
    from wdbc_assets.domain.rules import partitions as rules
    from wdbc_assets.pipeline.engines import partitioned
    from wdbc_assets.pipeline.engines.local import Local

    raw = _places(folder / f"raw-{size}")
    cleaned = folder / f"clean-{size}-{workers}"
    cleaned.mkdir()
    engine = Local(workers)
    found: dict[str, Any] = {}
    begun = time.perf_counter()

    def lap(stage: str) -> None:
        found[stage] = time.perf_counter() - begun - sum(found.get(one, 0.0) for one in _STAGES)

    with partitioned.opened(engine, _raw, raw) as table:
        if refusal := findings.refusal(rules.validate_raw(table), f"raw-{size}"):
            raise refusal
        lap("validate")
        names = table.map(partial(_cleaned, cleaned))
        lap("clean")
    places = [cleaned / name for name in names]
    before = _cpu()
    with partitioned.opened(engine, _patients, places) as patients:
        fitted = summed_fit.search(patients, recipe=recipe, repeats=1).fit()
        lap("fit")
    found["fit cpu"] = _cpu() - before
    with partitioned.opened(engine, _patients, places) as patients:
        y, p = summed_scores.scores(patients, fitted, test_size=0.2, split_seed=42)
        tested = metrics.evaluate(y, p, bootstrap=metrics.FEWEST_RESAMPLES)
        policy = summed_policy.derive(patients, fitted)
        lap("evaluate")
    found["all"] = time.perf_counter() - begun
    found["cpu"] = _cpu()
    found["peak"] = max(resource.getrusage(whose).ru_maxrss for whose in _WHOSE) / 1024
    found["scores"] = [one.mean_score for one in fitted.candidates]
    found["winner"], found["log_loss"] = fitted.winner, tested.log_loss.value
    found["threshold"] = policy.threshold
    before = _cpu()
    with partitioned.opened(engine, _patients, places) as patients:
        summed_cross_validation.fit_without_fold(patients, FoldUnit(recipe, 0, 0, "hash"))
    found["fold cpu"] = _cpu() - before
    return found


def _cpu() -> float:
    """Return the CPU seconds of this process and of its workers that have ended."""
    used = [resource.getrusage(whose) for whose in _WHOSE]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _theirs(folder: Path, size: int, recipe: str) -> dict[str, Any]:
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import GridSearchCV

    from wdbc_assets.domain.data import contract, membership
    from wdbc_assets.domain.modeling import recipes, search

    parts = [_patients(place) for place in sorted((folder / f"clean-{size}-1").iterdir())]
    digests = np.concatenate([part.digests for part in parts])
    kept = ~membership.in_test_set(digests, test_size=0.2, seed=42)
    X = pd.DataFrame(np.concatenate([part.X for part in parts])[kept], columns=list(contract.FEATURES))
    y = np.concatenate([part.y for part in parts])[kept].astype(np.int64)
    definition = recipes.named(recipe)
    grid = [{key: [value] for key, value in one.items()} for one in definition.candidates("full")]
    folds = list(search.drawn(X, y, folds=5, repeats=1, shuffle_seed=recipes.SEARCH_SEED, method="hash"))
    model = GridSearchCV(definition.build(42), grid, scoring=definition.scoring, cv=folds, error_score="raise")
    begun = time.process_time()
    model.fit(X, y)
    cpu = time.process_time() - begun
    return {"cpu": cpu, "scores": model.cv_results_["mean_test_score"].tolist()}


def _child(which: str, name: str, size: str, recipe: str, workers: str, output: str) -> None:
    folder = Path(name)
    measured = {
        "--write": lambda: _write(folder, int(size)),
        "--ours": lambda: _ours(folder, int(size), recipe, int(workers)),
        "--theirs": lambda: _theirs(folder, int(size), recipe),
    }[which]()
    Path(output).write_text(json.dumps(measured))


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("--write", "--ours", "--theirs"):
        _child(*sys.argv[1:])
    else:
        main()
