"""The table of routes: one entry is all that authentication, limits, request log and OpenAPI need."""

import asyncio
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from starlette.types import ASGIApp, Message, Scope

from wdbc_assets.serving import api_keys, app, output
from wdbc_assets.serving.api import endpoints, schemas
from wdbc_assets.serving.api.endpoints import ROUTES, Endpoints
from wdbc_assets.serving.api.routes import Route
from wdbc_assets.serving.middleware import request_context
from wdbc_assets_tests.serving import running


async def size(_: Endpoints, request: Request) -> schemas.State:
    """Return the size of the body."""
    return schemas.State(status="alive", refresh=f"{len(request_context.get(request.scope).body)} bytes")


ADDED = Route("POST", "/v1/size", size, scope="admin", has_body=True, section="version 1")


@dataclass
class Extended:
    """A service in this process whose table has the entry `ADDED`, with one key per scope."""

    app: ASGIApp
    keys: dict[str, str]
    log: list[dict[str, Any]]

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
        """Send a request; return the status and the JSON of the response."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            sent.append(message)

        named = {"host": "localhost", "content-type": "application/json", "content-length": str(len(body)), **headers}
        scope: Scope = {
            "type": "http", "method": method, "path": path, "query_string": b"", "client": ("127.0.0.1", 1),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
        }  # fmt: skip

        async def request() -> None:
            await self.app(scope, receive, send)

        asyncio.run(request())
        return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.fixture
def extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extended:
    for name, value in running.environment_in(tmp_path).items():
        monkeypatch.setenv(name, value)
    keys = {scope: api_keys.create(tmp_path / "keys.json", scope, (scope,))[1] for scope in api_keys.SCOPES}
    log: list[dict[str, Any]] = []
    monkeypatch.setattr(output.STDOUT, "write", lambda line: log.append(json.loads(line)))
    monkeypatch.setattr(endpoints, "ROUTES", (*ROUTES, ADDED))
    monkeypatch.setitem(endpoints._EXACT, ADDED.path, ADDED)
    return Extended(app.create(), keys, log)


def test_one_entry_in_the_table_and_a_handler_are_an_endpoint(extended: Extended) -> None:
    admin, predict = (f"Bearer {extended.keys[scope]}" for scope in ("admin", "predict"))
    assert extended.ask("POST", ADDED.path, b"{}")[0] == 401
    assert extended.ask("POST", ADDED.path, b"{}", authorization=predict)[0] == 403
    assert extended.ask("POST", ADDED.path, b"{}", authorization=admin) == (
        200,
        {"status": "alive", "refresh": "2 bytes"},
    )
    compressed = gzip.compress(b" " * 1000)
    response = extended.ask("POST", ADDED.path, compressed, authorization=admin, content_encoding="gzip")
    assert response[1]["refresh"] == "1000 bytes"
    assert extended.ask("POST", ADDED.path, b" " * 3_000_000, authorization=admin)[0] == 413
    assert extended.ask("GET", ADDED.path, authorization=admin)[0] == 405
    assert [line["status"] for line in extended.log if line["route"] == ADDED.path] == [401, 403, 200, 200, 413, 405]
    operation = extended.ask("GET", "/openapi.json")[1]["paths"][ADDED.path]["post"]
    assert operation["description"] == "Return the size of the body."
    assert operation["security"] == [{"key": []}]
    assert operation["requestBody"]["required"]
    assert {"401", "403", "413", "429", "503"} <= set(operation["responses"])


def test_no_two_routes_have_one_path() -> None:
    assert len({route.path for route in ROUTES}) == len(ROUTES)
