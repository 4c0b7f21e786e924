"""Receivers of alerts on loopback: a webhook that answers as it is asked to, and a mail server with STARTTLS."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from wdbc_assets_tests.misbehaving_server.certificates import Certificate

HANG = 0
"""In the place of a status: no answer."""


@dataclass(frozen=True)
class Received:
    """One request of a channel."""

    path: str
    headers: Message
    body: Any
    at: float

    @property
    def key(self) -> str | None:
        return self.headers["Idempotency-Key"]

    @property
    def title(self) -> str:
        return str(self.body["title"])

    @property
    def text(self) -> str:
        return str(self.body["message"])


class Webhook:
    """Listens on an ephemeral port of 127.0.0.1 for as long as it is entered.

    Attributes:
        statuses: What to answer to the next requests; then 200.
        requests: All requests so far, in order.
    """

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[Received] = []
        self.closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(Received(self.path, self.headers, _decoded(content), time.monotonic()))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                if status == HANG:
                    receiver.closing.wait(30)
                    return
                self.send_response(status)
                answer = b'{"ok": true, "result": {}}' if self.path.startswith("/bot") else b"ok"
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name of the base class
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        serve = {"poll_interval": 0.01}
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs=serve, daemon=True)

    @property
    def url(self) -> str:
        return f"json://{self.address}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


@dataclass
class Mailbox:
    """What a mail server was sent."""

    port: int
    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        self.envelopes.append(envelope)
        return "250 OK"


@contextmanager
def mail_server(certificate: Certificate, *, user: str, password: str) -> Iterator[Mailbox]:
    """A mail server that takes mail only after STARTTLS and the right password."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.pem, certificate.key)

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
        right = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=right)

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        mailbox = Mailbox(unused.getsockname()[1])
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=mailbox.port, tls_context=context, require_starttls=True,
        authenticator=check, auth_required=True, auth_require_tls=True,
    )  # fmt: skip
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
