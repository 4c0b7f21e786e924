"""How much a request may take: bytes, time, and how many are worked on at once.

The body is read here, whole, so that nothing after this waits for a client; the answer is kept here until it is whole,
so that no place is taken by a client that does not read. What is open to everybody, the health routes among it, takes
no place and so is answered however many requests there are.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.middleware import auth, request_context

_GZIP = frozenset({b"gzip", b"x-gzip"})
_PLAIN = frozenset({b"", b"identity"})
_UTF8 = frozenset({b"utf-8", b"utf8"})
_WITH_GZIP_HEADER = 31  # zlib's number for it


class RequestLimits:
    """Reads the body of a request to one of the paths that take any, and passes the request on, within bounds."""

    def __init__(self, app: ASGIApp, *, bodies: Collection[str], largest: int, seconds: float, at_once: int) -> None:
        self._app = app
        self._bodies = bodies
        self._largest = largest
        self._seconds = seconds
        self._places = _Places(at_once)
        self._uploads = _Uploads(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            ProblemError: 413 for too large a body, 415 for another kind of body, 400 for a damaged one, 408 for one
                that takes too long to arrive, 503 for too many requests at once, or one that takes too long.
        """
        if scope["type"] != "http" or auth.is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        call = request_context.of(scope)
        if scope["method"] == "POST" and scope["path"] in self._bodies:
            call.body = await self._body(call, receive)
        for message in await self._answer(scope, receive, call.caller):
            await send(message)

    async def _answer(self, scope: Scope, receive: Receive, caller: str) -> list[Message]:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        if not self._places.take(caller):
            raise _busy("too many requests at once", "busy")
        try:
            async with asyncio.timeout(self._seconds):
                await self._app(scope, receive, keep)
        except TimeoutError:
            raise _busy("this request took too long", "too-slow") from None
        finally:
            self._places.give_back(caller)
        return answer

    async def _body(self, call: request_context.RequestContext, receive: Receive) -> bytes:
        _require_json(call.headers.get(b"content-type", b""))
        coding = call.headers.get(b"content-encoding", b"").strip().lower()
        if coding not in _GZIP | _PLAIN:
            raise ProblemError(
                415, "unknown-coding", "Send the body without Content-Encoding, or as gzip.",
                headers={"Accept-Encoding": "gzip"},
            )  # fmt: skip
        announced = call.headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced[:20]) > self._largest:
            raise self._too_large()
        limit = self._uploads.begin(call.caller, self._seconds)
        try:
            async with limit:
                body = await self._read(receive)
        except TimeoutError:
            raise ProblemError(
                408,
                "slow-upload",
                f"The body did not arrive within {self._seconds:g} s, or sooner if there were too many uploads.",
            ) from None
        finally:
            self._uploads.end(call.caller, limit)
        call.unread = False
        return self._unzipped(body) if coding in _GZIP else body

    async def _read(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ProblemError(400, "gone", "The connection ended before the body did.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._largest:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(parts)

    def _unzipped(self, body: bytes) -> bytes:
        reader = zlib.decompressobj(_WITH_GZIP_HEADER)
        try:
            plain = reader.decompress(body, self._largest + 1)
        except zlib.error:
            raise _not_gzip("is damaged, or is not gzip") from None
        if len(plain) > self._largest:
            raise self._too_large()
        if not reader.eof:
            raise _not_gzip("is cut short")
        if reader.unused_data:
            raise _not_gzip("goes on after its end; send one gzip member")
        return plain

    def _too_large(self) -> ProblemError:
        return ProblemError(
            413, "too-large", f"The body is larger than {self._largest} bytes, counted after decompression."
        )


class _Places:
    """Counts requests that are worked on: at most so many, and at most half of them of one caller."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._each = max(1, total // 2)
        self._taken: Counter[str] = Counter()

    def take(self, caller: str) -> bool:
        """Take a place, and return whether there was one."""
        if not self._free or self._taken[caller] >= self._each:
            return False
        self._free -= 1
        self._taken[caller] += 1
        return True

    def give_back(self, caller: str) -> None:
        """Give back what was taken."""
        self._free += 1
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]


class _Uploads:
    """The bodies that are on their way. If there are too many, the oldest of the caller with the most is ended."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0
        self._limits: dict[str, dict[asyncio.Timeout, None]] = {}

    def begin(self, caller: str, seconds: float) -> asyncio.Timeout:
        """Return the time limit of a new upload, which may be ended sooner."""
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
        """Forget an upload."""
        limits = self._limits.get(caller, {})
        if limit in limits:
            self._number -= 1
            del limits[limit]
        if not limits:
            self._limits.pop(caller, None)


def _require_json(content_type: bytes) -> None:
    kind, *parameters = content_type.lower().split(b";")
    named = dict(parameter.strip().partition(b"=")[::2] for parameter in parameters)
    if kind.strip() != b"application/json" or named.get(b"charset", b"utf-8").strip(b'"') not in _UTF8:
        raise ProblemError(
            415, "not-json", "Send the body as application/json in UTF-8.", headers={"Accept": "application/json"}
        )


def _not_gzip(how: str) -> ProblemError:
    return ProblemError(400, "not-gzip", f"The body {how}.")


def _busy(why: str, kind: str) -> ProblemError:
    return ProblemError(503, kind, f"Not answered: {why}. Try again.", headers={"Retry-After": "1"})
