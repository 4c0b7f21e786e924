"""A connection within bounds: of bytes before, in and after a body, of requests sent ahead, of time to send and read.

uvicorn bounds none of them. Bytes are counted as they arrive, whatever they are: head, body, chunk sizes and their
extensions, trailers, blank lines. What a body holds is for `patience`.
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
_LINE = 4  # what a header line has beside name and value
_SLICE = 4096  # bytes given to the parser in one call: so many bytes may a bound be missed by
_CHUNKED_OVERHEAD = 8  # sizes and line ends of chunks may add an eighth to a body

_NOT_HTTP = ProblemError(400, "not-http", "This is not an HTTP/1.1 request.")
_LARGE_HEAD = ProblemError(
    431,
    "large-head",
    f"The request line and headers exceed {LARGEST_HEAD} bytes or {MOST_HEADERS} headers. Send fewer or shorter ones.",
)
_LARGE_REQUEST = ProblemError(
    413, "too-large", "The request exceeds the size limit, counting chunk framing and trailers."
)


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection with bounds.

    The head may take as long as an idle connection is kept. A client that does not read its answer, or sends on after
    one that ends the connection, is cut off: `_reading` and `_writing` are the timers of the two directions.
    """

    _waiting: ClassVar[dict["BoundedConnection", None]] = {}  # for a head, the longest first

    flow: "_Flow"
    _reading: "TimerHandle | None" = None
    _writing: "TimerHandle | None" = None
    _running: "RequestResponseCycle | None" = None
    _refused: ProblemError | None = None
    _whole = True  # no message is incomplete
    _in_head = True
    _ending = False
    _head_bytes = 0
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for the first head; of too many connections, the one that waits longest is cut off."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._unparsed = bytearray()
        self._wait_for_head()
        self._waiting[self] = None
        if len(self.connections) > _most_connections():
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop both timers, and let every request of this connection know."""
        self._waiting.pop(self, None)
        self._stop_reading_timer()
        self._stop_writing_timer()
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            _disconnect(self._running)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Close after what is still to be sent, if the client reads it in time."""
        self._start_writing_timer()

    def data_received(self, data: bytes) -> None:
        """Pass what arrived to the parser, as long as no request waits for its turn."""
        self._unparsed += data
        self._parse()

    def _parse(self) -> None:
        while self._unparsed and not self.pipeline and not self.transport.is_closing():
            part = bytes(self._unparsed[:_SLICE])
            del self._unparsed[:_SLICE]
            self._bytes += len(part)
            if self._bytes > self._most_bytes():
                self._refuse(_LARGE_HEAD if self._in_head else _LARGE_REQUEST)
                return
            super().data_received(part)
        self.flow.hold(held=bool(self._unparsed))
        if self._in_head and self._reading is None and self._is_idle():
            self._wait_for_head()

    def _is_idle(self) -> bool:
        return self._running is None or self._running.response_complete

    def _most_bytes(self) -> int:
        if self._in_head:
            return LARGEST_HEAD + _SLICE
        largest = _limits().serve_largest_bytes
        return 2 * LARGEST_HEAD + largest + largest // _CHUNKED_OVERHEAD

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._whole, self._in_head, self._head_bytes = False, True, 0

    def on_url(self, url: bytes) -> None:
        """Count it."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header; ignore a trailer, which would otherwise be added to the headers that were judged."""
        if not self._in_head:
            return
        self._count_head(len(name) + len(value) + _LINE)
        if len(self.headers) >= MOST_HEADERS:
            self._refused = _LARGE_HEAD
            raise ValueError
        super().on_header(name, value)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > LARGEST_HEAD:
            self._refused = _LARGE_HEAD
            raise ValueError

    def on_headers_complete(self) -> None:
        """Have the head: from here on the layers of the service watch the time."""
        self._stop_reading_timer()
        self._waiting.pop(self, None)
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Have the whole request; count from the start again."""
        self._whole, self._in_head, self._bytes = True, True, 0
        super().on_message_complete()
        if self._ending:
            self.transport.close()

    def _start_asgi_task(self, cycle: "RequestResponseCycle", app: "ASGI3Application") -> None:
        self._running = cycle
        cycle.transport = _Ending(self)  # type: ignore[assignment] # all of a transport that a cycle uses
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with what was sent ahead."""
        super().on_response_complete()
        self._waiting[self] = None
        if self._unparsed and not self.transport.is_closing():
            self._parse()

    def end(self) -> None:
        """End the connection after an answer.

        While the client still sends its request, only this side is ended: a closed connection would take the answer
        from it. It may send on within the bounds.
        """
        if self._whole:
            self.transport.close()
            self._start_writing_timer()
        elif not self._ending and not self.transport.is_closing():
            self._ending = True
            self.transport.write_eof()
            self._start_writing_timer(self.timeout_keep_alive)

    def shutdown(self) -> None:
        """End with the service, within the time that an answer may take to be read."""
        super().shutdown()
        if self.transport.is_closing():
            self._start_writing_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's words
        """Answer what is no HTTP in the one form of all problems."""
        self._refuse(self._refused or _NOT_HTTP)

    def _refuse(self, refused: ProblemError) -> None:
        """Answer what the parser was given last with a problem, and end the connection."""
        self._unparsed.clear()
        running = self._running
        if running is not None and not running.response_complete:
            if running is not self.cycle or self._in_head:  # an earlier request is answered first
                self.pipeline.clear()
                running.keep_alive, self._whole = False, True
                self.flow.hold(held=True)
                return
            if running.response_started:
                self.transport.abort()
                return
            _disconnect(running)
        elif self._ending:
            self.transport.abort()
            return
        answer = refused.response(secrets.token_hex(8))
        headers = b"".join(b"%b: %b\r\n" % header for header in (*answer.raw_headers, *request_log.HEADERS))
        self.transport.write(STATUS_LINE[refused.status] + headers + b"connection: close\r\n\r\n" + bytes(answer.body))
        self.transport.close()
        self._start_writing_timer()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._start_writing_timer()

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        if not self._ending and not self.transport.is_closing():
            self._stop_writing_timer()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection."""
        self._give_up()

    def _wait_for_head(self) -> None:
        self._reading = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def _stop_reading_timer(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _give_up(self) -> None:
        self._reading = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _start_writing_timer(self, seconds: float | None = None) -> None:
        if self._writing is None:
            self._writing = self.loop.call_later(seconds or _limits().serve_seconds, self.transport.abort)

    def _stop_writing_timer(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


class _Ending:
    """A connection's transport as an answer uses it: its end is that of the connection."""

    def __init__(self, connection: BoundedConnection) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        self._connection.end()


class _Flow(FlowControl):
    """uvicorn's flow control, which reads no further while there is enough to parse."""

    _held = False

    def hold(self, *, held: bool) -> None:
        """Stop reading, or go on."""
        if held != self._held and not self._transport.is_closing():
            self._held = held
            self.pause_reading() if held else self.resume_reading()

    def resume_reading(self) -> None:
        """Go on reading unless there is enough."""
        if not self._held and not self._transport.is_closing():
            super().resume_reading()


def _disconnect(cycle: "RequestResponseCycle") -> None:
    """Let a request know that nobody waits for its answer."""
    cycle.disconnected = True
    cycle.message_event.set()


def _most_connections() -> int:
    """Return how many connections leave a quarter of the descriptors to other uses."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 3 * descriptors // 4 if descriptors != resource.RLIM_INFINITY else sys.maxsize


@cache
def _limits() -> settings.Settings:
    return settings.load()
