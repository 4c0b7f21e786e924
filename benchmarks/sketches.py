"""The cost of the service's sketches: two applications in one process that differ only in WDBC_SERVE_SKETCHES.

Two processes differ by chance by more than a sketch takes. So both applications are called in one process, and without
a web server, whose time would only make the share of the sketches smaller. They get requests in short blocks, with and
without and without and with (A B B A), so that what changes slowly on the machine meets both alike. A block lasts until
its patients were added to the sums. A service sheds the patients that it cannot queue; so the share that was sketched
is stated.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import CommandFailed, Spread, cost_of, environment_in
from benchmarks.report import Row, Table

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

PYTHON = sys.executable
WITH, WITHOUT = "with sketches", "without"
MOST = 1.05  # CPU time per request with sketches, to that without
REQUESTS = {1: 1000, 100: 100}  # of a block, by the number of patients of each
_SUMS_SECONDS = 1.2  # the service adds up once a second
_WAIT = 180.0  # the reference is built when the champion is loaded


def sketches(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Measure requests with sketches beside requests without."""
    environment = environment_in(folder) | {"WDBC_SERVE_REQUESTS_PER_MINUTE": "10000000"}
    cost_of((PYTHON, "-m", "benchmarks.sketches", "make", str(folder)), environment=environment)
    rounds = str(1 if quick else repetitions)
    cost_of((PYTHON, "-m", "benchmarks.sketches", "serve", str(folder), rounds), environment=environment)
    measured = json.loads((folder / "measured.json").read_bytes())
    rows = [row for size in REQUESTS for row in _rows(size, measured[str(size)])]
    chance = 2.0 ** (1 - repetitions)
    note = f"The range of {repetitions} pairs contains the true median with a probability of {1 - chance:.1%}."
    return Table("sketches", "Service: the cost of its drift sketches", tuple(rows), (note,))


def _rows(size: int, measured: Mapping[str, Any]) -> Iterator[Row]:
    name = "1 patient a request" if size == 1 else f"{size} patients a request"
    for kind in (WITH, WITHOUT):
        yield Row(f"{name}, {kind}: CPU time per request", Spread.of([1000 * cost for cost in measured[kind]]), "ms")
    paired = [with_ / without for with_, without in zip(measured[WITH], measured[WITHOUT], strict=True)]
    yield Row(f"{name}, with sketches to without", Spread.of(paired), "x", MOST)
    yield Row(f"{name}, share of patients that was sketched", Spread.of([measured["share"]]), "%")


def _make(folder: Path) -> None:
    """Write a store with a champion and all that a reference is built from, and the patients of the requests."""
    from wdbc_assets.domain.data import contract
    from wdbc_assets_tests import champions, monitored

    monitored.make_store(folder / "store")
    table = champions.split().X_test[list(contract.FEATURES)].head(max(REQUESTS))
    (folder / "patients.json").write_text(json.dumps(table.to_dict("records")))


async def _serve(folder: Path, repetitions: int) -> None:
    """Measure both applications, and write the CPU seconds per request of each round."""
    patients = json.loads((folder / "patients.json").read_bytes())
    measured: dict[int, dict[str, Any]] = {}
    async with _running("true") as sketching, _running("false") as plain:
        apps = {WITH: sketching, WITHOUT: plain}
        end = time.monotonic() + _WAIT
        while not _sketched():
            if time.monotonic() > end:
                raise CommandFailed(f"no patient was sketched within {_WAIT:g} s")
            await _ask(sketching, json.dumps({"patients": patients[:1]}).encode())
            await asyncio.sleep(0.5)
        for size, requests in REQUESTS.items():
            body = json.dumps({"patients": patients[:size]}).encode()
            await _block(plain, body, requests)  # loads what is loaded once
            before = _sketched()
            rounds = [await _round(apps, body, requests) for _ in range(repetitions)]
            offered = size * requests * 2 * repetitions
            measured[size] = {kind: [costs[kind] for costs in rounds] for kind in apps}
            measured[size]["share"] = 100 * (_sketched() - before) / offered
    (folder / "measured.json").write_text(json.dumps(measured))


async def _round(apps: Mapping[str, "ASGIApp"], body: bytes, requests: int) -> dict[str, float]:
    costs = dict.fromkeys(apps, 0.0)
    for kind in (WITH, WITHOUT, WITHOUT, WITH):
        costs[kind] += await _block(apps[kind], body, requests) / (2 * requests)
    return costs


async def _block(app: "ASGIApp", body: bytes, requests: int) -> float:
    """Send requests, one after the other, and return the CPU seconds until they were added to the sums."""
    begun = time.process_time()
    for _ in range(requests):
        await _ask(app, body)
    await asyncio.sleep(_SUMS_SECONDS)
    return time.process_time() - begun


async def _ask(app: "ASGIApp", body: bytes) -> None:
    """Send a request to an application as a web server would.

    Raises:
        CommandFailed: the answer is not 200.
    """
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": "POST",
        "path": "/v1/predict", "raw_path": b"/v1/predict", "root_path": "", "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    received = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> "Message":
        if not received:
            await asyncio.Event().wait()  # the client stays
        return received.pop()

    async def send(message: "Message") -> None:
        sent.append(message)

    await app(scope, receive, send)
    if sent[0]["status"] != 200:
        raise CommandFailed(f"the service answered {sent[0]['status']}: {sent[1]['body']!r}")


@contextlib.asynccontextmanager
async def _running(sketches: str) -> AsyncIterator["ASGIApp"]:
    """Start an application as a web server would, and stop it at the end."""
    import os

    from wdbc_assets import settings
    from wdbc_assets.serving import app as applications
    from wdbc_assets.serving.access import Access

    settings.hand_over_access(Access.OPEN)
    os.environ["WDBC_SERVE_SKETCHES"] = sketches
    app = applications.create()
    messages: asyncio.Queue[Message] = asyncio.Queue()
    started = asyncio.Event()

    async def send(_: "Message") -> None:
        started.set()

    scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    life = asyncio.ensure_future(app(scope, messages.get, send))
    messages.put_nowait({"type": "lifespan.startup"})
    await started.wait()
    yield app
    messages.put_nowait({"type": "lifespan.shutdown"})
    await life


def _sketched() -> float:
    """Return the number of patients that were sketched."""
    from wdbc_assets.serving import telemetry

    samples = [sample for family in telemetry.SKETCHES.collect() for sample in family.samples]
    return sum(
        sample.value
        for sample in samples
        if sample.name.endswith("_total") and sample.labels.get("outcome") == "sketched"
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", path]:
            _make(Path(path))
        case ["serve", path, count]:
            asyncio.run(_serve(Path(path), int(count)))
