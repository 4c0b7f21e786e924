"""Tests of the rules and dashboards: each rule fires and does not, and each panel's query has an answer."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from wdbc_assets import settings
from wdbc_assets.domain.data import contract
from wdbc_assets.serving import telemetry
from wdbc_assets.serving.api import schemas
from wdbc_assets_tests import monitored, needed
from wdbc_assets_tests.serving import running
from wdbc_assets_tests.serving.running import free_port

DEPLOY = settings.project_root() / "deploy"
EXPORTER = settings.project_root() / "wdbc_assets" / "monitoring" / "exporter"
PROMETHEUS = DEPLOY / "prometheus"
WATCHDOG = "WdbcWatchdog"
SECONDS = 60

WITHOUT_PANEL = {
    "wdbc_daemons": "it is one; an alert reads it",
    "wdbc_job_pending": "the panel of assets shows why; the alert of a failed run reads it",
    "wdbc_exporter_timestamp_seconds": "Prometheus has the time of each scrape; the alert reads it of a file",
}
"""Metrics that no dashboard shows, and why."""

EMPTY = {
    "Patients sent to the challenger": "no challenger is under test",
    "Time since the last tick": "no sensor and no schedule is turned on",
    "Failed last ticks": "no sensor and no schedule is turned on",
    "Time since the last heartbeat of the daemon": "no daemon runs",
    "Messages that wait for their channel": "no channel is configured",
    "Predictions to be kept": "the service keeps none unless asked to",
    "Drift in the service: z of the streams": "the service has no window yet",
    "Streams of the service in alarm": "the service has no window yet",
    "Age of the drift report of the service": "the service has no window yet",
    "Evidence for a rollback": "the champion is the first",
    "Patients of the evidence for a rollback": "the champion is the first",
}
"""Panels whose queries have no answer in the test, and why."""


def run(program: str, *arguments: str) -> str:
    """Run one of Prometheus' programs; return its output."""
    if shutil.which(program) is None:
        needed.absent(f"{program} is not installed")
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS, cwd=PROMETHEUS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alerts() -> dict[str, Any]:
    """Return the alert rules by their names."""
    content = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    return {rule["alert"]: rule for group in content["groups"] for rule in group["rules"]}


def panels() -> list[dict[str, Any]]:
    """Return the panels of all dashboards that show something."""
    dashboards = [json.loads(path.read_bytes()) for path in (DEPLOY / "grafana" / "dashboards").glob("*.json")]
    return [panel for dashboard in dashboards for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> list[tuple[str, str]]:
    """Return the title and the query of each target of the panels."""
    return [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def defined() -> set[str]:
    """Return the names of all metrics of the service and, from its source, of the exporter."""
    exporter = "".join(path.read_text(encoding="utf-8") for path in EXPORTER.glob("*.py"))
    names = set()
    for name in re.findall(r'\b(?:gauge|single)\(\s*f?"([a-z_{}]+)"', exporter):
        names |= {f"wdbc_{name.replace('{name}', report)}" for report in ("drift", "served_drift")}
    return names | {family.name for family in telemetry.REGISTRY.collect()}


def test_every_metric_is_on_the_dashboard_or_has_a_reason_not_to_be() -> None:
    recorded = yaml.safe_load((PROMETHEUS / "recording.yml").read_text(encoding="utf-8"))
    text = " ".join(query for _, query in queries())
    used = [rule["expr"] for group in recorded["groups"] for rule in group["rules"] if rule["record"] in text]
    shown = {re.sub("_(total|bucket)$", "", name) for name in re.findall(r"\bwdbc_\w+", " ".join([text, *used]))}
    assert len(shown) > 50
    assert defined() - shown == set(WITHOUT_PANEL)
    assert shown <= defined()


def test_the_configuration_is_valid() -> None:
    assert "SUCCESS" in run("promtool", "check", "config", "prometheus.yml")
    assert "SUCCESS" in run("amtool", "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))


def test_each_alert_fires_and_does_not_fire() -> None:
    content = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8"))
    fires = {name: [] for name in alerts() if name != WATCHDOG}  # type: dict[str, list[bool]]
    for test in content["tests"]:
        for expected in test["alert_rule_test"]:
            fires[expected["alertname"]].append(bool(expected["exp_alerts"]))
    assert {name for name, both in fires.items() if set(both) != {True, False}} == set()
    run("promtool", "test", "rules", "alerts_test.yml")


def test_each_alert_has_a_row_on_the_page_of_operations() -> None:
    page = (settings.project_root() / "docs" / "operations.md").read_text(encoding="utf-8")
    for name, rule in alerts().items():
        target, _, row = rule["annotations"]["runbook"].partition("#")
        assert target == "docs/operations.md"
        assert f"\n### {row}\n" in page, name


def test_a_test_with_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(PROMETHEUS, tmp_path / "rules")
    path = tmp_path / "rules" / "alerts_test.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("values: '0x20'", "values: '1x20'", 1), encoding="utf-8")
    with pytest.raises(AssertionError, match="FAILED"):
        run("promtool", "test", "rules", str(path))


def test_the_alert_that_always_fires_goes_to_a_receiver_of_its_own() -> None:
    path = str(DEPLOY / "alertmanager" / "alertmanager.yml")
    assert "dead_man" in run("amtool", "config", "routes", "test", "--config.file", path, f"alertname={WATCHDOG}")
    assert "on_call" in run("amtool", "config", "routes", "test", "--config.file", path, "alertname=WdbcJobFailed")


def test_every_query_of_every_panel_has_an_answer(evidence: Path) -> None:
    if shutil.which("prometheus") is None:
        needed.absent("prometheus is not installed")
    monitor(evidence)
    with ExitStack() as parts:
        service = parts.enter_context(running.serving(evidence))
        exporter = parts.enter_context(exporting(evidence))
        port = parts.enter_context(scraping(evidence, {"wdbc_service": service.port, "wdbc_exporter": exporter}))
        unanswered = [(title, query) for title, query in queries() if title not in EMPTY]
        end = time.monotonic() + SECONDS
        while unanswered and time.monotonic() < end:
            assert service.ask("/v1/predict", {"patients": [schemas.EXAMPLE]}).status == 200
            assert service.ask("/v1/predict", {"patients": [schemas.EXAMPLE | {"radius_worst": 1}]}).status == 422
            unanswered = [(title, query) for title, query in unanswered if not answer(port, query)]
            time.sleep(0.5)
        assert unanswered == []
        assert {title for title, query in queries() if title in EMPTY and not valid(port, query)} == set()


def monitor(folder: Path) -> None:
    """Take up a batch, and record the outcomes of its patients."""
    patients = monitored.patients(60)
    batch = monitored.put(folder, "batch.csv", patients)
    known = patients[[contract.ID, contract.DIAGNOSIS]].assign(known_at="2026-03-31")
    known.to_csv(folder / "outcomes.csv", index=False)
    for arguments in (
        ("inbox", "add", str(batch)),
        ("monitor",),
        ("outcomes", "add", str(folder / "outcomes.csv")),
        ("alerts",),
    ):
        done = running.wdbc(folder, *arguments, inbox=folder / "inbox")
        assert done.returncode == 0, done.stderr


@contextmanager
def exporting(folder: Path) -> Iterator[int]:
    """Run the exporter on the store in a folder; yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "wdbc_assets", "exporter", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, env=running.environment_in(folder), stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            process.stderr.readline()
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def scraping(folder: Path, ports: dict[str, int]) -> Iterator[int]:
    """Run Prometheus with the project's configuration, but these targets and a short interval; yield its port."""
    content = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    content["global"] = {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"}
    content["rule_files"] = [str(PROMETHEUS / name) for name in content["rule_files"]]
    del content["alerting"]
    for job in content["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    port = free_port()
    command = [
        "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ)) as process,
    ):
        try:
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def answer(port: int, query: str) -> list[Any]:
    """Return Prometheus' result of a query; empty while it does not answer yet."""
    try:
        return [sample for sample in ask(port, query) if sample["value"][1] != "NaN"]
    except OSError:
        return []


def valid(port: int, query: str) -> bool:
    """Return whether Prometheus accepts a query, and has nothing for it."""
    try:
        return ask(port, query) == []
    except OSError:
        return False


def ask(port: int, query: str) -> list[Any]:
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(url, timeout=10) as response:
        result: list[Any] = json.loads(response.read())["data"]["result"]
    return result
