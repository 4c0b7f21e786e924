"""An HTTP connection with limits that uvicorn lacks: bytes per request, pipelined requests, time to send and to read.

All bytes are counted as they arrive: head, body, chunk sizes and extensions, trailers, blank lines. The size of the
decoded body is limited in `middleware.limits`.
"""

import asyncio
import resource
import secrets
import sys
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from wdbc_assets import settings
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.middleware import request_log

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

LARGEST_HEAD = 64 * 1024
MOST_HEADERS = 100
_LINE_OVERHEAD = 4  # bytes of a header line besides name and value
_SLICE = 4096  # bytes passed to the parser in one call; a limit may be exceeded by up to this
_CHUNKED_OVERHEAD = 8  # chunked transfer encoding may add an eighth to a body

_NOT_HTTP = ProblemError(400, "not-http", "This is not a valid HTTP/1.1 request.")
_LARGE_HEAD = ProblemError(
    431,
    "large-head",
    f"The request line and headers exceed {LARGEST_HEAD} bytes or {MOST_HEADERS} headers. Send fewer or shorter ones.",
)
_LARGE_REQUEST = ProblemError(
    413, "too-large", "The request exceeds the size limit, counting chunk framing and trailers."
)


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection with limits.

    The head may take as long as the keep-alive timeout. The connection is reset if the client does not read its
    response, or keeps sending after a response that closes the connection. `_reading` and `_writing` are the timers of
    the two directions.
    """

    _waiting: ClassVar[dict["BoundedConnection", None]] = {}  # connections waiting for a head, longest wait first

    flow: "_Flow"
    _reading: "TimerHandle | None" = None
    _writing: "TimerHandle | None" = None
    _running: "RequestResponseCycle | None" = None
    _problem: ProblemError | None = None
    _complete = True  # no message is incomplete
    _in_head = True
    _ending = False
    _head_bytes = 0
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Start to wait for the first head. If there are too many connections, reset the one waiting longest."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._unparsed = bytearray()
        self._wait_for_head()
        self._waiting[self] = None
        if len(self.connections) > _max_connections():
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop both timers and notify the running request."""
        self._waiting.pop(self, None)
        self._stop_reading_timer()
        self._stop_writing_timer()
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            _disconnect(self._running)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Close once everything is sent, if the client reads it in time."""
        self._start_writing_timer()

    def data_received(self, data: bytes) -> None:
        """Pass the data to the parser as long as no pipelined request is waiting."""
        self._unparsed += data
        self._parse()

    def _parse(self) -> None:
        while self._unparsed and not self.pipeline and not self.transport.is_closing():
            piece = bytes(self._unparsed[:_SLICE])
            del self._unparsed[:_SLICE]
            self._bytes += len(piece)
            if self._bytes > self._max_bytes():
                self._reject(_LARGE_HEAD if self._in_head else _LARGE_REQUEST)
                return
            super().data_received(piece)
        self.flow.hold(held=bool(self._unparsed))
        if self._in_head and self._reading is None and self._is_idle():
            self._wait_for_head()

    def _is_idle(self) -> bool:
        return self._running is None or self._running.response_complete

    def _max_bytes(self) -> int:
        if self._in_head:
            return LARGEST_HEAD + _SLICE
        largest = _limits().serve_largest_bytes
        return 2 * LARGEST_HEAD + largest + largest // _CHUNKED_OVERHEAD

    def on_message_begin(self) -> None:
        """Start to count the bytes of a head."""
        super().on_message_begin()
        self._complete, self._in_head, self._head_bytes = False, True, 0

    def on_url(self, url: bytes) -> None:
        """Count the bytes of the URL."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header. Ignore trailers: uvicorn would add them to headers that were already validated."""
        if not self._in_head:
            return
        self._count_head(len(name) + len(value) + _LINE_OVERHEAD)
        if len(self.headers) >= MOST_HEADERS:
            self._problem = _LARGE_HEAD
            raise ValueError
        super().on_header(name, value)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > LARGEST_HEAD:
            self._problem = _LARGE_HEAD
            raise ValueError

    def on_headers_complete(self) -> None:
        """Stop the timer of the head. From here on the middleware enforces the timeouts."""
        self._stop_reading_timer()
        self._waiting.pop(self, None)
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Reset the byte count for the next request."""
        self._complete, self._in_head, self._bytes = True, True, 0
        super().on_message_complete()
        if self._ending:
            self.transport.close()

    def _start_asgi_task(self, cycle: "RequestResponseCycle", app: "ASGI3Application") -> None:
        self._running = cycle
        cycle.transport = _Ending(self)  # type: ignore[assignment] # implements all that a cycle uses
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Continue with pipelined requests."""
        super().on_response_complete()
        self._waiting[self] = None
        if self._unparsed and not self.transport.is_closing():
            self._parse()

    def end(self) -> None:
        """Close the connection after a response.

        While the client is still sending its request, only the write side is closed: a full close could reset the
        connection before the client has read the response. It may keep sending within the limits.
        """
        if self._complete:
            self.transport.close()
            self._start_writing_timer()
        elif not self._ending and not self.transport.is_closing():
            self._ending = True
            self.transport.write_eof()
            self._start_writing_timer(self.timeout_keep_alive)

    def shutdown(self) -> None:
        """Close on shutdown, within the time that a client may take to read its response."""
        super().shutdown()
        if self.transport.is_closing():
            self._start_writing_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's text is not used
        """Respond to invalid HTTP with a problem."""
        self._reject(self._problem or _NOT_HTTP)

    def _reject(self, problem: ProblemError) -> None:
        """Respond with a problem to the request that is being parsed, and close the connection."""
        self._unparsed.clear()
        running = self._running
        if running is not None and not running.response_complete:
            if running is not self.cycle or self._in_head:  # finish the response to an earlier request first
                self.pipeline.clear()
                running.keep_alive, self._complete = False, True
                self.flow.hold(held=True)
                return
            if running.response_started:
                self.transport.abort()
                return
            _disconnect(running)
        elif self._ending:
            self.transport.abort()
            return
        response = problem.response(secrets.token_hex(8))
        headers = b"".join(b"%b: %b\r\n" % header for header in (*response.raw_headers, *request_log.HEADERS))
        self.transport.write(
            STATUS_LINE[problem.status] + headers + b"connection: close\r\n\r\n" + bytes(response.body)
        )
        self.transport.close()
        self._start_writing_timer()

    def pause_writing(self) -> None:
        """Start the write timer: the client has to read."""
        super().pause_writing()
        self._start_writing_timer()

    def resume_writing(self) -> None:
        """Stop the write timer: the client has read."""
        super().resume_writing()
        if not self._ending and not self.transport.is_closing():
            self._stop_writing_timer()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle, or whose head was incomplete, for too long."""
        self._reading = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _wait_for_head(self) -> None:
        self._reading = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _stop_reading_timer(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _start_writing_timer(self, seconds: float | None = None) -> None:
        if self._writing is None:
            self._writing = self.loop.call_later(seconds or _limits().serve_seconds, self.transport.abort)

    def _stop_writing_timer(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


class _Ending:
    """A transport for the response whose `close` ends the connection gracefully."""

    def __init__(self, connection: BoundedConnection) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        self._connection.end()


class _Flow(FlowControl):
    """uvicorn's flow control, extended to pause reading while there is unparsed data."""

    _held = False

    def hold(self, *, held: bool) -> None:
        """Pause or resume reading."""
        if held != self._held and not self._transport.is_closing():
            self._held = held
            self.pause_reading() if held else self.resume_reading()

    def resume_reading(self) -> None:
        """Resume reading unless it is held."""
        if not self._held and not self._transport.is_closing():
            super().resume_reading()


def _disconnect(cycle: "RequestResponseCycle") -> None:
    """Notify a request that its client has disconnected."""
    cycle.disconnected = True
    cycle.message_event.set()


def _max_connections() -> int:
    """Return the maximum number of connections: three quarters of the file descriptors."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 3 * descriptors // 4 if descriptors != resource.RLIM_INFINITY else sys.maxsize


@cache
def _limits() -> settings.Settings:
    return settings.load()
