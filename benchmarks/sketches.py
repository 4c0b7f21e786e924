"""The cost of the service's sketches: two `wdbc serve` on one store that differ only in WDBC_SERVE_SKETCHES.

Two services differ by chance, too, by more than a sketch takes. So the part of a request that sketches it is also timed
by itself, in one process, as often as the service does it in a second.

Both services run all the time, and get requests in short blocks, with and without and without and with (A B B A), so
that what changes slowly on the machine meets both alike. CPU time is read after a pause, because a sketch is made a
second after its request. A service sheds the patients that it cannot queue; so the share that was sketched is stated.
"""

import contextlib
import http.client
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import load, servers
from benchmarks.measuring import CommandFailed, Spread, cost_of, environment_in, ratios
from benchmarks.report import Row, Table
from benchmarks.servers import Kind, Server

PYTHON = sys.executable
WITH, WITHOUT = "with sketches", "without"
MOST = 1.05  # CPU time per request with sketches, to that without
SIZES = (1, 100)
_SECONDS = 2
_PAUSE = 2.5  # the sketches of the last second are made meanwhile
_WAIT = 180.0  # the reference is built when the first request has come
_IN_A_SECOND = {1: 1000, 100: 100}  # requests of one worker


@dataclass(frozen=True)
class Block:
    """CPU seconds per request of one server, the number of its requests, and how many of them failed."""

    cost: float
    requests: int
    failed: int


def sketches(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Measure the service with sketches beside one without."""
    load.require()
    environment = environment_in(folder)
    cost_of((PYTHON, "-m", "benchmarks.sketches", "make", str(folder)), environment=environment)
    cost_of((PYTHON, "-m", "benchmarks.sketches", "time", str(folder), str(repetitions)), environment=environment)
    own: dict[str, list[float]] = json.loads((folder / "own.json").read_bytes())
    patients: list[dict[str, float]] = json.loads((folder / "patients.json").read_bytes())
    rows: list[Row] = []
    with _both(folder, patients[0]) as pair:
        _wait_for_reference(pair[WITH], patients[0])
        for size in SIZES:
            body = json.dumps({"patients": patients[:size]}).encode()
            for server in pair.values():
                load.send(server.url, body, seconds=1, folder=folder)
            before = _sketched(pair[WITH])
            rounds = [_round(pair, body, folder, seconds=1 if quick else _SECONDS) for _ in range(repetitions)]
            rows += _rows(size, rounds, before, _sketched(pair[WITH]), own[str(size)])
    chance = 2.0 ** (1 - repetitions)
    note = f"The range of {repetitions} pairs contains the true median with a probability of {1 - chance:.1%}."
    return Table("sketches", "Service: the cost of its drift sketches", tuple(rows), (note,))


def _rows(
    size: int,
    rounds: Sequence[Mapping[str, Block]],
    before: Mapping[str, float],
    after: Mapping[str, float],
    own: Sequence[float],
) -> Iterator[Row]:
    name = "1 patient a request" if size == 1 else f"{size} patients a request"
    costs = {kind: [blocks[kind] for blocks in rounds] for kind in (WITH, WITHOUT)}
    for kind, blocks in costs.items():
        yield Row(f"{name}, {kind}: CPU time per request", Spread.of([1000 * block.cost for block in blocks]), "ms")
    yield Row(f"{name}, with sketches to without", ratios(costs[WITH], costs[WITHOUT], "cost"), "x", MOST)
    share_of = [100 * seconds / block.cost for seconds, block in zip(own, costs[WITHOUT], strict=True)]
    yield Row(f"{name}, the sketch by itself, of a request", Spread.of(share_of), "%", 100 * (MOST - 1))
    counts = {outcome: after[outcome] - before.get(outcome, 0.0) for outcome in after}
    share = 100 * counts["sketched"] / sum(counts.values())
    yield Row(f"{name}, share of patients that was sketched", Spread.of([share]), "%")
    failed = sum(block.failed for blocks in costs.values() for block in blocks)
    yield Row(f"{name}, failed requests", Spread.of([failed]), "", 0)


def _round(pair: Mapping[str, Server], body: bytes, folder: Path, *, seconds: int) -> dict[str, Block]:
    """Send blocks of requests to both servers in turn, and return the cost of each."""
    loads: dict[str, list[load.Load]] = {kind: [] for kind in pair}
    before = {kind: server.cpu() for kind, server in pair.items()}
    for kind in (WITH, WITHOUT, WITHOUT, WITH):
        loads[kind].append(load.send(pair[kind].url, body, seconds=seconds, folder=folder))
    time.sleep(_PAUSE)
    return {
        kind: Block(
            cost=(server.cpu() - before[kind]) / sum(sent.answered for sent in loads[kind]),
            requests=sum(sent.answered for sent in loads[kind]),
            failed=sum(sent.failed for sent in loads[kind]),
        )
        for kind, server in pair.items()
    }


@contextlib.contextmanager
def _both(folder: Path, patient: Mapping[str, float]) -> Iterator[dict[str, Server]]:
    with contextlib.ExitStack() as stack:
        pair = {}
        for kind, value in ((WITH, "true"), (WITHOUT, "false")):
            own = folder / kind.replace(" ", "-")
            own.mkdir()
            pair[kind] = stack.enter_context(servers.running(_kind(kind, folder, own, value), patient, own))
        yield pair


def _kind(name: str, folder: Path, own: Path, sketches: str) -> Kind:
    settings = {
        "DAGSTER_HOME": str(own / "home"),
        "PYTHONHASHSEED": "0",  # another order of the dictionaries alone makes a server faster or slower
        "WDBC_LOG": str(own / "log.jsonl"),
        "WDBC_SERVE_KEYS": str(own / "keys.json"),
        "WDBC_SERVE_REQUESTS_PER_MINUTE": "10000000",
        "WDBC_SERVE_SKETCHES": sketches,
        "TMPDIR": str(own),
    }
    return Kind(
        name=f"`wdbc serve` {name}",
        command=lambda port: (PYTHON, "-m", "wdbc_assets", "serve", "--workers", "1", "--port", str(port)),
        environment=environment_in(folder) | settings,
        path="/v1/predict",
        body=lambda patient: {"patients": [dict(patient)]},
        probability=_probability,
    )


def _probability(answer: Any) -> float:
    return float(answer["predictions"][0]["probability"])


def _wait_for_reference(server: Server, patient: Mapping[str, float]) -> None:
    """Wait until patients are sketched: before, they only wait in the queue."""
    end = time.monotonic() + _WAIT
    while not _sketched(server).get("sketched"):
        if time.monotonic() > end:
            raise CommandFailed(f"no patient was sketched within {_WAIT:g} s")
        server.score(patient)
        time.sleep(0.5)


def _sketched(server: Server) -> dict[str, float]:
    """Return the number of patients by what became of their sketch."""
    with contextlib.closing(http.client.HTTPConnection(servers.HOST, server.port, timeout=30)) as connection:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    start = 'wdbc_sketched_patients_total{outcome="'
    return {
        line.removeprefix(start).partition('"')[0]: float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(start)
    }


def _make(folder: Path) -> None:
    """Write a store with a champion and all that a reference is built from, and the patients of the requests."""
    from wdbc_assets.domain.data import contract
    from wdbc_assets_tests import champions, monitored

    monitored.make_store(folder / "store")
    table = champions.split().X_test[list(contract.FEATURES)].head(max(SIZES))
    (folder / "patients.json").write_text(json.dumps(table.to_dict("records")))


def _time(folder: Path, repetitions: int) -> dict[int, list[float]]:
    """Return the CPU seconds of sketching a request, by its number of patients."""
    from datetime import UTC, datetime
    from unittest import mock

    import numpy as np

    from wdbc_assets.domain.data import contract
    from wdbc_assets.pipeline import batch_functions, served_files, served_reference
    from wdbc_assets.serving.models.champion import ChampionLoader
    from wdbc_assets.serving.records.sketcher import Sketcher
    from wdbc_assets.store.store import open_store

    store = open_store(str(folder / "store"), relative_to=folder)
    champion = ChampionLoader(store)
    champion.poll()
    loaded = champion.current()
    clean, evaluated = (store.handle(name).load() for name in ("clean_frame", "cross_validation"))
    reference = batch_functions.drift_reference(clean, evaluated, loaded.served.recipe)
    sketcher = Sketcher(store, champion, served_files.open_files(), worker="timed", cadence="weekly")
    with mock.patch.object(served_reference, "load", return_value=reference):
        sketcher.look()
    patients = json.loads((folder / "patients.json").read_bytes())
    found: dict[int, list[float]] = {}
    for size in SIZES:
        X = np.array([[patient[name] for name in contract.FEATURES] for patient in patients[:size]])
        p = loaded.served.probabilities(X)
        for _ in range(repetitions + 1):
            begun = time.process_time()
            for _ in range(_IN_A_SECOND[size]):
                sketcher.offer(loaded, X, p, [[]] * size)
            sketcher.add_up(datetime.now(UTC))
            found.setdefault(size, []).append((time.process_time() - begun) / _IN_A_SECOND[size])
    return {size: seconds[1:] for size, seconds in found.items()}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", folder]:
            _make(Path(folder))
        case ["time", folder, repetitions]:
            (Path(folder) / "own.json").write_text(json.dumps(_time(Path(folder), int(repetitions))))
