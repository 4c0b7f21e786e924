"""Connections that another thread can cut, and that detect a body longer than announced.

These are the platform's only subclasses of requests, urllib3 and http.client classes.
"""

import contextlib
import http.client
import socket
import threading
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection


class Line:
    """The sockets of one request, kept so that another thread can cut them.

    Each is a duplicate: TLS wraps the original and passes it on, and shutting down the duplicate cuts it all the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def hold(self, connected: socket.socket) -> None:
        """Register a new connection, and cut it immediately if `cut` was called before."""
        with self._lock:
            self._sockets.append(connected.dup())
        if self._is_cut:
            self.cut()

    def cut(self) -> None:
        """End all reads and writes on these connections, now and later, in any thread."""
        with self._lock:
            self._is_cut = True
            for held in self._sockets:
                with contextlib.suppress(OSError):  # already closed by the peer
                    held.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Close the duplicates: a connection stays open as long as one of its duplicates does."""
        with self._lock:
            for held in self._sockets:
                held.close()
            self._sockets.clear()


class CuttableAdapter(HTTPAdapter):
    """The adapter of requests, with every connection registered at a `Line`."""

    def __init__(self, line: Line) -> None:
        super().__init__()  # without retries: `retrying` does them
        self._line = line

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the connection pool of requests for a request, creating our connections."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        # Derived from the pool's own class, which may be that of TLS or of a SOCKS proxy.
        pool.ConnectionCls = type("Connection", (_Connection, pool.ConnectionCls), {"line": self._line})
        return pool


class _ReadToTheEnd(http.client.HTTPResponse):
    """A response that reads until the server closes the connection, if the server announced that it will.

    http.client stops at the announced length, and so accepts the beginning of a longer body as complete. Reading to the
    end lets urllib3 compare the received and the announced length in both directions.
    """

    def begin(self) -> None:
        super().begin()
        if self.will_close and self.length:
            self.length = None


class _Connection(HTTPConnection):
    response_class = _ReadToTheEnd
    line: Line

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self.line.hold(connected)
        return connected
