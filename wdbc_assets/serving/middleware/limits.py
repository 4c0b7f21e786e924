"""Limits of a request: body size, time, and number of concurrent requests.

The body is read completely here, so that nothing further in waits for a client. The response is buffered until it is
complete, so that a client that does not read occupies no slot. Paths that require no key, such as the health routes,
occupy no slot and respond under any load.
"""

import asyncio
import zlib
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.middleware import request_context

_GZIP = frozenset({b"gzip", b"x-gzip"})
_PLAIN = frozenset({b"", b"identity"})
_UTF8 = frozenset({b"utf-8", b"utf8"})
_WITH_GZIP_HEADER = 31  # zlib's wbits for gzip format


class RequestLimits:
    """Middleware that enforces the limits of a request and reads its body if the route has one."""

    def __init__(self, app: ASGIApp, *, largest: int, seconds: float, at_once: int) -> None:
        self._app = app
        self._largest = largest
        self._seconds = seconds
        self._slots = _Slots(at_once)
        self._uploads = _Uploads(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Enforce the limits and pass the request on.

        Raises:
            ProblemError: 413 if the body is too large; 415 for an unsupported media type or encoding; 400 for a damaged
                body; 408 if it arrives too slowly; 503 for too many concurrent requests, or a timeout.
        """
        if scope["type"] != "http" or (context := request_context.get(scope)).required_scope is None:
            await self._app(scope, receive, send)
            return
        route = context.route
        if route is not None and route.has_body and scope["method"] == route.method:
            context.body = await self._body(context, receive)
        for message in await self._respond(scope, receive, context.caller):
            await send(message)

    async def _respond(self, scope: Scope, receive: Receive, caller: str) -> list[Message]:
        response: list[Message] = []

        async def buffer(message: Message) -> None:
            response.append(message)

        if not self._slots.acquire(caller):
            raise _unavailable("Too many concurrent requests.", "busy")
        try:
            async with asyncio.timeout(self._seconds):
                await self._app(scope, receive, buffer)
        except TimeoutError:
            raise _unavailable("The request took too long to process.", "too-slow") from None
        finally:
            self._slots.release(caller)
        return response

    async def _body(self, context: request_context.RequestContext, receive: Receive) -> bytes:
        _require_json(context.headers.get(b"content-type", b""))
        coding = context.headers.get(b"content-encoding", b"").strip().lower()
        if coding not in _GZIP | _PLAIN:
            raise ProblemError(
                415, "unknown-coding", "Unsupported Content-Encoding. Send the body uncompressed or as gzip.",
                headers={"Accept-Encoding": "gzip"},
            )  # fmt: skip
        length = context.headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._largest:
            raise self._too_large()
        limit = self._uploads.begin(context.caller, self._seconds)
        try:
            async with limit:
                body = await self._read(receive)
        except TimeoutError:
            raise ProblemError(
                408,
                "slow-upload",
                f"The upload took longer than {self._seconds:g} s, or was ended early because of too many uploads."
                " Try again.",
            ) from None
        finally:
            self._uploads.end(context.caller, limit)
        context.unread = False
        return self._decompress(body) if coding in _GZIP else body

    async def _read(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ProblemError(400, "gone", "The client disconnected before the body was complete.")
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self._largest:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(chunks)

    def _decompress(self, body: bytes) -> bytes:
        reader = zlib.decompressobj(_WITH_GZIP_HEADER)
        try:
            plain = reader.decompress(body, self._largest + 1)
        except zlib.error:
            raise _not_gzip("The body is damaged or not in gzip format.") from None
        if len(plain) > self._largest:
            raise self._too_large()
        if not reader.eof:
            raise _not_gzip("The gzip body is truncated.")
        if reader.unused_data:
            raise _not_gzip("The body continues after the first gzip member. Send a single member.")
        return plain

    def _too_large(self) -> ProblemError:
        return ProblemError(
            413, "too-large", f"The body exceeds {self._largest} bytes after decompression. Send fewer patients."
        )


class _Slots:
    """Slots for concurrent requests. One caller may occupy at most half of them."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._per_caller = max(1, total // 2)
        self._occupied: Counter[str] = Counter()

    def acquire(self, caller: str) -> bool:
        """Occupy a slot; return whether one was available."""
        if not self._free or self._occupied[caller] >= self._per_caller:
            return False
        self._free -= 1
        self._occupied[caller] += 1
        return True

    def release(self, caller: str) -> None:
        """Free a slot of this caller."""
        self._free += 1
        self._occupied[caller] -= 1
        if not self._occupied[caller]:
            del self._occupied[caller]


class _Uploads:
    """The uploads in progress. Beyond the maximum, the oldest upload of the caller with the most is ended."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0
        self._limits: dict[str, dict[asyncio.Timeout, None]] = {}

    def begin(self, caller: str, seconds: float) -> asyncio.Timeout:
        """Register an upload and return its timeout, which may be moved forward to end it."""
        limit = asyncio.timeout(seconds)
        self._limits.setdefault(caller, {})[limit] = None
        self._number += 1
        if self._number > self._most:
            greediest = max(self._limits, key=lambda name: len(self._limits[name]))
            oldest = next(iter(self._limits[greediest]))
            self.end(greediest, oldest)
            oldest.reschedule(asyncio.get_running_loop().time())
        return limit

    def end(self, caller: str, limit: asyncio.Timeout) -> None:
        """Unregister an upload."""
        limits = self._limits.get(caller, {})
        if limit in limits:
            self._number -= 1
            del limits[limit]
        if not limits:
            self._limits.pop(caller, None)


def _require_json(content_type: bytes) -> None:
    kind, *parameters = content_type.lower().split(b";")
    options = dict(parameter.strip().partition(b"=")[::2] for parameter in parameters)
    if kind.strip() != b"application/json" or options.get(b"charset", b"utf-8").strip(b'"') not in _UTF8:
        raise ProblemError(
            415,
            "not-json",
            "Unsupported Content-Type. Send the body as application/json encoded as UTF-8.",
            headers={"Accept": "application/json"},
        )


def _not_gzip(detail: str) -> ProblemError:
    return ProblemError(400, "not-gzip", detail)


def _unavailable(reason: str, kind: str) -> ProblemError:
    return ProblemError(503, kind, f"{reason} Try again.", headers={"Retry-After": "1"})
