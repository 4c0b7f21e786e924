"""The cost of a prediction over HTTP: `wdbc serve` against a plain FastAPI application and MLflow's model server.

All three serve the same pipeline with one worker. They take turns and are restarted for each round; while one is
measured, no other runs. Only the CPU time of the server counts; the load comes from another program.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import load, peers, servers
from benchmarks.measuring import ROOT, Skipped, Spread, cost_of, environment_in, ratios
from benchmarks.report import Row, Table
from benchmarks.servers import Kind

PYTHON = sys.executable
RECIPE = "logistic"  # the one that scikit-learn is fastest with
OURS, PLAIN, MLFLOW = "`wdbc serve`", "plain FastAPI", "MLflow"
START = 1.5  # CPU seconds
FLOORS = {PLAIN: 3.0, MLFLOW: 5.0}  # requests per CPU second, ours to theirs
_SAME_PROBABILITY = 1e-9
_SECONDS = 5
_WARM_UP = 1

Known = Sequence[tuple[Mapping[str, float], float]]
"""Patients, and the probability of each from scikit-learn."""


@dataclass(frozen=True)
class Round:
    """One server's round: CPU seconds to the first response, requests per CPU second, and the result of the load."""

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
        notes.append(f"{_WARM_UP} s of load each, without MLflow: a smoke test, not a measurement.")
    else:
        try:
            kinds.append(_mlflow(folder))
            notes.append(f"{peers.versions()}.")
        except Skipped as error:
            notes.append(f"MLflow is skipped: {error}.")
    for kind in kinds:
        _require_same_probabilities(kind, known, folder)
    rounds: dict[str, list[Round]] = {kind.name: [] for kind in kinds}
    for _ in range(repetitions):
        for kind in kinds:
            rounds[kind.name].append(_round(kind, known, folder, seconds=1 if quick else _SECONDS))
    title = f"Service: one worker, {load.CONNECTIONS} connections, one patient a request"
    return Table("serving", title, tuple(_rows(rounds)), tuple(notes))


def _rows(rounds: Mapping[str, Sequence[Round]]) -> list[Row]:
    rows = [
        Row(f"{name}, requests per CPU second", _spread(measured, "rate"), "/s") for name, measured in rounds.items()
    ]
    for name, floor in FLOORS.items():
        if name in rounds:
            times = ratios(rounds[OURS], rounds[name], "rate")
            rows.append(Row(f"requests per CPU second, {OURS} to {name}", times, "x", floor=floor))
    for name, measured in rounds.items():
        loads = [round_.load for round_ in measured]
        rows.append(Row(f"{name}, latency, median", _spread(loads, "p50"), "ms"))
        rows.append(Row(f"{name}, latency, 99th percentile", _spread(loads, "p99"), "ms"))
    for name, measured in rounds.items():
        target = START if name == OURS else None
        rows.append(Row(f"{name}, start to first response, CPU time", _spread(measured, "start"), "s", target))
    # All rounds together: a median would hide failures in one of them.
    failed = sum(round_.load.failed for measured in rounds.values() for round_ in measured)
    return [*rows, Row("failed requests, all servers and rounds together", Spread.of([failed]), "", 0)]


def _round(kind: Kind, known: Known, folder: Path, *, seconds: int) -> Round:
    patient, _ = known[0]
    with servers.running(kind, patient, folder) as server:
        body = kind.request(patient)
        load.send(server.url, body, seconds=_WARM_UP, folder=folder)
        before = server.cpu()
        result = load.send(server.url, body, seconds=seconds, folder=folder)
        return Round(server.started, result.answered / (server.cpu() - before), result)


def _require_same_probabilities(kind: Kind, known: Known, folder: Path) -> None:
    """Raise ValueError if a server does not return scikit-learn's probabilities: its speed would mean nothing."""
    with servers.running(kind, known[0][0], folder) as server:
        difference = max(abs(server.score(patient) - p) for patient, p in known)
    if not difference <= _SAME_PROBABILITY:
        raise ValueError(f"{kind.name} differs from scikit-learn by {difference}: its speed would mean nothing")


def _ours(folder: Path) -> Kind:
    own = {
        "WDBC_SERVE_KEYS": str(folder / "keys.json"),
        "WDBC_SERVE_REQUESTS_PER_MINUTE": "10000000",  # otherwise most would be rejected, and quickly
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
    # MLflow finds uvicorn by its name on PATH.
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


def _spread(values: Sequence[object], attribute: str) -> Spread:
    return Spread.of([getattr(value, attribute) for value in values])


def _make(folder: Path) -> None:
    """Write a store with a champion, its pipeline, and the pipeline's probabilities for the test set."""
    import skops.io

    from wdbc_assets.domain.data import contract
    from wdbc_assets_tests import champions

    champions.make_champion(folder / "store", RECIPE)
    pipeline = champions.bundle(RECIPE).pipeline
    skops.io.dump(pipeline, folder / "pipeline.skops")
    table = champions.split().X_test[list(contract.FEATURES)]
    probabilities = pipeline.predict_proba(table)[:, 1].tolist()
    (folder / "known.json").write_text(json.dumps(list(zip(table.to_dict("records"), probabilities, strict=True))))


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
