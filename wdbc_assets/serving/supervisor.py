"""The supervisor of several workers: replaces workers that end or hang, and stops them all within a bounded time."""

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
_SILENT_SECONDS = 60.0  # a worker without a heartbeat for this long counts as hung
_SETTLED_SECONDS = 5.0  # a worker that served for this long is replaced without a pause
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_GRACE_SECONDS = 1.0  # on top of the worker's own alarm

Work = Callable[[socket.socket, connection.Connection], None]

logger = logging.getLogger("wdbc_assets.serving")


class Supervisor:
    """Keeps `workers` processes running `work` on one socket. `tick` is called twice a second."""

    def __init__(
        self, work: Work, listening: socket.socket, *, workers: int, shutdown_seconds: float, tick: Callable[[], None]
    ) -> None:
        self._listening = listening
        self._shutdown_seconds = shutdown_seconds + _GRACE_SECONDS
        self._tick = tick
        self._signals: list[int] = []
        self._slots = [_Slot(work, listening) for _ in range(workers)]

    def run(self) -> int:
        """Run until SIGTERM or Ctrl-C, or until no worker can start; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._signals:
            self._tick()
            for slot in self._slots:
                slot.check()
            if self._cannot_start():
                self._end()
                return server.FAILED
            connection.wait([sentinel for slot in self._slots for sentinel in slot.sentinels], _TICK_SECONDS)
        self._end()
        return 128 + signal.SIGINT if self._signals[0] == signal.SIGINT else 0

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._signals.append(number)

    def _cannot_start(self) -> bool:
        """Return whether a worker failed to start and none has ever served, so that replacing it is pointless."""
        return not any(slot.served for slot in self._slots) and any(slot.failed for slot in self._slots)

    def _end(self) -> None:
        """Stop every worker with SIGTERM; kill those still alive after the timeout or a second Ctrl-C."""
        self._listening.close()
        workers = [slot.worker for slot in self._slots if slot.worker is not None]
        for worker in workers:
            worker.terminate()
        end = time.monotonic() + self._shutdown_seconds
        while any(worker.is_alive() for worker in workers) and time.monotonic() < end:
            if self._signals.count(signal.SIGINT) > 1:
                break
            connection.wait([worker.sentinel for worker in workers if worker.is_alive()], _TICK_SECONDS)
        for worker in workers:
            if worker.is_alive():
                logger.error("worker %s did not end in time and was killed", worker.pid)
                worker.kill()
            worker.join()


class _Slot:
    """One of the supervised workers, and the state needed to replace it."""

    def __init__(self, work: Work, listening: socket.socket) -> None:
        self._work = work
        self._listening = listening
        self._pause = 0.0
        self._start_at = 0.0
        self._served_since: float | None = None
        self._last_heartbeat = 0.0
        self._beats: connection.Connection | None = None
        self.worker: multiprocessing.process.BaseProcess | None = None
        self.served = False
        self.failed = False

    @property
    def sentinels(self) -> list[int]:
        """The sentinel that becomes ready when the worker ends, if there is a worker."""
        return [] if self.worker is None else [self.worker.sentinel]

    def check(self) -> None:
        """Start a worker if none is running and it is time; otherwise check that it is alive."""
        now = time.monotonic()
        if self.worker is None:
            if now >= self._start_at:
                self._start(now)
            return
        self._listen(now)
        if self.worker.exitcode is not None:
            self._schedule_replacement(now, f"exited with code {self.worker.exitcode}")
        elif now - self._last_heartbeat > _SILENT_SECONDS:
            self.worker.kill()
            self.worker.join()
            self._schedule_replacement(now, f"hung for {_SILENT_SECONDS:g} s and was killed")

    def _start(self, now: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._beats, sender = context.Pipe(duplex=False)
        os.set_blocking(sender.fileno(), False)
        self.worker = context.Process(target=self._work, args=(self._listening, sender))
        self.worker.start()
        sender.close()
        self._last_heartbeat, self._served_since = now, None

    def _listen(self, now: float) -> None:
        assert self._beats is not None  # noqa: S101 -- created with the worker
        with contextlib.suppress(EOFError, OSError):
            while self._beats.poll():
                self._beats.recv_bytes()
                self._last_heartbeat, self.served = now, True
                self._served_since = self._served_since or now

    def _schedule_replacement(self, now: float, reason: str) -> None:
        assert self.worker is not None  # noqa: S101 -- only a running worker is replaced
        assert self._beats is not None  # noqa: S101 -- likewise
        quickly = self._served_since is None or now - self._served_since < _SETTLED_SECONDS
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE) if quickly else 0.0
        self._start_at = now + self._pause
        follow_up = f" shortly after its start; restarting in {self._pause:g} s" if quickly else "; replacing it"
        logger.error("worker %s %s%s", self.worker.pid, reason, follow_up)
        self.failed = self.worker.exitcode == server.FAILED
        self._beats.close()
        self.worker.close()
        self.worker = None
