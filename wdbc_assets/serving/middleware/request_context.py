"""One request as the service's own layers see it: what is known of it on its way in, and said of it in the log."""

import re
import secrets
import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from wdbc_assets.serving import addresses

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_IN_SCOPE = "wdbc_assets.call"
_FORWARDED = b"x-forwarded-for"


@dataclass(slots=True)
class RequestContext:
    """A request's id, headers and client, and what became of it. `key` is the id of the key that opened it.

    `unread` says that a body is announced and was not read to its end.
    """

    request_id: str
    headers: dict[bytes, bytes]
    client: str
    unread: bool = False
    body: bytes = b""
    key: str = ""
    rows: int | None = None
    version: str | None = None
    status: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def caller(self) -> str:
        """The key, or the address of a client without one: whose share of the service this request takes."""
        return self.key or self.client


def begin(scope: MutableMapping[str, Any], proxies: Sequence[addresses.Network] = ()) -> RequestContext:
    """Make the call of a request. An id that came with it is kept if it is one; nothing else gets into the log.

    The client is the peer, or whom a trusted proxy names.
    """
    headers = dict(scope["headers"])
    sent = headers.get(b"x-request-id", b"").decode("latin-1")
    call = RequestContext(
        request_id=sent if _REQUEST_ID.fullmatch(sent) else secrets.token_hex(8),
        headers=headers,
        client=addresses.client(
            scope["client"][0] if scope.get("client") else "",
            b",".join(value for name, value in scope["headers"] if name == _FORWARDED).decode("latin-1")
            if proxies
            else "",
            proxies,
        ),
        unread=b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0",
    )
    scope[_IN_SCOPE] = call
    return call


def of(scope: MutableMapping[str, Any]) -> RequestContext:
    """Return the call of a request that has begun."""
    return cast("RequestContext", scope[_IN_SCOPE])
