"""The outermost middleware: request id, security headers, request log, metrics, and unexpected exceptions.

Each request is logged as one line of JSON on standard output: time, id, method, route, status, seconds, number of
patients, model version, and id of the key. Paths, queries, headers and bodies are not logged: clients control them.
"""

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wdbc_assets.serving import addresses, output, telemetry
from wdbc_assets.serving.api import problems
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.api.routes import Route
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
    """Middleware around the whole service.

    `find` returns the route of a path. `root_path` is the prefix under which a proxy publishes the service; requests
    are accepted with and without the prefix. Inner layers see the path without the prefix, and GET instead of HEAD.
    """

    def __init__(
        self,
        app: ASGIApp,
        find: Callable[[str], Route | None],
        proxies: Sequence[addresses.Network] = (),
        *,
        root_path: str = "",
    ) -> None:
        self._app = app
        self._find = find
        self._proxies = proxies
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Never raises: exceptions become problems."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = request_context.begin(scope, self._proxies)
        method = scope["method"]
        path = self._inner_path(scope["path"])
        context.route = self._find(path)
        scope = {**scope, "path": path, "method": "GET" if method == "HEAD" else method}

        async def respond(message: Message) -> None:
            if method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                context.status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                present = {name for name, _ in headers}
                headers += [header for header in HEADERS if header[0] not in present]
                headers.append((b"x-request-id", context.request_id.encode()))
                if context.unread:
                    headers.append((b"connection", b"close"))
            await send(message)

        telemetry.WORKING.inc()
        try:
            _validate_head(scope, context)
            await self._app(scope, receive, respond)
        except ProblemError as problem:
            await self._send_problem(problem, context, scope, receive, respond)
        except Exception as error:  # noqa: BLE001 -- the text may quote submitted data, so only the type is logged
            logger.error("request %s: %s", context.request_id, type(error).__name__)  # noqa: TRY400 -- so may the stack trace
            await self._send_problem(problems.internal(), context, scope, receive, respond)
        finally:
            telemetry.WORKING.dec()
            _log(context, method)

    def _inner_path(self, path: str) -> str:
        root = self._root_path
        return (path[len(root) :] or "/") if root and f"{path}/".startswith(f"{root}/") else path

    async def _send_problem(
        self, problem: ProblemError, context: request_context.RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not context.status:
            await problem.response(context.request_id)(scope, receive, send)


def _validate_head(scope: Scope, context: request_context.RequestContext) -> None:
    host = context.headers.get(b"host")
    if host is None and scope.get("http_version") == "1.1":
        raise ProblemError(400, "bad-host", "The `Host` header is missing. HTTP/1.1 requires it.")
    if host is not None and not _HOST.fullmatch(host):
        raise ProblemError(400, "bad-host", "The `Host` header is not a valid host name or address.")
    if len(context.headers) < len(scope["headers"]):  # at least one header is repeated
        counts = Counter(name for name, _ in scope["headers"])
        for name in sorted(_SINGLE):
            if counts[name] > 1:
                raise ProblemError(400, "repeated-header", f"The `{name.decode()}` header is repeated. Send it once.")


def _log(context: request_context.RequestContext, method: str) -> None:
    """Count the request and write its log line."""
    seconds = time.perf_counter() - context.started
    route = context.route.path if context.route else "unknown"
    method = method if method in _METHODS else "other"
    telemetry.count(route, method, context.status, seconds)
    line: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": context.request_id,
        "method": method,
        "route": route,
        "status": context.status,
        "seconds": round(seconds, 6),
    }
    optional = {"patients": context.rows, "version": context.version, "key": context.key}
    line |= {name: value for name, value in optional.items() if value}
    output.STDOUT.write(json.dumps(line).encode() + b"\n")
