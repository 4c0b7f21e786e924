"""Experiments: pairing with the champion, serving a share, and isolation from the service."""

import asyncio
import dataclasses
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wdbc_assets.registry import challenger as registry_challenger
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.serving.api import schemas
from wdbc_assets.serving.middleware.request_context import RequestContext
from wdbc_assets.serving.models import challenger, shadow, shadow_worker
from wdbc_assets.serving.models.challenger import ChallengerRouter
from wdbc_assets.serving.models.champion import LoadedModel, load_model
from wdbc_assets.serving.models.shadow import Queue, _Process
from wdbc_assets.store import paths
from wdbc_assets.store.backends import CannotWrite
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.running import Service

ROWS = 20
MANY = {"patients": champions.patients(ROWS)}
WITHIN = 3.0  # seconds within which every response must arrive, whatever the challenger does
SLOW = 5.0  # longer than that


def challenger_process(service: Service) -> int | None:
    """The process in which the challenger scores, a child of the service."""
    pids = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    beside = [pid for pid in pids if b"shadow_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return int(beside[0]) if beside else None


def counts(folder: Path, router: Experiment) -> dict[str, int]:
    return dict(registry_challenger.read(champions.store_in(folder), router.candidate, router.against).counts)


def pairs(folder: Path, router: Experiment) -> tuple[registry_challenger.Pair, ...]:
    return registry_challenger.read(champions.store_in(folder), router.candidate, router.against).pairs


def until(service: Service, holds: Callable[[], bool]) -> None:
    """Wait as long as a low-priority process may need on a busy machine."""
    service.until(holds, seconds=180)


def ask(service: Service, times: int = 1) -> None:
    """Assert that the champion serves every request in time."""
    right = champions.expected(champions.bundle(), ROWS)
    for _ in range(times):
        began = time.monotonic()
        answer = service.ask("/v1/predict", MANY)
        assert time.monotonic() - began < WITHIN
        assert answer.status == 200
        assert answer.json["model"]["recipe"] == "logistic"
        got = [row["probability"] for row in answer.json["predictions"]]
        assert np.abs(np.array(got) - right).max() < 1e-12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    champions.promote(tmp_path, champions.bundle())
    return tmp_path


def test_pairs_of_probabilities_are_stored_without_any_measurement(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("svc"))
    with running.serving(folder) as service:
        until(service, lambda: challenger_process(service) is not None)
        ask(service, 5)
        until(service, lambda: len(pairs(folder, router)) == 5 * ROWS)
        until(service, lambda: counts(folder, router)["scored"] == 5 * ROWS)
        assert service.metrics()['wdbc_challenger_patients_total{outcome="scored"}'] == 5 * ROWS
        assert service.ask("/v1/model").json["challenger"] is None, "it answers nobody"
    found = pairs(folder, router)
    first = [pair for pair in found if pair.request == found[0].request]
    assert [pair.row for pair in first] == list(range(1, ROWS + 1))
    assert [pair.champion for pair in first] == pytest.approx(champions.expected(champions.bundle(), ROWS), abs=1e-12)
    right = champions.expected(champions.bundle("svc"), ROWS)
    assert [pair.challenger for pair in first] == pytest.approx(right, abs=1e-12)
    assert {pair.answered for pair in found} == {"champion"}
    assert {pair.request for pair in found} == {line["request_id"] for line in service.log if line.get("patients")}
    measured = {repr(value) for patient in MANY["patients"] for value in patient.values() if len(repr(value)) > 5}
    kept = "".join(file.read_text() for file in (folder / "results/champion/pairs").rglob("*.json*"))
    assert not [value for value in measured if value in kept]


def test_the_challenger_serves_its_share_and_assignment_by_key_is_stable(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("svc"), share=0.4)
    right = {recipe: champions.expected(champions.bundle(recipe), ROWS) for recipe in ("logistic", "svc")}
    with running.serving(folder) as service:
        until(service, lambda: service.ask("/v1/model").json["challenger"] is not None)
        service.ask("/v1/predict", {"patients": [schemas.EXAMPLE]})
        until(service, lambda: counts(folder, router)["scored"] == 1)  # its process is running
        assert service.ask("/v1/model").json["challenger"]["model"]["version"] == router.challenger.version
        assert service.ask("/v1/model").json["challenger"]["share"] == 0.4
        answered: dict[str, set[str]] = {}
        for turn in range(120):
            key = f"patient-{turn % 60}"
            answer = service.ask("/v1/predict", MANY, headers={"X-Assignment-Key": key})
            assert answer.status == 200
            recipe = answer.json["model"]["recipe"]
            got = [row["probability"] for row in answer.json["predictions"]]
            assert np.abs(np.array(got) - right[recipe]).max() < 1e-12
            answered.setdefault(key, set()).add(recipe)
            explained = service.ask("/v1/explain", MANY, headers={"X-Assignment-Key": key})
            assert explained.json["model"]["recipe"] == "logistic", "the other one cannot explain"
        assert all(len(recipes) == 1 for recipes in answered.values())
        of = Counter(next(iter(recipes)) for recipes in answered.values())
        assert 10 <= of["svc"] <= 38, "of 60 keys, at a share of .4"
        refused = service.ask("/v1/predict", MANY, headers={"X-Assignment-Key": "with a blank"})
        assert refused.status == 422
        until(service, lambda: counts(folder, router)["scored"] == 1 + 120 * ROWS)
        until(service, lambda: len(pairs(folder, router)) == 1 + 120 * ROWS)
    by = Counter(pair.answered for pair in pairs(folder, router)[1:])
    assert by["challenger"] == 2 * of["svc"] * ROWS
    versions = Counter(
        line["version"]
        for line in service.log[1:]
        if line["route"] == "/v1/predict" and "patients" in line and line["patients"] == ROWS
    )
    assert versions[router.challenger.version[:12]] == 2 * of["svc"]


@pytest.mark.fault("V12")
def test_a_challenger_whose_process_dies_is_restarted_and_no_response_is_lost(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43))
    with running.serving(folder) as service:
        until(service, lambda: challenger_process(service) is not None)
        ask(service, 5)
        first = challenger_process(service)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        ask(service, 30)
        until(service, lambda: challenger_process(service) not in (None, first))
        until(service, lambda: sum(counts(folder, router).values()) == 35 * ROWS)
        before = counts(folder, router)["scored"]
        ask(service, 5)
        until(service, lambda: counts(folder, router)["scored"] > before)
        assert counts(folder, router)["failed"] + counts(folder, router)["dropped"] > 0
    assert "the challenger process failed" in (folder / "wdbc.jsonl").read_text()


@pytest.mark.fault("V12")
def test_a_hanging_challenger_is_killed_and_no_response_is_lost(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43))
    with running.serving(folder, serve_challenger_seconds=SLOW) as service:
        until(service, lambda: challenger_process(service) is not None)
        ask(service, 5)
        until(service, lambda: counts(folder, router)["scored"] == 5 * ROWS)
        frozen = challenger_process(service)
        assert frozen is not None
        os.kill(frozen, signal.SIGSTOP)
        ask(service, 150)  # more patients than the queue holds
        until(service, lambda: counts(folder, router)["failed"] > 0)
        until(service, lambda: challenger_process(service) not in (None, frozen))
        assert not Path(f"/proc/{frozen}").exists()
        ask(service, 5)
        until(service, lambda: sum(counts(folder, router).values()) == 160 * ROWS)


@pytest.mark.fault("V12")
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_damaged_challenger_never_serves_and_no_response_is_lost(folder: Path, share: float) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43), share=share)
    place = folder / "results" / paths.version_file(router.challenger, paths.SCORER)
    place.write_bytes(place.read_bytes().replace(b"1", b"2"))
    with running.serving(folder) as service:
        until(
            service,
            lambda: "was altered: its digest does not match the manifest" in (folder / "wdbc.jsonl").read_text(),
        )
        ask(service, 30)
        assert service.ask("/v1/model").json["challenger"] is None
        assert challenger_process(service) is None or not share
    assert pairs(folder, router) == ()


def test_a_new_champion_or_a_stop_ends_the_experiment(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43), share=0.5)
    with running.serving(folder) as service:
        until(service, lambda: challenger_process(service) is not None)
        ask_anybody(service)
        until(service, lambda: counts(folder, router)["scored"] == 40)
        other = champions.promote(folder, champions.bundle("pca_logistic"))
        until(service, lambda: service.ask("/v1/model").versions == other.version)
        assert ask_anybody(service) == {other.version}
        stopped = running.wdbc(folder, "shadow", "stop", "--reason", "enough")
        assert stopped.returncode == 0, stopped.stderr
        until(service, lambda: challenger_process(service) is None)
        assert ask_anybody(service) == {other.version}
        until(service, lambda: service.ask("/v1/model").json["challenger"] is None)
    assert sum(counts(folder, router).values()) == 40, "of other champions nothing is paired"
    again = running.wdbc(folder, "shadow", "stop")
    assert "no experiment is running" in again.stdout


def ask_anybody(service: Service, times: int = 40) -> set[str]:
    one = {"patients": [schemas.EXAMPLE]}
    headers = [{"X-Assignment-Key": f"key-{number}"} for number in range(times)]
    answers = [service.ask("/v1/predict", one, headers=header) for header in headers]
    assert {answer.status for answer in answers} == {200}
    return {answer.versions for answer in answers}


def test_a_damaged_experiment_does_not_affect_the_champion(folder: Path) -> None:
    champions.challenge(folder, champions.bundle("logistic", 43), share=0.5)
    place = folder / "results" / paths.EXPERIMENT
    place.write_bytes(place.read_bytes().replace(b'"share": 0.5', b'"share": 0.9'))
    with running.serving(folder) as service:
        until(service, lambda: "the challenger's experiment is damaged" in (folder / "wdbc.jsonl").read_text())
        ask(service, 20)
    refused = running.wdbc(folder, "shadow", "status")
    assert refused.returncode == 1
    assert "wdbc shadow stop" in refused.stderr
    assert running.wdbc(folder, "shadow", "stop").returncode == 0
    assert running.wdbc(folder, "shadow", "status").returncode == 0


@pytest.mark.fault("V10")
def test_the_service_stops_immediately_with_a_challenger_and_keeps_the_pairs(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43))
    with running.serving(folder) as service:
        until(service, lambda: challenger_process(service) is not None)
        ask(service, 5)
        until(service, lambda: service.metrics().get('wdbc_challenger_patients_total{outcome="scored"}') == 5 * ROWS)
        child = challenger_process(service)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 10
    assert not Path(f"/proc/{child}").exists()
    assert len(pairs(folder, router)) == 5 * ROWS
    assert counts(folder, router)["scored"] == 5 * ROWS


# Without a process: behavior that a real challenger cannot be made to show on demand


def champion_in(folder: Path) -> LoadedModel:
    store = champions.store_in(folder)
    manifest = store.current("champion")
    assert manifest is not None
    return load_model(store.files(manifest))


def bad(how: str, right: LoadedModel) -> LoadedModel:
    """Return a challenger that misbehaves in the given way."""

    def probabilities(X: "np.ndarray") -> "np.ndarray":
        if how == "raises":
            raise MemoryError
        if how == "is slow":
            time.sleep(SLOW)
        return np.full(len(X) - (how == "says too little"), np.nan if how == "says nan" else 0.5)

    served = dataclasses.replace(right.served)
    object.__setattr__(served, "probabilities", probabilities)
    return dataclasses.replace(right, served=served)


@pytest.mark.fault("V12")
@pytest.mark.parametrize("how", ["raises", "is slow", "says nan", "says too little"])
def test_the_champion_serves_if_the_challenger_fails_which_is_then_paused(
    folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = champions.challenge(folder, champions.bundle("svc"), share=0.5)
    followed = ChallengerRouter(champions.store_in(folder))
    followed.poll()
    assert followed.variant is not None
    monkeypatch.setattr(followed, "_variant", bad(how, followed.variant[1]))
    champion = champion_in(folder)
    X = np.array([list(patient.values()) for patient in MANY["patients"]])
    p = champion.served.probabilities(X)
    key = next(str(number) for number in range(100) if challenger.is_assigned(router, str(number)))

    began = time.monotonic()
    by, q = asyncio.run(followed.answer(champion, X, p, RequestContext("id", {}, "client"), key))
    assert by is champion
    assert q is p
    assert time.monotonic() - began < WITHIN
    asyncio.run(followed.answer(champion, X, p, RequestContext("id", {}, "client"), key))  # not tried again immediately
    assert followed.queue.counts[registry_challenger.FAILED] == ROWS


@pytest.mark.fault("V10")
@pytest.mark.parametrize("failing", [None, asyncio.CancelledError])
def test_a_service_that_stops_while_a_challenger_is_replaced_waits_for_neither(
    failing: type[BaseException] | None, folder: Path
) -> None:
    """Regression from a load test: a stop during the wait for the old challenger's process was lost."""

    async def ends() -> tuple[bool, int | None]:
        process = _Process(champions.challenge(folder, champions.bundle("logistic", 43)), "name", 60)
        process._process = await asyncio.create_subprocess_exec(
            "sleep", "60", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        leaving = asyncio.create_task(process.__aexit__(failing, None, None))
        await asyncio.sleep(0.1)
        leaving.cancel()
        await asyncio.wait([leaving], timeout=10)
        return leaving.cancelled(), process._process.returncode

    assert asyncio.run(ends()) == (True, -signal.SIGKILL)


@pytest.mark.fault("V12")
def test_the_queue_is_bounded_and_dropped_patients_are_counted() -> None:
    queue = Queue()
    X, p = np.zeros((900, 30)), np.full(900, 0.5)
    for _ in range(4):
        queue.offer("request", X, p, "champion")
    assert len(queue.take()) == 1800
    assert queue.counts == {registry_challenger.GIVEN: 1800, registry_challenger.DROPPED: 1800}
    queue.offer("request", X, p, "champion")
    queue.fail()
    queue.offer("request", X, p, "champion")
    assert queue.counts == {
        registry_challenger.GIVEN: 2700,
        registry_challenger.DROPPED: 2700,
        registry_challenger.FAILED: 900,
    }
    queue.begin()
    queue.offer("request", X, p, "champion")
    assert len(queue.take()) == 900


@pytest.mark.fault("V12")
def test_patients_without_a_stored_pair_count_as_failed_exactly_once() -> None:
    queue = Queue()
    X, p = np.zeros((100, 30)), np.full(100, 0.5)

    def give() -> None:
        queue.offer("request", X, p, "champion")
        queue.take()

    queue.begin()
    give()
    queue.account(60, 1)
    give()
    queue.account(160, 2)
    assert (queue.counts[registry_challenger.SCORED], queue.counts[registry_challenger.FAILED]) == (160, 2)
    queue.end(170)  # ten more are stored than the process reported
    assert (queue.counts[registry_challenger.SCORED], queue.counts[registry_challenger.FAILED]) == (170, 30)
    queue.begin()
    give()
    queue.account(40, 0)
    queue.end(None)  # the store is unavailable
    assert (queue.counts[registry_challenger.SCORED], queue.counts[registry_challenger.FAILED]) == (210, 90)
    assert queue.counts[registry_challenger.GIVEN] == 300


@pytest.mark.fault("V12")
def test_patients_beyond_the_maximum_of_an_experiment_count_as_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadow, "_MAX_PATIENTS", 150)
    queue = Queue()
    X, p = np.zeros((100, 30)), np.full(100, 0.5)
    for _ in range(3):
        queue.offer("request", X, p, "champion")
        queue.take()
    assert queue.counts == {registry_challenger.GIVEN: 200, registry_challenger.DROPPED: 100}


@pytest.mark.fault("V12")
def test_pairs_that_could_not_be_stored_are_written_at_the_next_attempt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43))
    writer = shadow_worker._PairWriter(champions.store_in(folder), router, "1-aa-1")
    pair = registry_challenger.Pair("2026-11-24T00:00:00.000+00:00", "request", 1, 0.25, 0.75, "champion")

    def refuse(*_: object) -> None:
        raise CannotWrite("full")

    with monkeypatch.context() as refusing:
        refusing.setattr(registry_challenger, "put_pairs", refuse)
        writer.add([pair] * 3)
        writer.store_pending()
        assert writer.stored == 0
        monkeypatch.setattr(shadow_worker, "_PAIRS_PER_FILE", 4)
        writer.add([pair] * 2)
        with pytest.raises(CannotWrite):  # the number of pending pairs is bounded
            writer.store_pending()
    writer.store_pending()
    writer.add([pair])
    writer.store_pending()
    assert writer.stored == 6
    assert len(pairs(folder, router)) == 6


@pytest.mark.slow
@pytest.mark.fault("V12")
def test_the_counts_match_the_log_however_often_the_challenger_is_killed(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43), share=0.5)
    place = folder / "results" / paths.pairs(router.candidate, router.against, 1)

    def status() -> registry_challenger.Paired:
        return registry_challenger.read(champions.store_in(folder), router.candidate, router.against)

    with running.serving(folder) as service:
        until(service, lambda: challenger_process(service) is not None)
        until(service, lambda: service.ask("/v1/model").json["challenger"] is not None)
        for turn in range(3):
            before = status().counts["scored"]
            for number in range(30):
                key = {"X-Assignment-Key": f"{turn}-{number}"}
                assert service.ask("/v1/predict", MANY, headers=key).status == 200
            until(service, lambda: status().counts["scored"] > before)  # noqa: B023 -- called within the turn
            process = challenger_process(service)
            if turn == 1:
                hidden = place.rename(place.with_name("away"))
                place.write_text("no folder: nothing can be written below")
                assert service.ask("/v1/predict", MANY).status == 200
                time.sleep(2 * shadow_worker._STORE_SECONDS)
                place.unlink()
                hidden.rename(place)
            if process is not None:
                os.kill(process, signal.SIGKILL)
            until(service, lambda: challenger_process(service) not in (None, process))  # noqa: B023 -- likewise
        until(service, lambda: status().waiting == 0)
        assert service.stop() == 0
    answered = [line for line in service.log if line["route"] == "/v1/predict" and line["status"] == 200]
    found = status()
    assert found.unreadable == found.waiting == 0
    assert len(found.pairs) == found.counts["scored"]
    assert sum(found.counts.values()) == sum(line["patients"] for line in answered)
    by_challenger = [line["patients"] for line in answered if line["version"] == router.challenger.version[:12]]
    assert found.answered == sum(by_challenger) > 0


def test_keys_are_assigned_in_proportion_to_the_share_and_stay_assigned(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43), share=0.1)
    keys = [f"key-{number}" for number in range(5000)]
    fallen = [key for key in keys if challenger.is_assigned(router, key)]
    assert 0.085 < len(fallen) / len(keys) < 0.115
    wider = dataclasses.replace(router, share=0.3)
    assert all(challenger.is_assigned(wider, key) for key in fallen), "a larger share takes nobody back"
    assert not any(challenger.is_assigned(dataclasses.replace(router, share=0.0), key) for key in keys)


def test_an_experiment_is_read_as_it_was_written(folder: Path) -> None:
    router = champions.challenge(folder, champions.bundle("logistic", 43), share=0.25)
    assert registry_challenger.current(champions.store_in(folder)) == router
    plain = json.loads((folder / "results" / paths.EXPERIMENT).read_bytes())
    assert plain["share"] == 0.25
