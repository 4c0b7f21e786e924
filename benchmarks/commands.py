"""Commands as whole processes: a cold run, an unchanged run, small commands, loading the definitions."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measuring import ROOT, Cost, Prepare, Spread, environment_in, in_turn, ratios
from benchmarks.report import Row, Table

PYTHON = sys.executable
WDBC = (PYTHON, "-m", "wdbc_assets")
_SAME_METRICS = 1e-6  # the two fit with different numbers of threads, which changes the last digits


def cold(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Compare a run without earlier results or Dagster history with the plain script."""

    def run() -> Sequence[str]:
        for name in ("store", "home"):
            shutil.rmtree(folder / name, ignore_errors=True)
        return (*WDBC, "run", "--recipe", "logistic", "--grid", "small")

    runs, scripts = in_turn([run, _plain(folder)], repetitions=repetitions, environment=environment_in(folder))
    _require_same_metrics(folder)
    return Table(
        "cold",
        "Cold `wdbc run --recipe logistic --grid small` against a plain script of the same five steps",
        (
            Row("`wdbc run`, CPU time", _spread(runs, "cpu"), "s"),
            Row("plain script, CPU time", _spread(scripts, "cpu"), "s"),
            Row("CPU time, run to script", ratios(runs, scripts, "cpu"), "x", 1.5),
            Row("peak memory, run to script", ratios(runs, scripts, "peak"), "x", 1.25),
        ),
    )


def unchanged(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Compare a run that finds everything up to date with the plain script, which always recomputes."""
    run: Sequence[str] = (*WDBC, "run", "--recipe", "logistic", "--grid", "small")
    runs, scripts = in_turn([lambda: run, _plain(folder)], repetitions=repetitions, environment=environment_in(folder))
    return Table(
        "unchanged",
        "Unchanged `wdbc run` against the same plain script",
        (
            Row("`wdbc run`, CPU time", _spread(runs, "cpu"), "s"),
            Row("CPU time, run to script", ratios(runs, scripts, "cpu"), "x", 0.5),
        ),
    )


def verify(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Compare recomputing all five assets with the run that made them: the default recipe, all candidates."""

    def run() -> Sequence[str]:
        for name in ("store", "home"):
            shutil.rmtree(folder / name, ignore_errors=True)
        return (*WDBC, "run")

    runs, verified = in_turn(
        [run, lambda: (*WDBC, "verify")], repetitions=repetitions, environment=environment_in(folder)
    )
    return Table(
        "verify",
        "`wdbc verify` of the five assets against the cold `wdbc run` that made them",
        (
            Row("`wdbc verify`, CPU time", _spread(verified, "cpu"), "s"),
            Row("`wdbc run`, CPU time", _spread(runs, "cpu"), "s"),
            Row("CPU time, verify to run", ratios(verified, runs, "cpu"), "x", 1.2),
            Row("peak memory, verify to run", ratios(verified, runs, "peak"), "x"),
        ),
    )


def small(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Measure the commands that users type most."""
    commands = {"`wdbc status`": (*WDBC, "status"), "`wdbc --help`": (*WDBC, "--help")}
    targets = {"`wdbc status`": 0.6, "`wdbc --help`": 0.25}
    return Table("small", "Small commands", _absolute(folder, commands, targets, repetitions))


def definitions(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Measure how long Dagster needs to load the project."""
    load = "from wdbc_assets.orchestration.definitions import defs; defs.resolve_job_def('train')"
    commands = {
        "Python alone": (PYTHON, "-c", "pass"),
        "importing dagster": (PYTHON, "-c", "import dagster"),
        "loading the definitions": (PYTHON, "-c", load),
        "`dagster definitions validate`": (
            PYTHON, "-m", "dagster", "definitions", "validate", "-w", str(ROOT / "workspace.yaml"),
        ),
    }  # fmt: skip
    return Table("definitions", "Loading the definitions", _absolute(folder, commands, {}, repetitions))


def _absolute(
    folder: Path, commands: Mapping[str, Sequence[str]], targets: Mapping[str, float], repetitions: int
) -> tuple[Row, ...]:
    prepared: list[Prepare] = [lambda command=command: command for command in commands.values()]  # type: ignore[misc]
    environment = environment_in(folder)
    Path(environment["DAGSTER_HOME"]).mkdir(parents=True, exist_ok=True)
    costs = in_turn(prepared, repetitions=repetitions, environment=environment)
    return tuple(
        Row(f"{name}, CPU time", _spread(measured, "cpu"), "s", targets.get(name))
        for name, measured in zip(commands, costs, strict=True)
    )


def _plain(folder: Path) -> Prepare:
    return lambda: (PYTHON, str(ROOT / "benchmarks" / "plain_script.py"), str(folder / "plain"))


def _spread(costs: Sequence[Cost], attribute: str) -> Spread:
    return Spread.of([getattr(cost, attribute) for cost in costs])


def _require_same_metrics(folder: Path) -> None:
    """Raise ValueError if the two programs do not compute the same metrics: comparing them would mean nothing."""
    plain = json.loads((folder / "plain" / "metrics.json").read_bytes())
    pointer = json.loads((folder / "store" / "metrics" / "current.json").read_bytes())
    stored = folder / "store" / "metrics" / "versions" / pointer["version"] / "metrics.json"
    ours = json.loads(stored.read_bytes())
    for name, metric in plain.items():
        if isinstance(metric, float) and abs(ours[name]["value"] - metric) > _SAME_METRICS:
            raise ValueError(f"the run's {name} is {ours[name]['value']}, the plain script's {metric}")
