"""Limits of bytes, rows, time, rate and concurrency. Other clients are served meanwhile."""

import asyncio
import contextlib
import json
import re
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from wdbc_assets.serving.api import endpoints, schemas
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.middleware import limits, request_context
from wdbc_assets.serving.protocol import LARGEST_HEAD
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.running import Service
from wdbc_assets_tests.serving.test_requests import assert_is_problem

ONE = {"patients": [schemas.EXAMPLE]}
HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with strict limits. Tests must not change it."""
    folder: Path = tmp_path_factory.mktemp("strict")
    champions.promote(folder, champions.bundle())
    with running.serving(
        folder, serve_largest_bytes=20_000, serve_largest_rows=3, serve_seconds=1, serve_concurrent=4
    ) as made:
        yield made


@pytest.mark.fault("V02")
def test_a_body_with_too_large_a_content_length_is_rejected_before_it_is_sent(strict: Service) -> None:
    response = strict.send(HEAD + b"Content-Length: 999999999999\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in response
    assert b"connection: close" in response.lower()


@pytest.mark.fault("V02")
def test_a_chunked_body_that_grows_too_large_is_rejected_in_constant_memory(strict: Service) -> None:
    before = strict.resident
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
        response = running.rest(connection)
    assert response == b"" or response.startswith(b"HTTP/1.1 413 ")
    assert sent < 50 * 2**20, "the service went on reading"
    assert strict.resident - before < 30 * 2**20
    assert strict.ask("/v1/predict", ONE).status == 200
    assert 413 in [line["status"] for line in strict.log]


@pytest.mark.fault("V02")
def test_rejected_requests_are_not_kept_in_memory(service: Service) -> None:
    no_json = b'{"patients": ' + b"1" * 1_000_000
    assert service.ask("/v1/predict", no_json).status == 400
    before = service.resident
    for _ in range(60):
        assert service.ask("/v1/predict", no_json).status == 400
        assert service.ask("/nowhere", no_json, method="POST").status == 404
    assert service.resident - before < 20 * 2**20


@pytest.mark.fault("V02")
def test_too_many_patients_are_rejected(strict: Service) -> None:
    assert strict.ask("/v1/predict", {"patients": [schemas.EXAMPLE] * 3}).status == 200
    refused = strict.ask("/v1/predict", {"patients": [schemas.EXAMPLE] * 4})
    assert refused.status == 422
    assert refused.json["errors"][0]["rule"] == "too_long"
    assert refused.json["errors"][0]["field"] == "patients"


@pytest.mark.fault("V02")
def test_an_endless_upload_times_out_and_other_requests_are_served_meanwhile(strict: Service) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=20) as connection:
        connection.sendall(HEAD + b"Content-Length: 5000\r\n\r\n{")
        started = time.monotonic()
        assert strict.ask("/v1/predict", ONE).status == 200
        response = running.rest(connection)
        assert response.startswith(b"HTTP/1.1 408 ")
        assert b"slow-upload" in response
        assert time.monotonic() - started < 5


@pytest.mark.fault("V02")
@pytest.mark.parametrize("begun", [b"", b"POST /v1/pre", b"GET /v1/model HTTP/1.1\r\nHost: localhost\r\nA"])
def test_an_endless_head_times_out(strict: Service, begun: bytes) -> None:
    started = time.monotonic()
    assert strict.send(begun) == b""
    assert 0.5 < time.monotonic() - started < 10


@pytest.mark.fault("V02")
def test_a_second_head_on_the_same_connection_times_out_too(strict: Service) -> None:
    first = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    started = time.monotonic()
    response = strict.send(first + b"GET /health/li")
    assert response.count(b"HTTP/1.1 200") == 1
    assert time.monotonic() - started < 10


def head_of(size: int) -> bytes:
    """Return a complete request head of this size."""
    lines = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    while size - len(lines) > 3000:
        lines += b"X-Filler: " + b"a" * 1000 + b"\r\n"
    return lines + b"X-Last: " + b"a" * (size - len(lines) - len(b"X-Last: \r\n\r\n")) + b"\r\n\r\n"


@pytest.mark.fault("V15")
def test_a_head_of_more_than_64_kib_is_rejected(strict: Service) -> None:
    assert strict.send(head_of(60_000)).startswith(b"HTTP/1.1 200 ")
    refused = strict.send(head_of(LARGEST_HEAD + 1000))
    assert refused.startswith(b"HTTP/1.1 431 ")
    assert b"urn:wdbc:problem:large-head" in refused


@pytest.mark.fault("V15")
@pytest.mark.parametrize(
    "endless",
    [
        b"X-Filler: " + b"a" * 1000 + b"\r\n",
        b"a:\r\n",
        b"X-Filler: " + b"a" * 2_000_000,
        b"\r\n",
    ],
    ids=["headers", "tiny headers", "one header", "blank lines"],
)
@pytest.mark.parametrize("begun", [b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n", b""], ids=["head", "nothing"])
def test_an_endless_head_is_cut_off_in_constant_memory(strict: Service, begun: bytes, endless: bytes) -> None:
    sent = flood(strict, begun, endless)
    assert sent < 30 * 2**20, "the service went on reading"
    assert strict.ask("/health/live").status == 200


@pytest.mark.fault("V15")
@pytest.mark.parametrize(
    ("begun", "endless"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n", b"X-Filler: " + b"a" * 200 + b"\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Filler: ", b"a" * 60_000),
        (b"Transfer-Encoding: chunked\r\n\r\n1;a=", b"a" * 60_000),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 2000 + b"\r\n1\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n1\r\n"),
        (b"Content-Length: 5\r\n\r\n{}   ", b"\r\n"),
    ],
    ids=["trailers", "one trailer", "one chunk extension", "chunk extensions", "tiny chunks", "blank lines after"],
)
@pytest.mark.parametrize("path", [b"/v1/predict", b"/health/live", b"/nowhere"])
def test_framing_and_trailers_of_a_body_are_limited_in_constant_memory(
    strict: Service, path: bytes, begun: bytes, endless: bytes
) -> None:
    before = strict.resident
    sent = flood(strict, HEAD.replace(b"/v1/predict", path) + begun, endless)
    assert sent < 50 * 2**20, "the service went on reading"
    assert strict.resident - before < 30 * 2**20
    assert strict.ask("/v1/predict", ONE).status == 200


def flood(service: Service, begun: bytes, endless: bytes) -> int:
    """Send bytes until the service closes the connection, at most 300 MB; return how many were sent."""
    part = endless * max(1, 65536 // len(endless))
    sent = 0
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        try:
            connection.sendall(begun)
            while sent < 300 * 2**20:
                connection.sendall(part)
                sent += len(part)
        except (ConnectionResetError, BrokenPipeError):
            pass
    return sent


@pytest.mark.fault("V15")
def test_a_trailer_is_not_added_to_the_headers(strict: Service) -> None:
    body = json.dumps(ONE).encode()
    chunked = b"%x\r\n%b\r\n0\r\nX-Request-ID: from-a-trailer\r\nHost: elsewhere\r\n\r\n" % (len(body), body)
    response = strict.send(HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked)
    assert response.startswith(b"HTTP/1.1 200 ")
    assert b"from-a-trailer" not in response


@pytest.mark.fault("V15")
def test_pipelined_requests_are_answered_in_order(strict: Service) -> None:
    body = json.dumps(ONE).encode()
    asked = b"".join(
        HEAD + b"X-Request-ID: ahead-%d\r\nContent-Length: %d\r\n\r\n%b" % (number, len(body), body)
        + b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: live-%d\r\n\r\n" % number
        for number in range(60)
    )  # fmt: skip
    last = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    response = strict.send(asked + last)
    assert response.count(b"HTTP/1.1 200 ") == 121
    answered = re.findall(rb"x-request-id: (ahead|live)-(\d+)\r\n", response)
    assert answered == [(kind, b"%d" % number) for number in range(60) for kind in (b"ahead", b"live")]


@pytest.mark.fault("V15")
def test_endless_pipelined_requests_without_reading_use_constant_memory(strict: Service) -> None:
    before = strict.resident
    part = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
    with socket.create_connection(("127.0.0.1", strict.port), timeout=0.5) as connection:
        with contextlib.suppress(OSError):  # the service stopped reading or closed the connection
            for _ in range(5000):
                connection.send(part)
        assert strict.resident - before < 20 * 2**20
    assert strict.ask("/health/live").status == 200


@pytest.mark.fault("V15")
def test_a_response_is_sent_before_the_rejection_of_later_bytes(strict: Service) -> None:
    body = json.dumps(ONE).encode()
    response = strict.send(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body) + b"\x16\x03\x01 no HTTP\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 200 ")


@pytest.mark.fault("V02")
def test_a_rejection_reaches_a_client_that_is_still_sending(strict: Service) -> None:
    refused = strict.ask("/nowhere", b"x" * 15_000)
    assert refused.status == 404
    assert refused.headers["connection"] == "close"
    head = HEAD.replace(b"application/json", b"text/plain") + b"Content-Length: 19000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", strict.port), timeout=20) as connection:
        connection.sendall(head + b"x" * 9000)
        strict.until(lambda: 415 in [line["status"] for line in strict.log])
        for _ in range(10):  # a closed connection would reset them
            assert strict.ask("/health/live").status == 200
            connection.sendall(b"x" * 1000)
        response = running.rest(connection)
    assert response.startswith(b"HTTP/1.1 415 ")
    assert response.endswith(b"}")


@pytest.mark.fault("V01")
def test_invalid_http_is_answered_with_problem_details(strict: Service) -> None:
    response = strict.send(b"\x16\x03\x01 hello\r\n\r\n")
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == "urn:wdbc:problem:not-http"


UNREAD = b"GET /pages/redoc.standalone.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20


@contextlib.contextmanager
def many(service: Service, number: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that send this, and then neither read nor send."""
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(number):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(20)
            connection.connect(("127.0.0.1", service.port))
            connection.sendall(sent)
            made.append(connection)
        yield made


@pytest.mark.fault("V16")
@pytest.mark.parametrize(
    "sent",
    [
        UNREAD,
        UNREAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        HEAD + b"Content-Length: 5000\r\n\r\n{",
    ],
    ids=["unread", "unread and closed", "slow"],
)
def test_clients_that_neither_read_nor_send_occupy_no_slot_and_are_reset(strict: Service, sent: bytes) -> None:
    before = strict.descriptors
    with many(strict, 70, sent):
        for _ in range(5):
            assert strict.ask("/health/live").status == 200
            assert strict.ask("/v1/predict", ONE).status == 200
        strict.until(lambda: strict.descriptors <= before + 2)  # although no client has closed its connection
    assert strict.ask("/v1/predict", ONE).status == 200
    assert "Traceback" not in strict.stderr


@pytest.mark.fault("V16")
def test_a_client_that_half_closes_and_never_reads_is_reset(strict: Service) -> None:
    before = strict.descriptors
    with many(strict, 20, UNREAD) as connections:
        for connection in connections:
            connection.shutdown(socket.SHUT_WR)
        strict.until(lambda: strict.descriptors <= before + 2)
    assert "Traceback" not in strict.stderr


@pytest.mark.fault("V16")
@pytest.mark.parametrize(
    "sent", [b"GET /health/li", b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["half heads", "idle"]
)
def test_more_connections_than_descriptors_leave_the_service_reachable(tmp_path: Path, sent: bytes) -> None:
    champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, serve_seconds=60) as service:
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (160, 160))
        with many(service, 300, sent) as connections:
            assert service.ask("/health/live").status == 200
            assert service.ask("/v1/predict", ONE).status == 200
            assert service.descriptors < 160
            assert running.rest(connections[0]).count(b"HTTP/1.1 200 ") <= 1  # the oldest was reset
        assert "Traceback" not in service.stderr


@pytest.mark.fault("V16")
def test_beyond_the_upload_limit_the_busiest_callers_oldest_upload_is_ended(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    greedy, modest = (running.wdbc(tmp_path, "key", "create", name).stdout.strip() for name in ("greedy", "modest"))

    def slow(key: str) -> bytes:
        return HEAD + b"Authorization: Bearer %b\r\nContent-Length: 5000\r\n\r\n{" % key.encode()

    with (
        running.serving(tmp_path, serve_concurrent=4, serve_seconds=60) as service,
        many(service, 1, slow(modest)) as modest_ones,
        many(service, 9, slow(greedy)) as greedy_ones,
    ):
        for connection in greedy_ones[:6]:  # four are left, including that of the modest client
            assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")
        for key in (greedy, modest):
            assert service.ask("/v1/predict", ONE, headers={"Authorization": f"Bearer {key}"}).status == 200
        body = json.dumps(ONE).encode()[1:]
        modest_ones[0].sendall(body + b" " * (4999 - len(body)))
        assert modest_ones[0].recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.fault("V16")
def test_no_caller_occupies_more_than_half_of_the_slots() -> None:
    slots = limits._Slots(4)
    assert [slots.acquire("greedy") for _ in range(4)] == [True, True, False, False]
    assert [slots.acquire("modest"), slots.acquire("third"), slots.acquire("fourth")] == [True, True, False]
    slots.release("greedy")
    assert [slots.acquire("greedy"), slots.acquire("fourth")] == [True, False]


async def answered(layer: limits.RequestLimits, path: str, client: str, reads: asyncio.Event | None = None) -> int:
    """Send a request through the middleware and return the status. The client reads once `reads` is set."""
    scope: Scope = {"type": "http", "method": "GET", "path": path, "headers": [], "client": (client, 1)}
    request_context.begin(scope).route = endpoints.find(scope["path"])
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        if reads is not None:
            await reads.wait()
        sent.append(message)

    try:
        await layer(scope, receive, send)
    except ProblemError as refused:
        return refused.status
    return int(sent[0]["status"])


@pytest.mark.fault("V16")
def test_beyond_the_concurrency_limit_only_the_health_routes_respond() -> None:
    async def tried() -> tuple[list[int], list[int]]:
        done = asyncio.Event()

        async def work(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/v1/model":
                await done.wait()
            await send({"type": "http.response.start", "status": 200})

        layer = limits.RequestLimits(work, largest=1, seconds=60, at_once=2)
        waiting = asyncio.create_task(answered(layer, "/v1/model", "greedy"))
        await asyncio.sleep(0)
        meanwhile = [
            await answered(layer, "/v1/contract", "greedy"),
            await answered(layer, "/v1/contract", "modest"),
            await answered(layer, "/health/live", "greedy"),
            await answered(layer, "/health/ready", "greedy"),
        ]
        done.set()
        return meanwhile, [await waiting, await answered(layer, "/v1/contract", "greedy")]

    assert asyncio.run(tried()) == ([503, 200, 200, 200], [200, 200])


@pytest.mark.fault("V16")
def test_an_unread_response_occupies_no_slot() -> None:
    async def tried() -> list[int]:
        async def work(_: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200})

        layer = limits.RequestLimits(work, largest=1, seconds=60, at_once=2)
        reads = asyncio.Event()
        waiting = [asyncio.create_task(answered(layer, "/v1/model", "greedy", reads)) for _ in range(5)]
        await asyncio.sleep(0)
        meanwhile = await answered(layer, "/v1/model", "greedy")
        reads.set()
        return [meanwhile, *await asyncio.gather(*waiting)]

    assert asyncio.run(tried()) == [200] * 6


@pytest.mark.fault("V04")
def test_the_rate_limit_rejects_one_key_with_retry_after_and_spares_others(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    greedy, modest = (running.wdbc(tmp_path, "key", "create", name).stdout.strip() for name in ("greedy", "modest"))
    with running.serving(tmp_path, serve_requests_per_minute=20) as service:
        statuses = []
        for _ in range(25):
            response = service.ask("/v1/predict", ONE, headers={"Authorization": f"Bearer {greedy}"})
            statuses.append(response.status)
        assert statuses == [200] * 20 + [429] * 5
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert_is_problem(response)
        assert service.ask("/v1/predict", ONE, headers={"Authorization": f"Bearer {modest}"}).status == 200
        assert service.ask("/health/ready").status == 200


@pytest.mark.fault("V02")
def test_a_hundred_simultaneous_connections_are_all_served(service: Service) -> None:
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


@pytest.mark.nightly
@pytest.mark.fault("V02")
def test_half_a_minute_of_mixed_requests_leaks_no_memory_or_descriptors(tmp_path: Path) -> None:
    manifests = [champions.promote(tmp_path, champions.bundle("logistic", seed)) for seed in (42, 43)]
    bad = [b"[" * 10_000, b'{"patients": [{}]}', b"x" * 3_000_000, b'{"patients": [' + b"1," * 500_000]
    statuses: list[int] = []
    done = threading.Event()
    with running.serving(tmp_path) as service:

        def load(place: int) -> None:
            turn = place
            while not done.is_set():
                turn += 1
                with contextlib.suppress(ConnectionError):  # an upload that was rejected before it was complete
                    asked = bad[turn // 5 % 4] if turn % 5 == 0 else ONE
                    statuses.append(service.ask("/v1/predict", asked).status)

        threads = [threading.Thread(target=load, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        seen = []
        for turn in range(100):
            fresh = tmp_path / "results" / "champion" / "next"
            fresh.write_bytes(manifests[turn % 2].to_json())
            fresh.replace(fresh.with_name("current.json"))
            time.sleep(0.3)
            seen.append((service.resident, service.descriptors))
        done.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200, 400, 413, 422}
    settled, last = seen[len(seen) // 3 :][:10], seen[-10:]
    assert max(memory for memory, _ in last) < max(memory for memory, _ in settled) + 8 * 2**20
    assert max(files for _, files in last) < max(files for _, files in settled) + 10
