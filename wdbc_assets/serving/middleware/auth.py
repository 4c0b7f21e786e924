"""Authentication, authorization and rate limiting. Decided from the request head, before the body is read."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from wdbc_assets.serving import addresses
from wdbc_assets.serving.access import Access
from wdbc_assets.serving.api import problems
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.keyring import Keyring
from wdbc_assets.serving.middleware import request_context

_FAILURES = RateLimitItemPerMinute(20)
_LONGEST_KEY = 200
_GROUPS = 1024  # client addresses share this many failure counters, which bounds their memory
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class AuthMiddleware:
    """Middleware that rejects requests without a valid key, and requests beyond the rate limit."""

    def __init__(self, app: ASGIApp, keyring: Keyring, *, per_minute: int) -> None:
        self._app = app
        self._keyring = keyring
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._allowed = RateLimitItemPerMinute(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authorize a request and pass it on.

        Raises:
            ProblemError: 401 without a valid key; 403 if the key lacks the scope; 429 beyond the rate limit; 421 if no
                key was ever created and the `Host` header does not name the local machine; 404 for an unknown path.
        """
        if scope["type"] == "http":
            context = request_context.get(scope)
            if context.required_scope is not None:
                await self._authorize(context, context.required_scope)
            if context.route is None:  # not left to the router, whose patterns match more, such as a final line feed
                raise problems.not_found()
        await self._app(scope, receive, send)

    async def _authorize(self, context: request_context.RequestContext, scope: str) -> None:
        if self._keyring.open:
            if self._keyring.access is Access.LOCAL:
                _require_local_host(context)
            caller = addresses.group(context.client)
        else:
            caller = await self._authenticate(context, scope)
        if not await self._limiter.hit(self._allowed, caller):
            raise await self._too_many(self._allowed, caller, "Rate limit exceeded.")

    async def _authenticate(self, context: request_context.RequestContext, scope: str) -> str:
        header = context.headers.get(b"authorization", b"").decode("latin-1")
        kind, _, token = header.partition(" ")
        if kind.lower() != "bearer" or not token or len(token) > _LONGEST_KEY:
            raise _unauthorized("Missing API key. Send `Authorization: Bearer KEY`.", "")
        key = self._keyring.key(token)
        if key is None:
            raise await self._failure(token, context.client)
        context.key = key.id
        if scope not in key.scopes:
            challenge = f'Bearer realm="wdbc", error="insufficient_scope", scope="{scope}"'
            raise ProblemError(
                403,
                "wrong-scope",
                f"This API key lacks the scope `{scope}`.",
                headers={"WWW-Authenticate": challenge},
            )
        return key.id

    async def _failure(self, token: str, client: str) -> ProblemError:
        """Count a failed authentication and return its problem. Valid keys are never counted or locked out."""
        id_ = token.partition(".")[0]
        counter = f"key {id_}" if self._keyring.knows(id_) else f"group {hash(addresses.group(client)) % _GROUPS}"
        if not await self._limiter.hit(_FAILURES, counter):
            return await self._too_many(_FAILURES, counter, "Too many invalid API keys.")
        return _unauthorized("Invalid or revoked API key.", ', error="invalid_token"')

    async def _too_many(self, item: RateLimitItemPerMinute, counter: str, reason: str) -> ProblemError:
        reset = (await self._limiter.get_window_stats(item, counter)).reset_time
        wait = min(60, max(1, math.ceil(reset - time.time())))
        return ProblemError(
            429, "too-many-requests", f"{reason} Try again in {wait} s.", headers={"Retry-After": str(wait)}
        )


def _unauthorized(detail: str, error: str) -> ProblemError:
    return ProblemError(401, "no-valid-key", detail, headers={"WWW-Authenticate": f'Bearer realm="wdbc"{error}'})


def _require_local_host(context: request_context.RequestContext) -> None:
    # Prevents DNS rebinding: a web page could otherwise reach the service through a name that resolves to 127.0.0.1.
    host = context.headers.get(b"host", b"").decode("latin-1")
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    if name.lower() not in _LOCAL_NAMES:
        raise ProblemError(
            421,
            "other-host",
            "Until an API key exists, the service accepts requests for localhost only. Use http://localhost or"
            " http://127.0.0.1.",
        )
