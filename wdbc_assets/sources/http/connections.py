"""Connections that another thread can cut, and that notice a body longer than announced.

These are the platform's only subclasses of requests, urllib3 and http.client; everything else uses them as they come.
"""

import contextlib
import http.client
import socket
import threading
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection


class Line:
    """The sockets of one request, held so that they can be cut from outside.

    Each is a duplicate: the original is wrapped by TLS and passed around, and a cut of the duplicate cuts it
    all the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def hold(self, connected: socket.socket) -> None:
        """Remembers a new connection; cuts it at once if it came too late."""
        with self._lock:
            self._sockets.append(connected.dup())
        if self._is_cut:
            self.cut()

    def cut(self) -> None:
        """Ends every read and write on these connections, now and from now on, in whatever thread they are."""
        with self._lock:
            self._is_cut = True
            for held in self._sockets:
                with contextlib.suppress(OSError):  # the other side was faster
                    held.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Lets go of the connections; a connection is open as long as a duplicate of it is."""
        with self._lock:
            for held in self._sockets:
                held.close()
            self._sockets.clear()


class CuttableAdapter(HTTPAdapter):
    """requests' adapter, every connection of which is held by a `Line`."""

    def __init__(self, line: Line) -> None:
        super().__init__()  # it does not retry: `retrying` does
        self._line = line

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """requests' pool of connections for a request, making connections of ours."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        # Derived from the pool's own class, for it may be one of TLS or of a SOCKS proxy.
        pool.ConnectionCls = type("Connection", (_Connection, pool.ConnectionCls), {"line": self._line})
        return pool


class _ReadToTheEnd(http.client.HTTPResponse):
    """A response that reads on to where the server closes, where it says that it will.

    http.client stops at the announced length and so takes the beginning of a longer body for the whole. Read to the
    end, urllib3 compares what came with what was announced, in both directions.
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
