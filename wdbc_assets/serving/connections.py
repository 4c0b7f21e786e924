"""A connection that does not wait for ever: the head of a request must be here in time, and be no larger than a head.

uvicorn bounds neither. What comes after the head is for `patience`.
"""

import asyncio
import secrets

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wdbc_assets.serving.problems import Refused

LARGEST_HEAD = 64 * 1024
_NO_HTTP = Refused(400, "not-http", "This is no request of HTTP/1.1 that can be read.")


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection; the head may take as long as an idle connection is kept."""

    _patience: asyncio.TimerHandle | None = None
    _of_head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes while there is no head yet."""
        if self._patience is None and getattr(self.cycle, "response_complete", True):
            self._wait_for_head()
        if self._patience is not None:
            self._of_head += len(data)
        super().data_received(data)
        if self._patience is not None and self._of_head > LARGEST_HEAD:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Have the head: from here on the layers of the service watch the time."""
        self._wait_no_more()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's words
        """Answer what is no HTTP in the one form of all problems."""
        answer = _NO_HTTP.response(secrets.token_hex(8))
        head = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"connection: close\r\n\r\n" + bytes(answer.body))
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._of_head = 0
        self._patience = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        self.transport.close()
