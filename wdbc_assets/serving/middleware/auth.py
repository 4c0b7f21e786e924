"""Who may ask for what, and how often: judged by the head of a request, before its body is read."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from wdbc_assets.serving import addresses
from wdbc_assets.serving.access import Access
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.keyring import Keyring
from wdbc_assets.serving.middleware import request_context

# What tells nothing of patients or traffic. All else needs a key, the metrics one of another scope.
OPEN_PATHS = frozenset({"/", "/docs", "/redoc", "/openapi.json", "/health/live", "/health/ready"})
OPEN_FOLDER = "/pages/"
SCOPES = {"/metrics": "admin"}
SCOPE = "predict"

_FAILURES = RateLimitItemPerMinute(20)
_LONGEST_KEY = 200
_GROUPS = 1024  # of addresses that guess: the counters take no more memory, however many there are
_HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})


class AuthMiddleware:
    """Lets a request through, or refuses it."""

    def __init__(self, app: ASGIApp, keyring: Keyring, *, per_minute: int) -> None:
        self._app = app
        self._keyring = keyring
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._allowed = RateLimitItemPerMinute(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            ProblemError: 401 without a valid key, 403 for a key of another scope, 429 for too many requests, 421 for
                another name than this machine's while there is no key.
        """
        if scope["type"] == "http" and not is_open(scope["path"]):
            await self._authorize(scope["path"], request_context.of(scope))
        await self._app(scope, receive, send)

    async def _authorize(self, path: str, call: request_context.RequestContext) -> None:
        if self._keyring.open:
            if self._keyring.access is Access.LOCAL:
                _require_this_machine(call)
            who = addresses.group(call.client)
        else:
            who = await self._key(call, SCOPES.get(path, SCOPE))
        if not await self._limiter.hit(self._allowed, who):
            raise await self._too_many(self._allowed, who, "Too many requests with this key.")

    async def _key(self, call: request_context.RequestContext, scope: str) -> str:
        given = call.headers.get(b"authorization", b"").decode("latin-1")
        kind, _, token = given.partition(" ")
        if kind.lower() != "bearer" or not token or len(token) > _LONGEST_KEY:
            raise _unauthorized("Send a key: `Authorization: Bearer KEY`.", "")
        key = self._keyring.key(token)
        if key is None:
            raise await self._wrong(token, call.client)
        call.key = key.id
        if scope not in key.scopes:
            challenge = f'Bearer realm="wdbc", error="insufficient_scope", scope="{scope}"'
            raise ProblemError(
                403, "wrong-scope", f"This key has not the scope `{scope}`.", headers={"WWW-Authenticate": challenge}
            )
        return key.id

    async def _wrong(self, token: str, client: str) -> ProblemError:
        """Count a wrong key, and return its problem. A valid key is never counted, so nobody can lock it out."""
        id_ = token.partition(".")[0]
        guessed = f"key {id_}" if self._keyring.knows(id_) else f"group {hash(addresses.group(client)) % _GROUPS}"
        if not await self._limiter.hit(_FAILURES, guessed):
            return await self._too_many(_FAILURES, guessed, "Too many wrong keys.")
        return _unauthorized("This key opens nothing: it is wrong, or was revoked.", ', error="invalid_token"')

    async def _too_many(self, item: RateLimitItemPerMinute, who: str, said: str) -> ProblemError:
        reset = (await self._limiter.get_window_stats(item, who)).reset_time
        wait = min(60, max(1, math.ceil(reset - time.time())))
        return ProblemError(
            429, "too-many-requests", f"{said} Try again in {wait} s.", headers={"Retry-After": str(wait)}
        )


def is_open(path: str) -> bool:
    """Say whether a path needs no key."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


def _unauthorized(said: str, error: str) -> ProblemError:
    return ProblemError(401, "no-valid-key", said, headers={"WWW-Authenticate": f'Bearer realm="wdbc"{error}'})


def _require_this_machine(call: request_context.RequestContext) -> None:
    # Without a key, a page from elsewhere could reach this machine under a name that it makes point here.
    host = call.headers.get(b"host", b"").decode("latin-1")
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    if name.lower() not in _HERE:
        raise ProblemError(
            421, "other-host", "Without any key the service answers to the names of this machine alone: localhost."
        )
