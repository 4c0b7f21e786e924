"""`wdbc verify` as people type it: real processes on a store that a real run has made."""

import json
from pathlib import Path

import pytest

from wdbc_assets_tests.cli.test_run import ASSETS, made, made_once, wdbc
from wdbc_assets_tests.store.artifacts import snapshot
from wdbc_assets_tests.verification import forging

__all__ = ["made", "made_once"]  # fixtures


@pytest.mark.usefixtures("made")
def test_after_a_run_every_asset_is_the_same_and_nothing_was_written(tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    said = wdbc("verify")
    assert said.returncode == 0, said.stderr + said.stdout
    lines = [line.split() for line in said.stdout.splitlines()[2:]]
    assert [line[:2] for line in lines] == [[name, "same"] for name in ASSETS]
    assert "569 rows x 31 columns" in said.stdout
    assert snapshot(tmp_path) == before


@pytest.mark.slow
def test_a_choice_of_the_run_that_stands_in_the_manifest_alone_is_verified_by_it() -> None:
    assert wdbc("run", "--recipe", "airflow_baseline", "--grid", "small", "--split-seed", "7").returncode == 0
    said = wdbc("verify")
    assert said.returncode == 0, said.stdout
    assert said.stdout.count(" same ") == 5


@pytest.mark.fault("T09")
@pytest.mark.usefixtures("made")
def test_what_diverged_first_is_told_with_cause_figures_and_what_to_do() -> None:
    said = wdbc("verify", WDBC_FOLDS="7")
    assert said.returncode == 1
    assert "configuration folds 5 -> 7" in said.stdout
    assert "first diverged: fitted_pipeline" in said.stdout
    assert "fitted_pipeline folds  5 -> 7  (+2)" in said.stdout
    assert "do: Unset WDBC_FOLDS" in said.stdout


@pytest.mark.fault("T08")
@pytest.mark.usefixtures("made")
def test_for_machines_every_figure_is_told(tmp_path: Path) -> None:
    path = forging.stored(tmp_path / "results", "metrics", "metrics.json")
    figures = json.loads(path.read_bytes())
    honest, figures["brier"]["value"] = figures["brier"]["value"], 0.0
    path.write_text(json.dumps(figures))
    said = wdbc("verify", "metrics", "--json")
    assert said.returncode == 1
    told = json.loads(said.stdout)
    assert told["same"] is False
    assert told["first_diverged"] == "metrics"
    assert [asset["asset"] for asset in told["assets"]] == ASSETS
    metrics = told["assets"][-1]
    assert [(cause["kind"], cause["name"]) for cause in metrics["causes"]] == [("stored file", "metrics.json")]
    assert metrics["differences"][0]["figures"] == [
        {"path": "brier.value", "stored": 0.0, "derived": honest, "difference": honest}
    ]


@pytest.mark.usefixtures("made")
def test_a_named_asset_is_verified_with_what_it_is_made_of() -> None:
    said = wdbc("verify", "train_test_split")
    assert said.returncode == 0, said.stdout
    assert [line.split()[0] for line in said.stdout.splitlines()[2:]] == ASSETS[:3]


def test_an_unknown_asset_is_wrong_usage_and_the_possible_ones_are_told() -> None:
    said = wdbc("verify", "metric")
    assert said.returncode == 2
    assert "'train_test_split'" in said.stderr


@pytest.mark.usefixtures("made")
def test_an_asset_that_was_never_made_is_not_derived() -> None:
    said = wdbc("verify", "cross_validation")
    assert said.returncode == 1
    assert "it has never been made" in said.stdout


def test_where_nothing_was_made_it_says_so_and_how() -> None:
    said = wdbc("verify")
    assert said.returncode == 1
    assert said.stderr.startswith("error: nothing has been made yet")
    assert "wdbc run" in said.stderr


@pytest.mark.fault("F06")
@pytest.mark.usefixtures("made")
def test_a_damaged_pointer_is_one_block_that_says_how_to_go_back(tmp_path: Path) -> None:
    (tmp_path / "results/clean_frame/current.json").write_bytes(b"{}")
    said = wdbc("verify")
    assert said.returncode == 1
    assert "error: the pointer is damaged" in said.stderr
    assert "Traceback" not in said.stderr
