"""One serving process: uvicorn's server with a guaranteed end."""

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

FAILED = 3  # exit code of a process that could not start, as in uvicorn
_IDLE_SECONDS = 5  # keep-alive timeout, and the timeout for a request head
_CLOSING_SECONDS = 7  # after the last response: watchers end, logs are flushed
_ORPHAN_SECONDS = 1.0  # how long a worker may take to end after its parent
_BEAT_TICKS = 10  # one second

logger = logging.getLogger("wdbc_assets.serving")


def graceful_seconds(options: Settings) -> int:
    """Return how long accepted requests may take after SIGTERM."""
    return math.ceil(2 * options.serve_seconds)


def shutdown_seconds(options: Settings) -> int:
    """Return how long a process may take to end after SIGTERM before it is killed."""
    return graceful_seconds(options) + _CLOSING_SECONDS


class Server(uvicorn.Server):
    """uvicorn's server. `beat` is called every second while the event loop runs."""

    def __init__(self, options: Settings, beat: Callable[[], None] = lambda: None) -> None:
        super().__init__(_config(options))
        self._beat = beat
        self._shutdown_seconds = shutdown_seconds(options)
        self.stopped_by = 0

    def serve_until_stopped(self, listening: socket.socket) -> int:
        """Serve until SIGTERM or Ctrl-C; return the exit code."""
        # uvicorn installs its own handlers later, restores these at its end, and raises the signal once more.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        self.run([listening])
        if not self.started and not self.stopped_by:
            return FAILED
        return 128 + self.stopped_by if self.stopped_by == signal.SIGINT else 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start the shutdown. SIGALRM kills the process if a store, a library or a thread blocks forever."""
        if not self.stopped_by:
            self.stopped_by = sig
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(self._shutdown_seconds)
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Call `beat` once a second; uvicorn ticks ten times a second."""
        if counter % _BEAT_TICKS == 0:
            self._beat()
        return await super().on_tick(counter)


def work(listening: socket.socket, beats: Connection) -> None:
    """Serve as one of several workers; `beats` carries the heartbeats to the supervisor."""
    output.open_streams()
    _end_with_parent()
    settings.metrics_folder()  # recreates the folder if it was removed, before any metric is created

    def beat() -> None:
        with contextlib.suppress(OSError):  # the supervisor does not read, or has ended
            beats.send_bytes(b"1")

    def serve() -> int:
        options = settings.load()
        try:
            logs.open_log(options.log, relative_to=settings.project_root())
        except WdbcError as error:  # the log was writable when the service started; serving matters more
            logger.error("%s", error.what)  # noqa: TRY400 -- an expected error, so no stack trace
        return Server(options, beat).serve_until_stopped(listening)

    end_with(serve)


def end_with(run: Callable[[], int]) -> None:
    """Exit with the code that `run` returns, without waiting for threads: one may be blocked by a hanging store."""
    code = FAILED
    try:
        code = run()
    except WdbcError as error:
        output.STDERR.write(f"error: {error}\n".encode(errors="replace"))
    except SystemExit as stop:  # raised by uvicorn if the application cannot start
        code = stop.code if isinstance(stop.code, int) else FAILED
    except Exception:
        logger.exception("the service crashed")
    output.flush()
    os._exit(code)


def _end_with_parent() -> None:
    """Start a thread that ends this worker when its parent has ended, in whatever way."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)  # releases the port immediately
        time.sleep(_ORPHAN_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _config(options: Settings) -> uvicorn.Config:
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
        timeout_keep_alive=math.ceil(min(options.serve_seconds, _IDLE_SECONDS)),
        timeout_graceful_shutdown=graceful_seconds(options),
    )
