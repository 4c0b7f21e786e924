"""The receiver of the alerts: a webhook on loopback, which can be out of order."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from wdbc_assets import clock

_MOST_BYTES = 2**20


@dataclass(frozen=True)
class ReceivedAlert:
    """A message that arrived: when, by the clock of events, its title, and its text."""

    at: str
    title: str
    text: str


class Receiver:
    """Listens on an unused port of 127.0.0.1 for as long as it is entered.

    Attributes:
        is_down: Whether it answers 503 instead of taking messages.
        refused: How many messages it has answered so.
        alerts: The messages that arrived, each once.
    """

    def __init__(self) -> None:
        self.is_down = False
        self.refused = 0
        self.alerts: list[ReceivedAlert] = []
        self._keys: set[str] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _MOST_BYTES))
                if not receiver.is_down:
                    receiver._take(content, self.headers.get("Idempotency-Key") or "")
                receiver.refused += receiver.is_down
                self.send_response(503 if receiver.is_down else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name of the base class
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The address of the channel, as Apprise reads it."""
        return f"json://127.0.0.1:{self._server.server_port}/alerts"

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _take(self, content: bytes, key: str) -> None:
        body = json.loads(content)
        if key not in self._keys:  # a message is sent at least once
            self._keys.add(key)
            self.alerts.append(ReceivedAlert(clock.now().isoformat(), str(body["title"]), str(body["message"])))
