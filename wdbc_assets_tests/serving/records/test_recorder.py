"""A real service with two workers: what it leaves says the same as a batch, and nothing about any patient."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.monitoring.served import LEAST_PATIENTS
from wdbc_assets.monitoring import inbox as inboxes
from wdbc_assets.monitoring.alerts import arrival_problems
from wdbc_assets.pipeline import served_files
from wdbc_assets.pipeline.served_files import ServedFiles
from wdbc_assets.serving.records import recorder as recorders
from wdbc_assets.serving.records.recorder import Recorder
from wdbc_assets_tests import monitored
from wdbc_assets_tests.commands import document
from wdbc_assets_tests.serving import running
from wdbc_assets_tests.serving.running import Service

if TYPE_CHECKING:
    from wdbc_assets.serving.models.champion import ChampionLoader

PATIENTS = monitored.patients(240, 1).assign(id=range(8_675_309_000, 8_675_309_240))
ROWS = 3
HEAVY = ("pandas", "sklearn", "scipy", "pyarrow")


def bodies(rows: int) -> list[dict[str, Any]]:
    """Return requests with this many patients each."""
    plain = PATIENTS[list(contract.FEATURES)].astype(float).to_dict("records")
    return [{"patients": plain[first : first + rows]} for first in range(0, len(plain), rows)]


def sketched(service: Service) -> float:
    return service.metrics().get('wdbc_sketched_patients_total{outcome="sketched"}', 0)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a service that two workers ran, that kept its predictions, and that was stopped."""
    folder = tmp_path_factory.mktemp("served")
    monitored.make_store(folder / "results")
    with running.serving(folder, "--workers", "2", serve_keep_predictions="true") as service:
        requests = list(enumerate(bodies(ROWS)))
        halves = requests[::2], requests[1::2]
        for worker, half in zip(service.workers, halves, strict=True):
            with stopped(worker):  # so that the other one serves this half
                for number, body in half:
                    answer = service.ask("/v1/predict", body, headers={"X-Request-ID": f"8675309-{number}"})
                    assert answer.status == 200
        service.until(lambda: sketched(service) == len(PATIENTS))
        service.until(lambda: service.metrics()["wdbc_drift_watched"] == 1)
        loaded = {name for worker in service.workers for name in HEAVY if f"/{name}/" in maps(worker)}
        assert loaded == set(), "a worker has loaded what only the pipeline needs"
        assert service.stderr.count("\n") == 2, service.stderr
    return folder


@contextlib.contextmanager
def stopped(process: int) -> Iterator[None]:
    """Stop a process, and let it go on at the end."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def maps(process: int) -> str:
    return Path(f"/proc/{process}/maps").read_text()


@pytest.fixture
def copied(used: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, in which the current week is over."""
    for name in ("results", "home"):
        shutil.copytree(used / name, environment / name)
    monkeypatch.setattr(served_files, "GRACE", -timedelta(weeks=2))
    monkeypatch.setattr(inboxes, "SETTLE_SECONDS", 0.0)
    monkeypatch.setenv("WDBC_INBOX", str(environment / "inbox"))
    return environment


def test_served_and_batched_patients_give_the_same_drift_to_the_last_digit(copied: Path) -> None:
    monitored.put(copied / "inbox", "batch.csv", PATIENTS)
    assert len(served_files.open_files().all_windows()) == 2, "one of each worker"
    served, batch = (document("monitor", *option)["report"] for option in (("--service",), ()))
    different = {name for name, value in batch.items() if value != served[name]}
    assert different == {"batch", "distances", "rows"}
    assert (served["sketch"]["rows"], len(served["streams"])) == (len(PATIENTS), 64)


@pytest.mark.fault("X09")
def test_the_service_leaves_neither_measurements_nor_ids_of_requests(copied: Path) -> None:
    written = [path for path in (copied / "home").rglob("*") if path.is_file()]
    contents = b"\n".join(path.read_bytes() for path in written if path.suffix == ".json")
    assert b"8675309" not in contents
    values = {repr(float(value)) for value in PATIENTS["area_mean"]}
    assert values.isdisjoint(re.findall(r"[\d.]+", contents.decode()))
    for path in served_files.open_files().all_windows():
        assert json.loads(path.read_bytes())["sketch"]["rows"] >= LEAST_PATIENTS


def test_kept_predictions_are_joined_with_outcomes_by_the_id_of_the_request(copied: Path) -> None:
    first = PATIENTS.iloc[: 2 * ROWS]
    ids = [f"8675309-{row // ROWS}" + ("" if row % ROWS == 0 else f"#{row % ROWS + 1}") for row in range(2 * ROWS)]
    day = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    lines = [f"{name},{kind},{day}" for name, kind in zip(ids, first[contract.DIAGNOSIS], strict=True)]
    # A patient of a batch may have the id of a request: it is another one.
    (copied / "outcomes.csv").write_text("\n".join(["request_id,diagnosis,known_at", *lines]))
    found = document("outcomes", "add", str(copied / "outcomes.csv"))
    metrics = found["live_metrics"]
    assert found["kept_by_service"] == len(PATIENTS)
    assert (metrics["predictions"], metrics["known"], metrics["unknown_patients"]) == (len(PATIENTS), 2 * ROWS, 0)
    (copied / "patients.csv").write_text(f"id,diagnosis,known_at\n{ids[0]}#1,M,{day}\n{ids[0]},M,{day}\n")
    metrics = document("outcomes", "add", str(copied / "patients.csv"))["live_metrics"]
    assert (metrics["known"], metrics["unknown_patients"]) == (2 * ROWS, 2)


def test_a_home_that_cannot_be_written_and_no_evaluation_fail_no_request(tmp_path: Path) -> None:
    monitored.make_store(tmp_path / "results")
    shutil.rmtree(tmp_path / "results" / "cross_validation")
    (tmp_path / "home").touch()
    with running.serving(tmp_path, serve_keep_predictions="true") as service:
        for body in bodies(60):
            assert service.ask("/v1/predict", body).status == 200
        without = 'wdbc_sketched_patients_total{outcome="without_reference"}'
        service.until(lambda: service.metrics().get(without) == len(PATIENTS))
        assert service.metrics()["wdbc_drift_watched"] == 0
    lines = service.stderr.splitlines()
    assert (
        sum("the drift of the patients is not watched: cross_validation has never been" in line for line in lines) == 1
    )
    assert sum("what monitoring needs cannot be written" in line for line in lines) == 1


def test_sketches_that_are_turned_off_leave_nothing(environment: Path) -> None:
    options = settings.load(serve_sketches=False)
    champion = SimpleNamespace(loaded=None, refused=None)
    recorder = Recorder(options.open_store(), cast("ChampionLoader", champion), options)
    recorder.scored(cast("Any", None), cast("Any", None), cast("Any", None), [])
    recorder.answered("a-request", cast("Any", None))
    asyncio.run(recorder.finish())
    assert not (environment / "home").exists()


def test_a_champion_that_is_refused_is_an_alert_until_it_no_longer_is(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "_ADD_SECONDS", 0.01)
    options = settings.load()
    champion = SimpleNamespace(loaded=None, refused=("0123456789abcdef", "a file was altered"))
    recorder = Recorder(options.open_store(), cast("ChampionLoader", champion), options)
    folder = environment / "home" / "served" / "refused"

    async def until(count: int) -> None:
        async with asyncio.timeout(20):
            while len(list(folder.glob("*"))) != count:
                await asyncio.sleep(0.01)

    async def refused_for_a_while() -> None:
        work = asyncio.create_task(recorder.work())
        await until(1)
        (found,) = arrival_problems.refused_champion()
        assert (found.cause, found.subject, found.version) == ("refused-champion", "champion", "0123456789ab")
        assert found.text == "the service rejects a new champion (0123456789ab): a file was altered"
        champion.refused = None
        await until(0)
        work.cancel()

    asyncio.run(refused_for_a_while())
    assert list(arrival_problems.refused_champion()) == []


def test_a_disk_that_hangs_holds_up_neither_the_sums_nor_the_end(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "_ADD_SECONDS", 0.01)
    monkeypatch.setattr(recorders, "_WRITE_SECONDS", 0.0)
    monkeypatch.setattr(recorders, "_END_SECONDS", 0.1)
    hangs, released, added = threading.Event(), threading.Event(), 0

    def hang(*_: object) -> None:
        hangs.set()
        released.wait(60)

    def add_up(_: object) -> None:
        nonlocal added
        added += hangs.is_set()

    monkeypatch.setattr(ServedFiles, "put_refused", hang)
    options = settings.load()
    champion = SimpleNamespace(loaded=None, refused=None)
    recorder = Recorder(options.open_store(), cast("ChampionLoader", champion), options)
    monkeypatch.setattr(recorder._sketcher, "add_up", add_up)

    async def serve() -> None:
        work = asyncio.create_task(recorder.work())
        async with asyncio.timeout(20):
            while added < 3:
                await asyncio.sleep(0.01)
            work.cancel()
            await recorder.finish()

    asyncio.run(serve())
    released.set()
