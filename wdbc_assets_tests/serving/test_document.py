"""The OpenAPI document: derived from the contract, accurate, and usable in a browser without internet access."""

import contextlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect
from pydantic import ValidationError

from wdbc_assets import settings
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules import groups, rows
from wdbc_assets.serving.api import endpoints, schemas
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.running import Service


def test_the_request_is_derived_from_the_contract_with_units_bounds_and_meaning(service: Service) -> None:
    document = service.ask("/openapi.json").json
    patient = document["components"]["schemas"]["Patient"]
    assert patient["additionalProperties"] is False
    assert tuple(patient["properties"]) == contract.FEATURES
    assert patient["required"] == list(contract.FEATURES)
    for measurement in contract.MEASUREMENTS:
        for statistic in contract.STATISTICS:
            field = patient["properties"][measurement.column(statistic)]
            assert measurement.unit in field["description"]
            assert measurement.meaning in field["description"]
            assert field["maximum"] == measurement.largest
            assert field["minimum" if measurement.may_be_zero else "exclusiveMinimum"] == 0


def test_the_documented_example_is_a_valid_request(service: Service) -> None:
    document = service.ask("/openapi.json").json
    (example,) = document["components"]["schemas"]["Request"]["properties"]["patients"]["examples"]
    assert example == [schemas.EXAMPLE]
    assert service.ask("/v1/predict", {"patients": example}).status == 200


def test_the_example_is_valid_and_not_a_published_patient() -> None:
    X = np.array([[schemas.EXAMPLE[name] for name in contract.FEATURES]])
    assert rows.validate(X)[1] == []
    table = champions.split()
    for subset in (table.X_train, table.X_test):
        assert not (subset[list(contract.FEATURES)].to_numpy() == X).all(axis=1).any()


def test_the_contract_lists_every_rule_that_measurements_are_validated_by(service: Service) -> None:
    body = service.ask("/v1/contract").json
    assert [entry["name"] for entry in body["measurements"]] == list(contract.FEATURES)
    assert [entry["name"] for entry in body["rules"]] == [rule.name for rule in groups.MEASUREMENT_RULES]


def test_no_path_prefix_of_a_proxy_can_hide_a_route() -> None:
    for segment in {route.path.split("/")[1] for route in endpoints.ROUTES} - {""}:
        with pytest.raises(ValidationError, match="belongs to the service itself"):
            settings.Serving.model_validate({"serve_root_path": f"/{segment}"})


def test_every_error_response_is_documented_as_problem_details(service: Service) -> None:
    document = service.ask("/openapi.json").json
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status != "200":
                    assert list(response["content"]) == ["application/problem+json"], path
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.slow
@pytest.mark.fault("V01")
@pytest.mark.parametrize("breaches", ["refuse", pytest.param("flag", marks=pytest.mark.nightly)])
def test_no_request_generated_from_the_document_makes_the_service_fail(tmp_path: Path, breaches: str) -> None:
    champions.promote(tmp_path, champions.bundle())
    scopes = ("--scope", "predict", "--scope", "admin")
    key = running.wdbc(tmp_path, "key", "create", "schemathesis", *scopes).stdout.strip()
    with running.serving(tmp_path, serve_breaches=breaches) as service:
        service.headers = {"Authorization": f"Bearer {key}"}
        report = schemathesis(service, rules_hidden=breaches == "refuse", folder=tmp_path)
        statuses = [line["status"] for line in service.log]
    assert report.returncode == 0, report.stdout[-6000:]
    assert 200 in statuses
    assert 422 in statuses
    assert not [status for status in statuses if isinstance(status, int) and status >= 500]


def schemathesis(service: Service, *, rules_hidden: bool, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Test the service with all checks of schemathesis.

    If violations are rejected, a request that matches the schema may get 422: JSON Schema has no cross-field rules.
    """
    accepted = ["2xx", "401", "403", "404", "409", "5xx"] + ["422"] * rules_hidden
    (folder / "schemathesis.toml").write_text(
        f"[checks.positive_data_acceptance]\nexpected-statuses = {json.dumps(accepted)}\n"
    )
    return subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"),
            "run", f"http://127.0.0.1:{service.port}/openapi.json", "--checks", "all", "--max-examples", "40",
            "--seed", "42", "--no-color", "--generation-database", "none", "--workers", "1",
            "--header", f"Authorization: {service.headers['Authorization']}",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )  # fmt: skip


@pytest.fixture
def page(page: Page, service: Service) -> Page:
    """A browser page that can reach only this service. Other requests fail and are recorded in `foreign`."""

    def only_here(route: Route) -> None:
        if route.request.url.startswith((*addresses, "data:", "blob:")):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    page.route("**/*", only_here)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    addresses[:] = [f"http://127.0.0.1:{service.port}/"]
    foreign.clear()
    complaints.clear()
    return page


addresses: list[str] = []
foreign: list[str] = []
complaints: list[str] = []


@pytest.mark.browser
@pytest.mark.fault("X07")
def test_swagger_ui_runs_a_prediction_and_loads_no_external_resource(service: Service, page: Page) -> None:
    try_a_prediction_out(page, f"http://127.0.0.1:{service.port}")


def try_a_prediction_out(page: Page, address: str) -> None:
    page.goto(f"{address}/docs")
    page.locator("#operations-version_1-predict_v1_predict_post").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answered = page.locator("table.live-responses-table tbody tr").first
    expect(answered.locator(".response-col_status")).to_contain_text("200")
    expect(answered.locator(".response-col_description")).to_contain_text('"probability"')
    assert foreign == []
    assert complaints == []


@pytest.mark.browser
@pytest.mark.fault("X07")
def test_redoc_shows_the_document_and_loads_no_external_resource(service: Service, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{service.port}/redoc")
    expect(page.get_by_role("heading", name="Predict")).to_be_visible()
    expect(page.get_by_role("button", name="post /v1/predict")).to_be_visible()
    assert foreign == []
    assert complaints == []


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service published under /wdbc by a proxy."""
    folder: Path = tmp_path_factory.mktemp("prefixed")
    champions.promote(folder, champions.bundle())
    with running.serving(folder, serve_root_path="/wdbc") as made:
        yield made


@contextlib.contextmanager
def proxy(service: Service, *, removes_prefix: bool) -> Iterator[str]:
    """Run a reverse proxy that publishes the service under /wdbc only; yield its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/wdbc/"):
                self.send_error(404)
                return
            path = self.path.removeprefix("/wdbc") if removes_prefix else self.path
            size = int(self.headers.get("Content-Length", 0))
            kind = {"Content-Type": self.headers["Content-Type"]} if size else {}
            with contextlib.closing(service.connect()) as connection:
                connection.request(self.command, path, self.rfile.read(size) if size else None, kind)
                answer = connection.getresponse()
                content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"date", "connection"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 -- the name that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/wdbc"
        server.shutdown()
        thread.join()


@pytest.mark.browser
@pytest.mark.parametrize("removes_prefix", [True, False])
def test_both_pages_work_behind_a_proxy_with_a_path_prefix(
    prefixed: Service, page: Page, *, removes_prefix: bool
) -> None:
    with proxy(prefixed, removes_prefix=removes_prefix) as address:
        addresses[:] = [f"{address}/"]
        page.goto(f"{address}/")
        expect(page).to_have_url(f"{address}/docs")
        try_a_prediction_out(page, address)
        page.goto(f"{address}/redoc")
        expect(page.get_by_role("button", name="post /v1/predict")).to_be_visible()
    assert foreign == []
    assert complaints == []
