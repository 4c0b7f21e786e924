"""The request log and response headers: ids, security headers, no client-supplied text in the log."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.serving.api import schemas
from wdbc_assets.serving.api.endpoints import ROUTES
from wdbc_assets.serving.api.routes import Route
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.running import Service

ONE = {"patients": [schemas.EXAMPLE]}


def last(service: Service, request_id: str) -> dict[str, object]:
    service.until(lambda: any(line["request_id"] == request_id for line in service.log))
    return next(line for line in service.log if line["request_id"] == request_id)


def test_a_supplied_request_id_is_returned_and_logged_with_the_outcome(service: Service) -> None:
    response = service.ask("/v1/predict", {"patients": champions.patients(3)}, headers={"X-Request-ID": "ward-7.42"})
    assert response.headers["x-request-id"] == "ward-7.42"
    line = last(service, "ward-7.42")
    assert line["route"] == "/v1/predict"
    assert (line["status"], line["patients"]) == (200, 3)
    assert response.versions.startswith(str(line["version"]))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_each_route_responds_at_its_path_and_is_logged_by_it(service: Service, route: Route) -> None:
    path = route.path.format(name="swagger.js")
    response = service.ask(path, ONE if route.has_body else None, method=route.method)
    assert response.status in {200, 307}
    assert last(service, response.headers["x-request-id"])["route"] == route.path


@pytest.mark.fault("X08")
@pytest.mark.parametrize(
    "smuggled",
    [b'a"}\\n{"status": 200', b"x" * 65, b"", b"a b", "ü".encode(), b"a\tb", b"../../etc", b"<script>"],
)
def test_a_request_id_that_could_forge_a_log_line_is_replaced(service: Service, smuggled: bytes) -> None:
    response = service.send(
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-ID: " + smuggled + b"\r\n\r\n"
    )
    found = re.search(rb"(?i)x-request-id: ([^\r]*)\r\n", response)
    assert found is not None
    assert re.fullmatch(rb"[0-9a-f]{16}", found[1])
    last(service, found[1].decode())


@pytest.mark.fault("X08")
def test_a_bare_line_feed_in_a_header_does_not_start_a_second_header(service: Service) -> None:
    response = service.send(
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: good\nInjected: yes\r\n"
        b"Connection: close\r\n\r\n"
    )
    assert b"njected" not in response
    assert "njected" not in (service.folder / "access.log").read_text()


@pytest.mark.fault("X08")
def test_client_supplied_text_is_not_logged(service: Service) -> None:
    canary = "canary%0A%7B%22status%22%3A200%7D"
    before = len(service.log)
    for path in (f"/{canary}", f"/v1/predict?{canary}", f"/pages/{canary}"):
        service.ask(path, headers={"User-Agent": canary, "Referer": canary})
    service.ask("/health/live", method="CANARY")
    service.until(lambda: len(service.log) >= before + 3)  # raises if a line is not JSON
    text = (service.folder / "access.log").read_text()
    assert "canary" not in text.lower()
    assert canary not in service.stderr


@pytest.mark.fault("X07")
@pytest.mark.parametrize("path", ["/health/live", "/v1/contract", "/nowhere", "/docs", "/pages/swagger.js"])
def test_every_response_has_security_headers_and_allows_no_other_origin(service: Service, path: str) -> None:
    response = service.ask(path, headers={"Origin": "https://evil.example"})
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "unsafe-eval" not in response.headers["content-security-policy"]
    assert "script-src 'self'" in response.headers["content-security-policy"] or path not in {"/docs", "/redoc"}
    assert not [name for name in response.headers if name.startswith("access-control-")]
    assert "server" not in response.headers


@pytest.mark.fault("X07")
def test_cross_origin_requests_are_not_allowed(service: Service) -> None:
    preflight = service.ask(
        "/v1/predict", method="OPTIONS",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )  # fmt: skip
    assert preflight.status == 405
    assert not [name for name in preflight.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "path",
    ["/health/live", "/health/ready", "/metrics", "/v1/model", "/v1/contract", "/docs", "/redoc", "/openapi.json", "/",
     "/pages/swagger.js", "/pages/swagger-ui.css", "/nowhere", "/v1/predict"],
)  # fmt: skip
def test_head_responds_like_get_without_the_body(service: Service, path: str) -> None:
    got, head = service.ask(path), service.ask(path, method="HEAD")
    assert head.body == b""
    assert head.status == got.status
    changing = {"date", "x-request-id", "etag", "content-length"} if path == "/metrics" else {"date", "x-request-id"}
    assert {**head.headers, **dict.fromkeys(changing)} == {**got.headers, **dict.fromkeys(changing)}
    assert last(service, head.headers["x-request-id"])["method"] == "HEAD"


def test_a_connection_stays_usable_after_a_head_request(service: Service) -> None:
    ask = b"HEAD /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    response = service.send(ask * 3 + ask.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert response.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert b"alive" not in response


def test_a_wrong_method_is_answered_with_all_allowed_methods(service: Service) -> None:
    assert service.ask("/health/live", method="DELETE").headers["allow"] == "GET, HEAD"
    assert service.ask("/v1/predict", method="HEAD").headers["allow"] == "POST"


@pytest.mark.fault("V01")
@pytest.mark.parametrize("path", [b"/health/live", b"/docs", b"/v1/model", b"/nowhere", b"/metrics", b"/pages/x"])
@pytest.mark.parametrize(
    "hosts",
    [b"", b"Host: localhost\r\nHost: localhost\r\n", b"Host: localhost\r\nhOST: evil.example\r\n",
     b"Host: localhost, evil.example\r\nHost:\r\n", b"Host: a b\r\n", b"Host: localhost/x\r\n",
     b"Host: u@localhost\r\n"],
)  # fmt: skip
def test_a_request_without_exactly_one_host_header_is_rejected(service: Service, path: bytes, hosts: bytes) -> None:
    response = service.send(b"GET " + path + b" HTTP/1.1\r\nConnection: close\r\n" + hosts + b"\r\n")
    assert response.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in response
    assert b"evil" not in response


def test_an_http_1_0_request_needs_no_host_header(service: Service) -> None:
    assert service.send(b"GET /health/live HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.fault("V01")
@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Content-Encoding"])
def test_a_repeated_security_relevant_header_is_rejected(service: Service, name: str) -> None:
    line = f"{name}: gzip\r\n".encode()
    response = service.send(
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + line * 2 + b"\r\n"
    )
    assert response.startswith(b"HTTP/1.1 400 ")
    assert name.lower().encode() in response


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with keys behind a proxy prefix /wdbc. Its `headers` have a key with scope `predict`."""
    folder: Path = tmp_path_factory.mktemp("behind")
    champions.promote(folder, champions.bundle())
    key = running.wdbc(folder, "key", "create", "ward").stdout.strip()
    with running.serving(folder, serve_root_path="/wdbc") as made:
        made.headers = {"Authorization": f"Bearer {key}"}
        yield made


@pytest.mark.parametrize("prefix", ["", "/wdbc"], ids=["removed by the proxy", "kept"])
def test_behind_a_path_prefix_each_route_is_reached_with_and_without_it(behind: Service, prefix: str) -> None:
    assert behind.ask(f"{prefix}/health/ready").status == 200
    assert behind.ask(f"{prefix}/v1/predict", ONE).status == 200
    assert behind.ask(f"{prefix}/v1/predict", b"x" * 3_000_000).status == 413
    assert behind.ask(f"{prefix}/openapi.json").json["servers"] == [{"url": "/wdbc"}]
    start = behind.ask(f"{prefix}/")
    assert (start.status, start.headers["location"]) == (307, "/wdbc/docs")
    answered = behind.ask(f"{prefix}/health/live")
    assert last(behind, answered.headers["x-request-id"])["route"] == "/health/live"


def test_a_rejected_request_is_logged_with_its_route_and_an_unknown_path_without(behind: Service) -> None:
    for path, status, route in (("/v1/predict", 401, "/v1/predict"), ("/v1/predictions", 401, "unknown")):
        rejected = behind.ask(path, ONE, headers={"Authorization": ""})
        assert rejected.status == status
        assert last(behind, rejected.headers["x-request-id"])["route"] == route
    too_large = behind.ask("/wdbc/v1/explain", b"x" * 3_000_000)
    assert last(behind, too_large.headers["x-request-id"])["route"] == "/v1/explain"


@pytest.mark.fault("V03")
@pytest.mark.parametrize(
    ("path", "without_key", "with_key"),
    [
        ("/wdbc/metrics", 401, 403),
        ("/wdbc/%6detrics", 401, 403),
        ("/%77dbc/metrics", 401, 403),
        ("/wdbc%2Fmetrics", 401, 403),
        ("/wdbc/v1/model", 401, 200),
        ("/wdbc/wdbc/metrics", 401, 404),
        ("/wdbc//metrics", 401, 404),
        ("//wdbc/metrics", 401, 404),
        ("/wdbc/../metrics", 401, 404),
        ("/wdbc/pages/../metrics", 404, 404),
        ("/wdbc/docs/../metrics", 401, 404),
        ("/wdbc//v1/predict", 401, 404),
        ("/wdbc/wdbc/v1/predict", 401, 404),
        ("/wdbcx/v1/model", 401, 404),
        ("/WDBC/v1/model", 401, 404),
        ("/wdbc/health/live/../../metrics", 401, 404),
        ("/wdbc;/metrics", 401, 404),
        ("/metrics/", 401, 404),
        ("/metrics%0A", 401, 404),
        ("/wdbc/metrics%0A", 401, 404),
        ("/health/live%0A", 401, 404),
        ("/wdbc/metrics/", 401, 404),
        ("/wdbc", 307, 307),
        ("/wdbc/", 307, 307),
    ],
)
def test_the_path_prefix_does_not_bypass_the_key(behind: Service, path: str, without_key: int, with_key: int) -> None:
    assert behind.ask(path, headers={"Authorization": ""}).status == without_key
    assert behind.ask(path).status == with_key


@pytest.mark.fault("V01")
def test_an_internal_error_is_answered_without_details_and_logged_by_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from wdbc_assets.serving.middleware import request_context
    from wdbc_assets.serving.middleware.request_log import RequestLogMiddleware

    async def broken(*_: object) -> None:
        raise RuntimeError("patient 77.77")

    answers: list[dict[str, object]] = []

    async def send(message: object) -> None:
        answers.append(dict(message))  # type: ignore[call-overload]

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": None}
    asyncio.run(RequestLogMiddleware(broken, lambda _: None)(scope, None, send))  # type: ignore[arg-type]
    assert answers[0]["status"] == 500
    body = json.loads(answers[1]["body"])  # type: ignore[arg-type]
    assert body["type"] == "urn:wdbc:problem:fault"
    assert body["request_id"] == request_context.get(scope).request_id
    assert "77.77" not in str(answers)


@pytest.mark.fault("X06")
def test_only_the_listed_paths_are_public(tmp_path: Path) -> None:
    champions.promote(tmp_path, champions.bundle())
    running.wdbc(tmp_path, "key", "create", "one")
    with running.serving(tmp_path) as service:
        document = service.ask("/openapi.json").json
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                status = service.ask(path, b"{}" if method == "post" else None, method=method.upper()).status
                assert (status == 401) == bool(operation.get("security")), path
