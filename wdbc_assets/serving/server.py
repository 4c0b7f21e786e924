"""One process that serves: uvicorn's server, whose end is certain."""

import contextlib
import logging
import math
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import FrameType

import uvicorn

from wdbc_assets import logs, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import output
from wdbc_assets.serving.protocol import BoundedConnection
from wdbc_assets.settings import Settings

FAILED = 3  # the exit code of a process that could not start, as uvicorn has it
_IDLE_SECONDS = 5  # how long a connection is kept between two requests, and how long a head may take
_CLOSING_SECONDS = 7  # what follows the last answer: the watchers end, the log is flushed
_ORPHAN_SECONDS = 1.0  # what a worker may take to end after its parent did
_BEAT_TICKS = 10  # one second

logger = logging.getLogger("wdbc_assets.serving")


def graceful_seconds(chosen: Settings) -> int:
    """Return how long requests that were taken may go on after TERM."""
    return math.ceil(2 * chosen.serve_seconds)


def ending_seconds(chosen: Settings) -> int:
    """Return after how long a process that was asked to end is ended, whatever it waits for."""
    return graceful_seconds(chosen) + _CLOSING_SECONDS


class Server(uvicorn.Server):
    """uvicorn's server. `beat` is called every second for as long as the loop goes on."""

    def __init__(self, chosen: Settings, beat: Callable[[], None] = lambda: None) -> None:
        super().__init__(_config(chosen))
        self._beat = beat
        self._ending_seconds = ending_seconds(chosen)
        self.stopped_by = 0

    def serve_until_stopped(self, listening: socket.socket) -> int:
        """Serve until TERM or Ctrl-C; return the exit code."""
        # From before uvicorn's own handlers to after them: it raises the signal once more when all is answered.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        self.run([listening])
        if not self.started and not self.stopped_by:
            return FAILED
        return 128 + self.stopped_by if self.stopped_by == signal.SIGINT else 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end. The kernel's alarm ends the process if a store, a library or a thread waits for ever."""
        if not self.stopped_by:
            self.stopped_by = sig
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(self._ending_seconds)
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Beat, and do what uvicorn does ten times a second."""
        if counter % _BEAT_TICKS == 0:
            self._beat()
        return await super().on_tick(counter)


def work(listening: socket.socket, beats: Connection) -> None:
    """Serve as one of several workers; `beats` tells the parent that the loop goes on."""
    output.open_streams()
    _end_with_parent()
    settings.metrics_folder()  # before anything counts: it may have vanished

    def beat() -> None:
        with contextlib.suppress(OSError):  # the parent does not read, or is gone
            beats.send_bytes(b"1")

    def serve() -> int:
        chosen = settings.load()
        try:
            logs.open_log(chosen.log, relative_to=settings.project_root())
        except WdbcError as error:  # it was open when the service started: no reason not to replace a worker
            logger.error("%s", error.what)  # noqa: TRY400 -- no bug whose stack would help
        return Server(chosen, beat).serve_until_stopped(listening)

    end_with(serve)


def end_with(run: Callable[[], int]) -> None:
    """End the process with what `run` returns, without waiting for threads: one may wait for a store for ever."""
    code = FAILED
    try:
        code = run()
    except WdbcError as error:
        output.STDERR.write(f"error: {error}\n".encode(errors="replace"))
    except SystemExit as stop:  # uvicorn's, for an application that could not start
        code = stop.code if isinstance(stop.code, int) else FAILED
    except Exception:
        logger.exception("the service failed")
    output.flush()
    os._exit(code)


def _end_with_parent() -> None:
    """End this worker soon after its parent did, however that ended: nobody would replace it, or stop it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)  # lets go of the port at once
        time.sleep(_ORPHAN_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _config(chosen: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        "wdbc_assets.serving.app:create",
        factory=True,
        http=BoundedConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=math.ceil(min(chosen.serve_seconds, _IDLE_SECONDS)),
        timeout_graceful_shutdown=graceful_seconds(chosen),
    )
