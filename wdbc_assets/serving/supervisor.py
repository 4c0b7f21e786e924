"""The parent of several workers: it replaces those that end or hang, and ends them all in a stated time."""

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing import connection
from types import FrameType

from wdbc_assets.serving import server

_TICK_SECONDS = 0.5
_SILENT_SECONDS = 60.0  # a worker whose loop did not go on for so long is hung
_SETTLED_SECONDS = 5.0  # a worker that served for longer did not die of its start
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_LAST_SECONDS = 1.0  # what a worker gets beyond its own alarm

Work = Callable[[socket.socket, connection.Connection], None]

logger = logging.getLogger("wdbc_assets.serving")


class Supervisor:
    """Keeps `workers` processes of `work` going on one socket. `tick` is called twice a second."""

    def __init__(
        self, work: Work, listening: socket.socket, *, workers: int, ending_seconds: float, tick: Callable[[], None]
    ) -> None:
        self._listening = listening
        self._ending_seconds = ending_seconds + _LAST_SECONDS
        self._tick = tick
        self._signals: list[int] = []
        self._places = [_Place(work, listening) for _ in range(workers)]

    def run(self) -> int:
        """Work until TERM or Ctrl-C, or until no worker can start; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._signals:
            self._tick()
            for place in self._places:
                place.tend()
            if self._cannot_start():
                self._end()
                return server.FAILED
            connection.wait([sentinel for place in self._places for sentinel in place.sentinels], _TICK_SECONDS)
        self._end()
        return 128 + signal.SIGINT if self._signals[0] == signal.SIGINT else 0

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._signals.append(number)

    def _cannot_start(self) -> bool:
        """Return whether a worker said that it cannot start, before any ever served: all would say so."""
        return not any(place.served for place in self._places) and any(place.failed for place in self._places)

    def _end(self) -> None:
        """End every worker: by TERM, and after the stated time, or a second Ctrl-C, for certain."""
        self._listening.close()
        workers = [place.worker for place in self._places if place.worker is not None]
        for worker in workers:
            worker.terminate()
        end = time.monotonic() + self._ending_seconds
        while any(worker.is_alive() for worker in workers) and time.monotonic() < end:
            if self._signals.count(signal.SIGINT) > 1:
                break
            connection.wait([worker.sentinel for worker in workers if worker.is_alive()], _TICK_SECONDS)
        for worker in workers:
            if worker.is_alive():
                logger.error("worker %s did not end in time and was killed", worker.pid)
                worker.kill()
            worker.join()


class _Place:
    """One of the workers, and what replaces it."""

    def __init__(self, work: Work, listening: socket.socket) -> None:
        self._work = work
        self._listening = listening
        self._pause = 0.0
        self._due = 0.0
        self._served_since: float | None = None
        self._heard = 0.0
        self._beats: connection.Connection | None = None
        self.worker: multiprocessing.process.BaseProcess | None = None
        self.served = False
        self.failed = False

    @property
    def sentinels(self) -> list[int]:
        """What becomes ready when the worker ends."""
        return [] if self.worker is None else [self.worker.sentinel]

    def tend(self) -> None:
        """Start a worker if there is none, and see whether the one that is there goes on."""
        now = time.monotonic()
        if self.worker is None:
            if now >= self._due:
                self._start(now)
            return
        self._listen(now)
        if self.worker.exitcode is not None:
            self._lose(now, f"ended with code {self.worker.exitcode}")
        elif now - self._heard > _SILENT_SECONDS:
            self.worker.kill()
            self.worker.join()
            self._lose(now, f"hung for {_SILENT_SECONDS:g} s and was killed")

    def _start(self, now: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._beats, theirs = context.Pipe(duplex=False)
        os.set_blocking(theirs.fileno(), False)
        self.worker = context.Process(target=self._work, args=(self._listening, theirs))
        self.worker.start()
        theirs.close()
        self._heard, self._served_since = now, None

    def _listen(self, now: float) -> None:
        assert self._beats is not None  # noqa: S101 -- made with the worker
        with contextlib.suppress(EOFError, OSError):
            while self._beats.poll():
                self._beats.recv_bytes()
                self._heard, self.served = now, True
                self._served_since = self._served_since or now

    def _lose(self, now: float, reason: str) -> None:
        assert self.worker is not None  # noqa: S101 -- it was there, or could not be lost
        assert self._beats is not None  # noqa: S101 -- likewise
        quickly = self._served_since is None or now - self._served_since < _SETTLED_SECONDS
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE) if quickly else 0.0
        self._due = now + self._pause
        again = f" soon after its start; the next starts in {self._pause:g} s" if quickly else "; it is replaced"
        logger.error("worker %s %s%s", self.worker.pid, reason, again)
        self.failed = self.worker.exitcode == server.FAILED
        self._beats.close()
        self.worker.close()
        self.worker = None
