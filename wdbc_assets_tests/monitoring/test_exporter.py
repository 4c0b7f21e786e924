"""Tests of `wdbc exporter`: what it exports of an empty, a used and a damaged platform."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from wdbc_assets import settings
from wdbc_assets.cli import wdbc
from wdbc_assets.monitoring.exporter import collector
from wdbc_assets.orchestration import alerting
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.orchestration.instance import open_instance
from wdbc_assets.pipeline import specs
from wdbc_assets.registry import guard, referral
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import open_store
from wdbc_assets_tests import champions
from wdbc_assets_tests.registry import guarded
from wdbc_assets_tests.registry.promotions import decision
from wdbc_assets_tests.serving.running import free_port

Samples = dict[tuple[str, tuple[str, ...]], float]


def export(path: Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(wdbc, ["exporter", "--textfile", str(path)])


def samples(path: Path) -> Samples:
    """Export, and return each value by the metric's name and its labels."""
    result = export(path)
    assert result.exit_code == 0, result.output
    return parsed(path.read_text())


def parsed(text: str) -> Samples:
    """Return each value of Prometheus' text format."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    renamed = {sample.name for sample in found if {"job", "instance"} & sample.labels.keys()}
    assert renamed == set(), "a scrape sets these labels, and renames those of a metric"
    return {(sample.name.removeprefix("wdbc_"), tuple(sample.labels.values())): sample.value for sample in found}


def test_a_platform_that_was_never_used_is_exported_without_errors(tmp_path: Path) -> None:
    found = samples(tmp_path / "wdbc.prom")
    assert {labels for (name, labels), value in found.items() if name == "exporter_failed" and value} == set()
    assert {labels[0] for name, labels in found if name == "asset_out_of_date"} == set(specs.ASSETS)
    assert found["exporter_timestamp_seconds", ()] == pytest.approx(time.time(), abs=60)
    assert ("champion_info", ()) not in found


def test_a_run_and_its_assets_are_exported(tmp_path: Path) -> None:
    assert CliRunner().invoke(wdbc, ["explore"]).exit_code == 0
    found = samples(tmp_path / "wdbc.prom")
    assert found["job_last_success", ("explore",)] == 1
    assert found["job_last_duration_seconds", ("explore",)] > 0
    assert found["job_last_end_timestamp_seconds", ("explore",)] == pytest.approx(time.time(), abs=120)
    assert (found["job_pending", ("explore",)], found["job_pending", ("train",)]) == (0, 1)
    assert found["asset_out_of_date", ("clean_frame",)] == 0
    assert found["asset_out_of_date", ("metrics",)] == 1
    assert found["asset_failing_checks", ("raw_data",)] == 0
    assert found["history_bytes", ()] > 0


def test_a_failed_run_and_its_refused_asset_are_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.data").write_bytes(b"1,M,rubbish\n")
    monkeypatch.setenv("WDBC_SOURCE", str(tmp_path / "bad.data"))
    assert CliRunner().invoke(wdbc, ["explore"]).exit_code == 1
    found = samples(tmp_path / "wdbc.prom")
    assert found["job_last_success", ("explore",)] == 0
    assert found["asset_refused", ("raw_data",)] == 1


def test_a_run_that_was_canceled_changes_no_metric_of_its_job(empty_history: Path, tmp_path: Path) -> None:
    job = defs.resolve_job_def("explore")
    with open_instance() as instance:
        instance.report_run_canceled(instance.create_run_for_job(job))
        assert ("job_last_success", ("explore",)) not in samples(tmp_path / "wdbc.prom")
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)
        instance.report_run_canceled(instance.create_run_for_job(job))
        assert samples(tmp_path / "wdbc.prom")["job_last_success", ("explore",)] == 1


def test_the_champion_is_exported_with_its_problems(tmp_path: Path) -> None:
    version = champions.make_champion(tmp_path / "results")
    found = samples(tmp_path / "wdbc.prom")
    assert found["champion_info", ("unknown", version[:12])] == 1
    assert found["champion_problems", ()] == 1  # no entry of the audit log made it champion


def test_the_evidence_for_a_rollback_and_what_the_guard_did_are_exported(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    good, bad = guarded.replaced_champion(store)
    guarded.known(store, bad, good)
    found = samples(tmp_path / "wdbc.prom")
    assert [found[f"rollback_{name}", ()] for name in ("evidence", "threshold", "patients", "due")] == [
        23.5,
        20,
        130,
        1,
    ]
    assert (found["refers_everyone", ()], found["champion_restored_by_guard", ()]) == (0, 0)
    guard.act(store)
    referral.switch(open_registry(store), decision(), on=True)
    found = samples(tmp_path / "wdbc.prom")
    assert found["rollback_due", ()] == 0
    assert (found["refers_everyone", ()], found["champion_restored_by_guard", ()]) == (1, 1)


def test_a_part_that_cannot_be_read_is_said_and_the_others_are_exported(tmp_path: Path) -> None:
    assert export(tmp_path / "wdbc.prom").exit_code == 0
    (tmp_path / "home" / "dagster.yaml").unlink()
    (tmp_path / "home" / "dagster.yaml").write_text("storage: [")
    found = samples(tmp_path / "wdbc.prom")
    assert found["exporter_failed", ("jobs",)] == 1
    assert found["exporter_failed", ("assets",)] == 0
    assert ("asset_out_of_date", ("raw_data",)) in found


def test_the_drift_of_the_service_and_its_kept_predictions_are_exported(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    streams = [{"quantity": "area_mean", "aspect": "location", "z": -6.5, "window": 1}]
    report = {"threshold": 4.9, "streams": streams}
    for asset, value in (("served_drift", report), ("served_predictions", pd.DataFrame({"id": ["a", "b"]}))):
        store.commit(store.draft(asset, value, run_id="a-run"), run_id="a-run")
    found = samples(tmp_path / "wdbc.prom")
    assert found["served_drift_z", ("location", "area_mean")] == -6.5
    assert (found["served_drift_alarms", ()], found["served_drift_threshold", ()]) == (1, 4.9)
    assert found["served_predictions", ()] == 2
    assert ("drift_z", ("location", "area_mean")) not in found


def test_open_alerts_and_waiting_messages_are_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    store.note_refusal("raw_data", run_id="run-1", reasons=["the source is empty"])
    monkeypatch.setenv("WDBC_ALERTS", "error=json://127.0.0.1:9/")
    alerting.look(store, settings.load(), None)
    found = samples(tmp_path / "wdbc.prom")
    assert (found["alerts_open", ("error",)], found["alerts_open", ("warning",)]) == (1, 0)
    assert found["alert_messages_waiting", ("json",)] == 1
    assert found["alerts_looked_timestamp_seconds", ()] == pytest.approx(time.time(), abs=60)


def test_a_bug_in_a_part_hides_no_other_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Iterator[GaugeMetricFamily]:
        raise KeyError("8675309")

    monkeypatch.setitem(collector._STORE, "champion", fail)
    found = samples(tmp_path / "wdbc.prom")
    assert (found["exporter_failed", ("champion",)], found["exporter_failed", ("assets",)]) == (1, 0)
    assert "8675309" not in (tmp_path / "logs" / "wdbc.jsonl").read_text()


def test_a_damaged_store_does_not_stop_the_exporter(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    store.commit(store.draft("raw_data", b"1,M\n", run_id="a-run"), run_id="a-run")
    (tmp_path / "results" / "store.json").write_text('{"format": 99}')
    found = samples(tmp_path / "wdbc.prom")
    assert found["exporter_failed", ("assets",)] == 1
    assert found["runs_in_progress", ()] == 0


@pytest.mark.parametrize(
    ("name", "what"), [("metrics.txt", "end in .prom"), ("missing/wdbc.prom", "cannot be written")]
)
def test_a_file_that_nobody_could_read_is_refused(tmp_path: Path, name: str, what: str) -> None:
    result = export(tmp_path / name)
    assert what in str(result.exception)


def test_the_server_answers_every_scrape_and_ends_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "wdbc_assets", "exporter", "--port", str(port)]
    with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert f"http://127.0.0.1:{port}/metrics".encode() in process.stderr.readline()
        scrapes: list[Samples] = []
        while sum(("runs_in_progress", ()) in scrape for scrape in scrapes) < 2 and len(scrapes) < 12:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as response:
                scrapes.append(parsed(response.read().decode()))
        if ("runs_in_progress", ()) not in scrapes[-1]:  # the first one creates the history, which can take too long
            process.kill()
        assert ("runs_in_progress", ()) in scrapes[-1]
        second = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 1
        assert "cannot listen" in second.stderr
        process.terminate()
        assert process.wait(timeout=30) == 143
