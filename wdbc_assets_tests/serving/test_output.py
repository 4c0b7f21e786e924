"""Non-blocking output: a stalled reader delays nothing, and a normal exit loses no line."""

import json
import logging
import os
import select
import threading
import time
from collections.abc import Iterator

import pytest

from wdbc_assets.serving import output, telemetry


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.fault("V20")
def test_unread_lines_are_dropped_and_counted_and_queued_ones_stay_complete(
    pipe: tuple[int, int],
) -> None:
    read, write = pipe
    lines, dropped = output.LineWriter(write), []
    lines.on_drop = lambda: dropped.append(1)
    line = json.dumps({"text": "x" * 200}).encode() + b"\n"
    count = output._MAX_QUEUED + 2000
    for _ in range(count):
        lines.write(line)
    assert dropped
    started = time.monotonic()
    lines.flush(0.2)
    assert time.monotonic() - started < 10, "the end does not wait for a reader"
    content = b""
    while len(content) < (count - len(dropped)) * len(line):
        assert select.select([read], [], [], 20)[0]
        content += os.read(read, 65536)
    assert content == line * (count - len(dropped))
    assert os.get_blocking(write), "others share the descriptor"


@pytest.mark.fault("V20")
def test_all_lines_are_written_before_a_normal_exit(pipe: tuple[int, int]) -> None:
    read, write = pipe
    lines = output.LineWriter(write)
    for number in range(100):
        lines.write(b"%d\n" % number)
    lines.flush(20)
    assert os.read(read, 65536).split() == [b"%d" % number for number in range(100)]


@pytest.mark.fault("V20")
def test_lines_for_a_closed_pipe_are_counted_and_the_process_continues() -> None:
    read, write = os.pipe()
    os.close(read)
    lines, dropped = output.LineWriter(write), []
    lines.on_drop = lambda: dropped.append(1)
    lines.write(b"one\n")
    lines.write(b"two\n")
    lines.flush(20)
    os.close(write)
    assert len(dropped) == 2


@pytest.mark.fault("V20")
def test_lines_of_several_processes_do_not_interleave(pipe: tuple[int, int]) -> None:
    read, write = pipe
    writers = [output.LineWriter(write) for _ in range(4)]
    texts = [bytes([65 + place]) * 900 + b"\n" for place in range(4)]
    threads = [
        threading.Thread(target=lambda one=one, text=text: [one.write(text) for _ in range(200)])
        for one, text in zip(writers, texts, strict=True)
    ]
    for thread in threads:
        thread.start()
    content = b""
    while len(content) < 4 * 200 * 901:
        assert select.select([read], [], [], 20)[0]
        content += os.read(read, 65536)
    assert sorted(content.splitlines(keepends=True)) == sorted(text for text in texts for _ in range(200))


def test_dropped_lines_of_the_service_are_counted_in_a_metric() -> None:
    assert output.STDOUT.on_drop == output.STDERR.on_drop == telemetry.LINES_DROPPED.inc


def test_warnings_of_libraries_go_through_the_writer_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(output.STDERR, "write", written.append)
    handler = output._Handler(logging.WARNING)
    handler.handle(logging.LogRecord("asyncio", logging.ERROR, "", 0, "a %s", ("problem",), None))
    assert written == [b"a problem\n"]
