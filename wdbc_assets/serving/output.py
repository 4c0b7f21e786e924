"""Non-blocking writing of lines to standard output and standard error.

One thread per descriptor does the writing. If the reader stops reading, lines wait in a bounded queue, and lines that
do not fit are dropped and counted. The descriptors stay in blocking mode because they are shared with other processes.
"""

import logging
import os
import queue
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_QUEUED = 5_000
_FLUSH_SECONDS = 1.0


class LineWriter:
    """One descriptor and its queue of lines."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: queue.Queue[bytes] = queue.Queue(_MAX_QUEUED)
        self._thread: threading.Thread | None = None
        self.on_drop: Callable[[], None] = lambda: None

    def write(self, line: bytes) -> None:
        """Queue a line, or drop it. A line shorter than PIPE_BUF never interleaves with those of other processes."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"lines-{self._descriptor}", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self.on_drop()

    def flush(self, seconds: float = _FLUSH_SECONDS) -> None:
        """Wait until all lines are written, at most this long."""
        end = time.monotonic() + seconds
        while self._queue.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.005)

    def _work(self) -> None:
        while True:
            line = self._queue.get()
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:  # the reader closed the pipe, or the disk is full
                self.on_drop()
            self._queue.task_done()


_STANDARD_ERROR = 2

STDOUT = LineWriter(1)
STDERR = LineWriter(_STANDARD_ERROR)


class _Handler(logging.Handler):
    """Logging handler that writes warnings and errors of all libraries to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        STDERR.write(self.format(record).encode(errors="replace") + b"\n")


def open_streams() -> None:
    """Route the logging of this process through the writer threads, and reopen closed standard descriptors.

    If the process was started with one of them closed, the next socket or file would otherwise take its number.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    logging.getLogger().addHandler(_Handler(logging.WARNING))
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # otherwise logging reports write errors on standard error, and blocks


def flush() -> None:
    """Wait for both streams, for a bounded time."""
    STDOUT.flush()
    STDERR.flush()
