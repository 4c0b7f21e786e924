"""`wdbc verify` in real processes, on a store made by a real run."""

import json
from pathlib import Path

import pytest

from wdbc_assets_tests.cli.test_run import ASSETS, made, made_once, wdbc
from wdbc_assets_tests.store.artifacts import snapshot
from wdbc_assets_tests.verification import forging

__all__ = ["made", "made_once"]  # fixtures


@pytest.mark.usefixtures("made")
def test_after_a_run_every_asset_is_the_same_and_nothing_is_written(tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    process = wdbc("verify")
    assert process.returncode == 0, process.stderr + process.stdout
    lines = [line.split() for line in process.stdout.splitlines()[2:]]
    assert [line[:2] for line in lines] == [[name, "same"] for name in ASSETS]
    assert "569 rows x 31 columns" in process.stdout
    assert snapshot(tmp_path) == before


@pytest.mark.slow
def test_options_of_a_run_recorded_only_in_the_manifest_are_used() -> None:
    assert wdbc("run", "--recipe", "airflow_baseline", "--grid", "small", "--split-seed", "7").returncode == 0
    process = wdbc("verify")
    assert process.returncode == 0, process.stdout
    assert process.stdout.count(" same ") == 5


@pytest.mark.fault("T09")
@pytest.mark.usefixtures("made")
def test_the_first_divergence_is_explained_with_cause_values_and_hint() -> None:
    process = wdbc("verify", WDBC_FOLDS="7")
    assert process.returncode == 1
    assert "configuration folds 5 -> 7" in process.stdout
    assert "first diverged: fitted_pipeline" in process.stdout
    assert "fitted_pipeline folds  5 -> 7  (+2)" in process.stdout
    assert "hint: Unset WDBC_FOLDS" in process.stdout


@pytest.mark.fault("T08")
@pytest.mark.usefixtures("made")
def test_the_json_output_lists_every_changed_value(tmp_path: Path) -> None:
    path = forging.stored(tmp_path / "results", "metrics", "metrics.json")
    metrics = json.loads(path.read_bytes())
    original, metrics["brier"]["value"] = metrics["brier"]["value"], 0.0
    path.write_text(json.dumps(metrics))
    process = wdbc("verify", "metrics", "--json")
    assert process.returncode == 1
    report = json.loads(process.stdout)
    assert report["same"] is False
    assert report["first_diverged"] == "metrics"
    assert [asset["asset"] for asset in report["assets"]] == ASSETS
    finding = report["assets"][-1]
    assert [(cause["kind"], cause["name"]) for cause in finding["causes"]] == [("stored file", "metrics.json")]
    assert finding["differences"][0]["values"] == [
        {"path": "brier.value", "stored": 0.0, "derived": original, "difference": original}
    ]


@pytest.mark.usefixtures("made")
def test_a_named_asset_is_verified_with_its_inputs() -> None:
    process = wdbc("verify", "train_test_split")
    assert process.returncode == 0, process.stdout
    assert [line.split()[0] for line in process.stdout.splitlines()[2:]] == ASSETS[:3]


def test_an_unknown_asset_is_a_usage_error_that_lists_the_assets() -> None:
    process = wdbc("verify", "metric")
    assert process.returncode == 2
    assert "'train_test_split'" in process.stderr


@pytest.mark.usefixtures("made")
def test_an_asset_that_was_never_made_is_not_derived() -> None:
    process = wdbc("verify", "cross_validation")
    assert process.returncode == 1
    assert "it has never been materialized" in process.stdout


def test_an_empty_store_is_an_error_with_a_hint() -> None:
    process = wdbc("verify")
    assert process.returncode == 1
    assert process.stderr.startswith("error: nothing has been made yet")
    assert "wdbc run" in process.stderr


@pytest.mark.fault("F06")
@pytest.mark.usefixtures("made")
def test_a_damaged_pointer_is_reported_as_a_single_block(tmp_path: Path) -> None:
    (tmp_path / "results/clean_frame/current.json").write_bytes(b"{}")
    process = wdbc("verify")
    assert process.returncode == 1
    assert "error: the pointer is damaged" in process.stderr
    assert "Traceback" not in process.stderr
