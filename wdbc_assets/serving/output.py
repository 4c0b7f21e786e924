"""Lines for standard output and standard error, written without ever waiting for the reader.

A thread per descriptor writes them. If the reader stops reading, lines wait in a bounded queue, and those that do not
fit are dropped and counted. The descriptors stay blocking: they are shared with other processes, which would otherwise
meet a non-blocking terminal or pipe.
"""

import logging
import os
import queue
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_WAITING = 5_000
_FLUSH_SECONDS = 1.0


class Lines:
    """One descriptor, and the lines that wait for it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None
        self.on_drop: Callable[[], None] = lambda: None

    def write(self, line: bytes) -> None:
        """Take a line, or drop it. A line that is shorter than PIPE_BUF never mixes with those of other processes."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"lines-{self._descriptor}", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self.on_drop()

    def flush(self, seconds: float = _FLUSH_SECONDS) -> None:
        """Wait until all lines are written, but no longer than this."""
        end = time.monotonic() + seconds
        while self._waiting.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.005)

    def _work(self) -> None:
        while True:
            line = self._waiting.get()
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:  # the reader is gone, or the disk is full
                self.on_drop()
            self._waiting.task_done()


_STANDARD_ERROR = 2

STDOUT = Lines(1)
STDERR = Lines(_STANDARD_ERROR)


class _Handler(logging.Handler):
    """Sends warnings and errors of every library to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        STDERR.write(self.format(record).encode(errors="replace") + b"\n")


def open_streams() -> None:
    """Send what this process logs through the threads, and make sure that the descriptors are what they should be.

    A process that was started with one of them closed would otherwise open a socket or a file in its place.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    logging.getLogger().addHandler(_Handler(logging.WARNING))
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a log that cannot be written would be complained of on standard error, waiting


def flush() -> None:
    """Wait for both, for a bounded time."""
    STDOUT.flush()
    STDERR.flush()
