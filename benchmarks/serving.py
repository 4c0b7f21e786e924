"""What an answer over HTTP costs: `wdbc serve` beside a plain FastAPI application and MLflow's model server.

All three serve the same pipeline with one worker. They take turns, each started anew for each round: while one is
measured, no other runs. What counts is the CPU time of the server alone; the load comes from another program.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import load, peers, servers
from benchmarks.measuring import ROOT, LeftOut, Spread, cost_of, environment_in, ratios
from benchmarks.report import Row, Table
from benchmarks.servers import Kind

PYTHON = sys.executable
RECIPE = "logistic"  # the default, and the one that scikit-learn is fastest with
OURS, PLAIN, MLFLOW = "`wdbc serve`", "plain FastAPI", "MLflow"
START = 1.5  # CPU seconds
FLOORS = {PLAIN: 3.0, MLFLOW: 5.0}  # requests per CPU second, ours to theirs
_SAME_ANSWER = 1e-9
_SECONDS = 5
_WARMING = 1

Known = Sequence[tuple[Mapping[str, float], float]]
"""Patients, and what scikit-learn answers for each."""


@dataclass(frozen=True)
class Round:
    """One server's round: CPU seconds to the first answer, requests per CPU second, and the load as it was."""

    start: float
    rate: float
    load: load.Load


def serving(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Measure the service and its peers under load."""
    load.require()
    environment = environment_in(folder)
    cost_of((PYTHON, "-m", "benchmarks.serving", str(folder)), environment=environment)
    known: Known = json.loads((folder / "known.json").read_bytes())
    kinds = [_ours(folder), _plain(folder)]
    notes = []
    if quick:
        notes.append(f"{_WARMING} s of load each, and MLflow left out: shows that it runs, and is no figure to quote.")
    else:
        try:
            kinds.append(_mlflow(folder))
            notes.append(f"{peers.named()}.")
        except LeftOut as error:
            notes.append(f"MLflow is left out: {error}.")
    for kind in kinds:
        _refuse_other_answers(kind, known, folder)
    rounds: dict[str, list[Round]] = {kind.name: [] for kind in kinds}
    for _ in range(repetitions):
        for kind in kinds:
            rounds[kind.name].append(_round(kind, known, folder, seconds=1 if quick else _SECONDS))
    title = f"Service: one worker, {load.CONNECTIONS} connections, one patient a request"
    return Table("serving", title, tuple(_rows(rounds)), tuple(notes))


def _rows(rounds: Mapping[str, Sequence[Round]]) -> list[Row]:
    rows = [Row(f"{name}, requests per CPU second", _spread(found, "rate"), "/s") for name, found in rounds.items()]
    for name, floor in FLOORS.items():
        if name in rounds:
            times = ratios(rounds[OURS], rounds[name], "rate")
            rows.append(Row(f"requests per CPU second, {OURS} to {name}", times, "x", floor=floor))
    for name, found in rounds.items():
        loads = [one.load for one in found]
        rows.append(Row(f"{name}, latency, median", _spread(loads, "p50"), "ms"))
        rows.append(Row(f"{name}, latency, 99th percentile", _spread(loads, "p99"), "ms"))
    for name, found in rounds.items():
        target = START if name == OURS else None
        rows.append(Row(f"{name}, start to first answer, CPU time", _spread(found, "start"), "s", target))
    # All rounds together: a median would hide what failed in one of them.
    failed = sum(one.load.failed for found in rounds.values() for one in found)
    return [*rows, Row("failed requests, all servers and rounds together", Spread.of([failed]), "", 0)]


def _round(kind: Kind, known: Known, folder: Path, *, seconds: int) -> Round:
    patient, _ = known[0]
    with servers.running(kind, patient, folder) as server:
        body = kind.request(patient)
        load.put(server.url, body, seconds=_WARMING, folder=folder)
        before = server.cpu()
        found = load.put(server.url, body, seconds=seconds, folder=folder)
        return Round(server.started, found.answered / (server.cpu() - before), found)


def _refuse_other_answers(kind: Kind, known: Known, folder: Path) -> None:
    """A comparison of servers that do not answer the same would say nothing."""
    with servers.running(kind, known[0][0], folder) as server:
        differ = max(abs(server.ask(patient) - p) for patient, p in known)
    if not differ <= _SAME_ANSWER:
        raise ValueError(f"{kind.name} differs from scikit-learn by {differ}: its speed says nothing")


def _ours(folder: Path) -> Kind:
    own = {
        "WDBC_SERVE_KEYS": str(folder / "keys.json"),
        "WDBC_SERVE_REQUESTS_PER_MINUTE": "10000000",  # else most would be refused, and quickly
        "TMPDIR": str(folder),
    }
    return Kind(
        name=OURS,
        command=lambda port: (PYTHON, "-m", "wdbc_assets", "serve", "--workers", "1", "--port", str(port)),
        environment=environment_in(folder) | own,
        path="/v1/predict",
        body=_patients,
        probability=lambda answer: float(answer["predictions"][0]["probability"]),
    )


def _plain(folder: Path) -> Kind:
    app = str(ROOT / "benchmarks" / "plain_app.py")
    return Kind(
        name=PLAIN,
        command=lambda port: (PYTHON, app, str(folder / "pipeline.skops"), str(port)),
        environment=environment_in(folder),
        path="/predict",
        body=_patients,
        probability=lambda answer: float(answer["probabilities"][0]),
    )


def _mlflow(folder: Path) -> Kind:
    commands = peers.mlflow()
    inherited = {name: value for name, value in environment_in(folder).items() if name != "PYTHONPATH"}
    # MLflow starts uvicorn by its name.
    path = f"{commands}:{inherited.get('PATH', '')}"
    environment = inherited | {"PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    save = (str(commands / "python"), str(ROOT / "benchmarks" / "mlflow_model.py"))
    model = folder / "mlflow"
    cost_of((*save, str(folder / "pipeline.skops"), str(model)), environment=environment)
    serve = (str(commands / "mlflow"), "models", "serve", "--env-manager", "local", "--workers", "1")
    return Kind(
        name=MLFLOW,
        command=lambda port: (*serve, "--model-uri", str(model), "--host", servers.HOST, "--port", str(port)),
        environment=environment,
        path="/invocations",
        body=lambda patient: {"dataframe_split": {"columns": list(patient), "data": [list(patient.values())]}},
        probability=lambda answer: float(answer["predictions"][0][1]),
    )


def _patients(patient: Mapping[str, float]) -> dict[str, Any]:
    return {"patients": [dict(patient)]}


def _spread(found: Sequence[object], attribute: str) -> Spread:
    return Spread.of([getattr(one, attribute) for one in found])


def _make(folder: Path) -> None:
    """Write a store with a champion, its pipeline alone, and what that answers for the test part's patients."""
    import skops.io

    from wdbc_assets.domain.data import contract
    from wdbc_assets_tests import champions

    champions.crown(folder / "store", RECIPE)
    pipeline = champions.bundle(RECIPE).pipeline
    skops.io.dump(pipeline, folder / "pipeline.skops")
    table = champions.split().X_test[list(contract.FEATURES)]
    answers = pipeline.predict_proba(table)[:, 1].tolist()
    (folder / "known.json").write_text(json.dumps(list(zip(table.to_dict("records"), answers, strict=True))))


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
