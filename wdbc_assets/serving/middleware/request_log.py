"""The outermost layer: a request's id, strict headers, one line in the log, the figures, and whatever nobody foresaw.

The log's lines are JSON on standard output: time, id, method, route, status, seconds, number of patients, version, id
of the key. Paths, queries, headers and bodies are not in them, for a caller chose them.
"""

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wdbc_assets.serving import addresses, output, telemetry
from wdbc_assets.serving.api import problems
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.middleware import request_context

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

logger = logging.getLogger("wdbc_assets.serving")


_SINGLE = frozenset({b"host", b"authorization", b"content-type", b"content-encoding"})
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")


class RequestLogMiddleware:
    """Wraps the whole service. `root_path` is where a proxy shows it; requests may come with that prefix or without.

    Every layer inside sees the path without it, and GET where HEAD was asked.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[addresses.Network] = (), *, root_path: str = "") -> None:
        self._app = app
        self._proxies = proxies
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an exception never gets past here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = request_context.begin(scope, self._proxies)
        method = scope["method"]
        scope = {**scope, "path": self._inner_path(scope["path"]), "method": "GET" if method == "HEAD" else method}

        async def answer(message: Message) -> None:
            if method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                call.status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                present = {name for name, _ in headers}
                headers += [header for header in HEADERS if header[0] not in present]
                headers.append((b"x-request-id", call.request_id.encode()))
                if call.unread:
                    headers.append((b"connection", b"close"))
            await send(message)

        telemetry.WORKING.inc()
        try:
            _require_sound_head(scope, call)
            await self._app(scope, receive, answer)
        except ProblemError as refused:
            await self._refuse(refused, call, scope, receive, answer)
        except Exception as error:  # noqa: BLE001 -- its text may quote what was sent: the kind must do
            logger.error("request %s: %s", call.request_id, type(error).__name__)  # noqa: TRY400 -- likewise its stack
            await self._refuse(problems.UNFORESEEN, call, scope, receive, answer)
        finally:
            telemetry.WORKING.dec()
            _note(call, scope, method)

    def _inner_path(self, path: str) -> str:
        root = self._root_path
        return (path[len(root) :] or "/") if root and f"{path}/".startswith(f"{root}/") else path

    async def _refuse(
        self, refused: ProblemError, call: request_context.RequestContext, scope: Scope, receive: Receive, answer: Send
    ) -> None:
        if not call.status:
            await refused.response(call.request_id)(scope, receive, answer)


def _require_sound_head(scope: Scope, call: request_context.RequestContext) -> None:
    host = call.headers.get(b"host")
    if host is None and scope.get("http_version") == "1.1":
        raise ProblemError(400, "bad-host", "The header `Host` is missing. HTTP/1.1 requires it.")
    if host is not None and not _HOST.fullmatch(host):
        raise ProblemError(400, "bad-host", "The header `Host` is not the name or address of a host.")
    if len(call.headers) < len(scope["headers"]):  # some header is repeated
        counts = Counter(name for name, _ in scope["headers"])
        for name in sorted(_SINGLE):
            if counts[name] > 1:
                raise ProblemError(400, "repeated-header", f"The header `{name.decode()}` is repeated. Send it once.")


def _note(call: request_context.RequestContext, scope: Scope, method: str) -> None:
    """Count the request, and write its line."""
    seconds = time.perf_counter() - call.started
    route = getattr(scope.get("route"), "path", "unknown")
    method = method if method in _METHODS else "other"
    telemetry.count(route, method, call.status, seconds)
    line: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": call.request_id,
        "method": method,
        "route": route,
        "status": call.status,
        "seconds": round(seconds, 6),
    }
    known = {"patients": call.rows, "version": call.version, "key": call.key}
    line |= {name: value for name, value in known.items() if value}
    output.STDOUT.write(json.dumps(line).encode() + b"\n")
