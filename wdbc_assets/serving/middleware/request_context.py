"""The context of a request, shared by the middleware and the routes through the ASGI scope."""

import re
import secrets
import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from wdbc_assets.serving import addresses
from wdbc_assets.serving.api.routes import Route

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SCOPE_KEY = "wdbc_assets.request_context"
_FORWARDED = b"x-forwarded-for"
_SCOPE_OF_UNKNOWN = "predict"


@dataclass(slots=True)
class RequestContext:
    """Id, headers and client of a request, and what the request log records about its outcome.

    Attributes:
        request_id: sent by the client as `X-Request-ID` if valid, else random.
        headers: one value per name.
        client: address of the client.
        route: route of the path, None for an unknown path.
        unread: whether the request has a body that was not read to its end.
        body: the complete body, decompressed.
        key: id of the API key, empty without one.
        rows: number of patients.
        version: version of the model that served the request, shortened.
        status: HTTP status of the response, 0 until it starts.
        started: `time.perf_counter()` at the start.
    """

    request_id: str
    headers: dict[bytes, bytes]
    client: str
    route: Route | None = None
    unread: bool = False
    body: bytes = b""
    key: str = ""
    rows: int | None = None
    version: str | None = None
    status: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def required_scope(self) -> str | None:
        """The scope that the API key must have, None if no key is required. An unknown path requires a key, too."""
        return self.route.scope if self.route else _SCOPE_OF_UNKNOWN

    @property
    def caller(self) -> str:
        """The id of the API key or, without one, the client address. Concurrency is limited per caller."""
        return self.key or self.client


def begin(scope: MutableMapping[str, Any], proxies: Sequence[addresses.Network] = ()) -> RequestContext:
    """Create the context of a request.

    A valid request id sent by the client is kept; it is the only client-supplied text in the log. The client address is
    the peer's, or the one reported by a trusted proxy.
    """
    headers = dict(scope["headers"])
    supplied = headers.get(b"x-request-id", b"").decode("latin-1")
    context = RequestContext(
        request_id=supplied if _REQUEST_ID.fullmatch(supplied) else secrets.token_hex(8),
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
    scope[_SCOPE_KEY] = context
    return context


def get(scope: MutableMapping[str, Any]) -> RequestContext:
    """Return the context created by `begin`."""
    return cast("RequestContext", scope[_SCOPE_KEY])
