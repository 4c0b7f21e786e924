"""Bounds: bytes, rows, time, how often and how many at once. Others are answered meanwhile."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets.serving import models
from wdbc_assets.serving.connections import LARGEST_HEAD
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.running import Service
from wdbc_assets_tests.serving.test_requests import assert_is_problem

ONE = {"patients": [models.EXAMPLE]}
HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with little patience; not to be changed."""
    folder: Path = tmp_path_factory.mktemp("strict")
    champions.promote(folder, champions.bundle())
    with running.serving(
        folder, serve_largest_bytes=20_000, serve_largest_rows=3, serve_seconds=1, serve_concurrent=4
    ) as made:
        yield made


@pytest.mark.fault("V02")
def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_sent(strict: Service) -> None:
    said = strict.send(HEAD + b"Content-Length: 999999999999\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in said
    assert b"connection: close" in said.lower()


@pytest.mark.fault("V02")
def test_a_body_of_unknown_length_is_refused_once_it_is_too_large_and_memory_stays_flat(strict: Service) -> None:
    before = resident(strict)
    with socket.create_connection(("127.0.0.1", strict.port), timeout=20) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        chunk = b"10000\r\n" + b"1" * 0x10000 + b"\r\n"
        try:
            while sent < 300 * 2**20:
                connection.sendall(chunk)
                sent += 0x10000
        except (ConnectionResetError, BrokenPipeError):
            pass
        said = running.rest(connection)
    assert said == b"" or said.startswith(b"HTTP/1.1 413 ")
    assert sent < 50 * 2**20, "the service went on reading"
    assert resident(strict) - before < 30 * 2**20
    assert strict.ask("/v1/predict", ONE).status == 200
    assert 413 in [line["status"] for line in strict.log]


def resident(service: Service) -> int:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.mark.fault("V02")
def test_too_many_patients_are_refused(strict: Service) -> None:
    assert strict.ask("/v1/predict", {"patients": [models.EXAMPLE] * 3}).status == 200
    refused = strict.ask("/v1/predict", {"patients": [models.EXAMPLE] * 4})
    assert refused.status == 422
    assert refused.json["errors"][0]["rule"] == "too_long"
    assert refused.json["errors"][0]["field"] == "patients"


@pytest.mark.fault("V02")
def test_an_upload_that_never_ends_is_ended_by_the_time_and_others_are_answered_meanwhile(strict: Service) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=20) as connection:
        connection.sendall(HEAD + b"Content-Length: 5000\r\n\r\n{")
        started = time.monotonic()
        assert strict.ask("/v1/predict", ONE).status == 200
        said = running.rest(connection)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"slow-upload" in said
        assert time.monotonic() - started < 5


@pytest.mark.fault("V02")
@pytest.mark.parametrize("begun", [b"", b"POST /v1/pre", b"GET /v1/model HTTP/1.1\r\nHost: localhost\r\nA"])
def test_a_head_that_never_ends_is_ended_by_the_time(strict: Service, begun: bytes) -> None:
    started = time.monotonic()
    assert strict.send(begun) == b""
    assert 0.5 < time.monotonic() - started < 10


@pytest.mark.fault("V02")
def test_a_second_head_on_the_same_connection_must_be_in_time_too(strict: Service) -> None:
    first = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    started = time.monotonic()
    said = strict.send(first + b"GET /health/li")
    assert said.count(b"HTTP/1.1 200") == 1
    assert time.monotonic() - started < 10


@pytest.mark.fault("V02")
def test_an_endless_head_is_cut_off(strict: Service) -> None:
    head = b"GET /health/live HTTP/1.1\r\n" + b"".join(
        b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(3 * LARGEST_HEAD // 1000)
    )
    started = time.monotonic()
    with pytest.raises((ConnectionResetError, BrokenPipeError, AssertionError)):
        assert strict.send(head) == b"anything"
    assert time.monotonic() - started < 0.9
    assert strict.ask("/health/live").status == 200


@pytest.mark.fault("V01")
def test_what_is_no_http_is_answered_in_the_one_form(strict: Service) -> None:
    said = strict.send(b"\x16\x03\x01 hello\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == "urn:wdbc:problem:not-http"


@pytest.mark.fault("V02")
def test_more_requests_at_once_than_are_worked_on_are_told_to_come_again(strict: Service) -> None:
    waiting = [socket.create_connection(("127.0.0.1", strict.port), timeout=20) for _ in range(4)]
    try:
        for connection in waiting:
            connection.sendall(HEAD + b"Content-Length: 5000\r\n\r\n{")
        time.sleep(0.3)
        refused = strict.ask("/v1/predict", ONE)
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert_is_problem(refused)
        for connection in waiting:
            assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")
    finally:
        for connection in waiting:
            connection.close()
    assert strict.ask("/v1/predict", ONE).status == 200


@pytest.mark.fault("V04")
def test_too_many_requests_of_one_key_are_refused_with_retry_after_and_another_key_goes_on(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    greedy, modest = (running.wdbc(tmp_path, "key", "create", name).stdout.strip() for name in ("greedy", "modest"))
    with running.serving(tmp_path, serve_requests_per_minute=20) as service:
        statuses = []
        for _ in range(25):
            said = service.ask("/v1/predict", ONE, headers={"Authorization": f"Bearer {greedy}"})
            statuses.append(said.status)
        assert statuses == [200] * 20 + [429] * 5
        assert 1 <= int(said.headers["retry-after"]) <= 60
        assert_is_problem(said)
        assert service.ask("/v1/predict", ONE, headers={"Authorization": f"Bearer {modest}"}).status == 200
        assert service.ask("/health/ready").status == 200


@pytest.mark.fault("V02")
def test_a_hundred_connections_at_once_are_all_answered(service: Service) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.extend(service.ask("/v1/predict", ONE).status for _ in range(3))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) > 200


@pytest.mark.slow
@pytest.mark.fault("V02")
def test_half_a_minute_of_good_and_bad_requests_leaves_memory_and_descriptors_flat(tmp_path: Path) -> None:
    passports = [champions.promote(tmp_path, champions.bundle("logistic", seed)) for seed in (42, 43)]
    bad = [b"[" * 100_000, b'{"patients": [{}]}', b"x" * 3_000_000, b'{"patients": [' + b"1," * 500_000]
    statuses: list[int] = []
    done = threading.Event()
    with running.serving(tmp_path) as service:

        def load(place: int) -> None:
            turn = place
            while not done.is_set():
                turn += 1
                with contextlib.suppress(ConnectionError):  # an upload that was refused before it was whole
                    asked = bad[turn // 5 % 4] if turn % 5 == 0 else ONE
                    statuses.append(service.ask("/v1/predict", asked).status)

        threads = [threading.Thread(target=load, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        seen = []
        for turn in range(100):
            fresh = tmp_path / "results" / "champion" / "next"
            fresh.write_bytes(passports[turn % 2].to_json())
            fresh.replace(fresh.with_name("current.json"))
            time.sleep(0.3)
            seen.append((resident(service), len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))))
        done.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200, 400, 413, 422}
    settled, last = seen[len(seen) // 3 :][:10], seen[-10:]
    assert max(memory for memory, _ in last) < max(memory for memory, _ in settled) + 8 * 2**20
    assert max(files for _, files in last) < max(files for _, files in settled) + 10
