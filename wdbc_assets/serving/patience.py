"""How much a request may take: bytes, time, and how many are worked on at once.

The body is read here, whole, so that nothing after this waits for a caller.
"""

import asyncio
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wdbc_assets.serving import calls
from wdbc_assets.serving.problems import Refused

_END = {"Connection": "close"}  # what is left of the body is not waited for


class Patience:
    """Reads the body of a request to one of the paths that take any, and passes both on, within bounds."""

    def __init__(self, app: ASGIApp, *, bodies: Collection[str], largest: int, seconds: float, at_once: int) -> None:
        self._app = app
        self._bodies = bodies
        self._largest = largest
        self._seconds = seconds
        self._at_once = at_once
        self._working = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            Refused: 413 for too large a body, 415 for another kind of body, 408 for one that takes too long to come,
                503 for too many requests at once, or one that takes too long.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._working >= self._at_once:
            raise _busy("too many requests at once", "busy")
        self._working += 1
        try:
            if scope["method"] == "POST" and scope["path"] in self._bodies:
                receive = await self._with_body(calls.of(scope), receive)
            async with asyncio.timeout(self._seconds):
                await self._app(scope, receive, send)
        except TimeoutError:
            raise _busy("this request took too long", "too-slow") from None
        finally:
            self._working -= 1

    async def _with_body(self, call: calls.Call, receive: Receive) -> Receive:
        kind = call.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise Refused(415, "not-json", "Send the body as application/json.", headers=_END)
        announced = call.headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced[:20]) > self._largest:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(receive)
        except TimeoutError:
            raise Refused(
                408, "slow-upload", f"The body was not here within {self._seconds:g} s.", headers=_END
            ) from None
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        return again

    async def _read(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "gone", "The connection ended before the body did.", headers=_END)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._largest:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(parts)

    def _too_large(self) -> Refused:
        return Refused(413, "too-large", f"The body is larger than {self._largest} bytes.", headers=_END)


def _busy(why: str, kind: str) -> Refused:
    return Refused(503, kind, f"Not answered: {why}. Try again.", headers={"Retry-After": "1"})
