"""The server itself: connections, TLS, and what it was asked. What it answers stands in `behaviours`."""

import socket
import socketserver
import ssl
import struct
import sys
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import ClassVar, Self

from wdbc_assets_tests.misbehaving_server.certificates import Certificate

TABLE = b"".join(
    b"%d,%s,%s\n" % (number, b"MB"[number % 2 : number % 2 + 1], b",".join([b"%d.25" % number] * 30))
    for number in range(1, 51)
)
"""Fifty lines in the form of UCI's file; a test that needs a table which keeps the contract gives its own."""


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    path: str
    headers: Message


class MisbehavingServer(socketserver.ThreadingTCPServer):
    """Listens on an ephemeral port of 127.0.0.1 for as long as it is entered.

    Attributes:
        content: the table that the well-behaved paths deliver.
        drip_seconds: the pause between two bytes of a dripping path.
        requests: everything asked so far, in order.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, content: bytes = TABLE, *, certificate: Certificate | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.drip_seconds = 0.05
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.crashes: list[BaseException] = []
        self._context = _tls(certificate) if certificate else None
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        assert not self.crashes, f"a behaviour of the test server crashed: {self.crashes}"

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str, *, user_info: str = "", host: str = "127.0.0.1") -> str:
        """The address of a behaviour, with the user-info `user:password` if given."""
        scheme = "https" if self._context else "http"
        return f"{scheme}://{user_info}{'@' if user_info else ''}{host}:{self.port}{path}"

    def times_asked(self, path: str) -> int:
        """How many requests came for exactly this path, its query included."""
        return sum(request.path == path for request in self.requests)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self._context:  # the handshake is made in the handler's thread, so that a refused one blocks nobody
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave are what this server is for; anything else is a mistake in a behaviour."""
        crash = sys.exception()
        if crash and not isinstance(crash, OSError):
            self.crashes.append(crash)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MisbehavingServer
    behaviours: ClassVar[dict[str, Callable[..., None]]] = {}

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.requests.append(Request(self.path, self.headers))
        name, *arguments = urllib.parse.urlsplit(self.path).path.strip("/").split("/")
        self.behaviours[name](self, *arguments)

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Sends a whole answer; a header's name is given with `_` for `-`."""
        self.begin(status, **{"Content_Length": str(len(body)), **headers})
        self.wfile.write(body)

    def begin(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def table(self, **headers: str) -> None:
        self.answer(self.server.content, 200, **headers)

    def drip(self, data: bytes) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            if self.server.closing.wait(self.server.drip_seconds):
                return

    def reset(self) -> None:
        """Ends the connection with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def asked_before(self) -> int:
        return self.server.times_asked(self.path) - 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is http.server's
        """Says nothing: the requests are remembered instead."""


def behaviour(function: Callable[..., None]) -> Callable[..., None]:
    Handler.behaviours[function.__name__.replace("_", "-")] = function
    return function


def _tls(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.pem, certificate.key)
    return context
