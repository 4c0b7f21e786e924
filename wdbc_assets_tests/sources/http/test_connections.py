"""Connections that break, hang, drip or lie about their length."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from wdbc_assets.sources import SourceUnavailable, deadline
from wdbc_assets.sources.http import connections
from wdbc_assets_tests.misbehaving_server import TABLE, MisbehavingServer
from wdbc_assets_tests.sources.builders import Fetching, short


@contextlib.contextmanager
def port_that_takes_no_connection() -> Iterator[int]:
    """A port whose queue of connections is full, so that the kernel answers no further one."""
    with contextlib.ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            filling = sockets.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(listening.getsockname())
        yield int(listening.getsockname()[1])


def threads_at_work() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == deadline.THREAD_NAME]


@pytest.mark.fault("S01")
def test_a_refused_connection_is_tried_again_with_growing_waits(closed_port: int, fetch: Fetching) -> None:
    with pytest.raises(SourceUnavailable) as raised:
        fetch(f"http://127.0.0.1:{closed_port}/wdbc.data")
    assert raised.value.what.startswith("the connection was refused (4 attempts in ")
    assert raised.value.where == f"http://127.0.0.1:{closed_port}/wdbc.data"
    assert raised.value.hint == "Check host and port in the URL, and the network connection, or try again later."
    assert fetch.waits.asked == [0.5, 1.0, 2.0]
    assert fetch.reported == [
        "attempt 1 of 4 failed: the connection was refused; retrying in 0.5 s",
        "attempt 2 of 4 failed: the connection was refused; retrying in 1.0 s",
        "attempt 3 of 4 failed: the connection was refused; retrying in 2.0 s",
    ]


@pytest.mark.fault("S01")
@pytest.mark.parametrize("path", ["/reset", "/reset-in-body"])
def test_a_reset_connection_is_tried_again(server: MisbehavingServer, fetch: Fetching, path: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"the connection was lost \(4 attempts"):
        fetch(server.url(path))
    assert server.times_asked(path) == 4
    assert fetch.waits.asked == [0.5, 1.0, 2.0]


@pytest.mark.fault("S01")
def test_a_name_that_is_not_found_is_tried_again(fetch: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    with pytest.raises(SourceUnavailable, match="the host name could not be resolved") as raised:
        fetch("http://wdbc.invalid/wdbc.data")
    assert raised.value.where == "http://wdbc.invalid/wdbc.data"
    assert fetch.waits.asked == [0.5, 1.0, 2.0]


def test_an_answer_that_is_no_http_is_refused(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceUnavailable, match="the response ended early, or is not HTTP"):
        fetch(server.url("/no-http"))


@pytest.mark.fault("S02")
def test_a_host_that_takes_no_connection_is_given_up(fetch: Fetching) -> None:
    begin = time.monotonic()
    with port_that_takes_no_connection() as port, pytest.raises(SourceUnavailable, match="the connection timed out"):
        fetch(f"http://127.0.0.1:{port}/", short(connect_seconds=0.2, tries=2))
    assert 0.4 <= time.monotonic() - begin < 2
    assert fetch.waits.asked == [0.5]


@pytest.mark.fault("S02")
@pytest.mark.parametrize("path", ["/hang", "/hang-in-body"])
def test_a_server_that_falls_silent_is_given_up(server: MisbehavingServer, fetch: Fetching, path: str) -> None:
    begin = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"the server stopped responding \(2 attempts"):
        fetch(server.url(path), short(read_seconds=0.2, tries=2))
    assert 0.4 <= time.monotonic() - begin < 2
    assert server.times_asked(path) == 2


@pytest.mark.fault("S02")
@pytest.mark.parametrize("path", ["/drip", "/drip-headers", "/hang"])
def test_the_total_time_holds_though_no_single_read_takes_too_long(
    server: MisbehavingServer, fetch: Fetching, path: str
) -> None:
    begin = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"no complete response within 0\.5 s"):
        fetch(server.url(path), short(read_seconds=30, total_seconds=0.5))
    assert 0.5 <= time.monotonic() - begin < 1.5


@pytest.mark.fault("S02")
@pytest.mark.parametrize("path", ["/drip", "/drip-headers", "/hang"])
def test_what_was_given_up_leaves_no_thread_behind(server: MisbehavingServer, fetch: Fetching, path: str) -> None:
    with pytest.raises(SourceUnavailable):
        fetch(server.url(path), short(read_seconds=30, total_seconds=0.2))
    for thread in threads_at_work():
        thread.join(timeout=2)
    assert threads_at_work() == []


@pytest.mark.fault("S02")
def test_a_connection_made_after_the_cut_is_cut_as_well() -> None:
    line = connections.Line()
    line.cut()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line.hold(ours)
        theirs.settimeout(2)
        assert theirs.recv(1) == b""
        line.release()


@pytest.mark.fault("S06")
@pytest.mark.parametrize("surplus", [1000, 1, -1, -1000])
def test_a_body_that_has_not_the_announced_length_is_tried_again_and_refused(
    server: MisbehavingServer, fetch: Fetching, surplus: int
) -> None:
    path = f"/announces/{surplus}"
    with pytest.raises(SourceUnavailable, match=r"the response does not have the announced length \(4 attempts"):
        fetch(server.url(path))
    assert server.times_asked(path) == 4


@pytest.mark.fault("S06")
def test_a_body_that_was_cut_short_once_arrives_whole_at_the_second_try(
    server: MisbehavingServer, fetch: Fetching
) -> None:
    assert fetch(server.url("/cut-once")).content == TABLE
    assert server.times_asked("/cut-once") == 2


@pytest.mark.fault("S06")
def test_a_body_in_chunks_that_is_cut_short_is_refused(server: MisbehavingServer, fetch: Fetching) -> None:
    with pytest.raises(SourceUnavailable, match="the response does not have the announced length"):
        fetch(server.url("/chunks-cut"))
    assert server.times_asked("/chunks-cut") == 4
