"""`wdbc evaluate` as people type it: figures with floors, done folds kept, the same value for any number of workers."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.evaluation import floors
from wdbc_assets_tests.cli.test_broken_evaluations import PROGRAM, evaluate, evaluating, parts
from wdbc_assets_tests.cli.test_run import wdbc

pytestmark = pytest.mark.slow

# Measured elsewhere on the same data under the full protocol; three repeats may lie this far from ten.
PUBLISHED = {
    "logistic": {"accuracy": 0.9787, "recall": 0.9613, "roc_auc": 0.9949, "log_loss": 0.0748, "brier": 0.0195},
    "spline": {"accuracy": 0.9794, "recall": 0.9642, "roc_auc": 0.9960, "log_loss": 0.0638, "brier": 0.0162},
    "airflow_baseline": {"accuracy": 0.9724, "recall": 0.9519, "roc_auc": 0.9945, "log_loss": 0.0942, "brier": 0.0242},
}
FOLD_NOISE = {"accuracy": 0.004, "recall": 0.006, "roc_auc": 0.001, "log_loss": 0.006, "brier": 0.002}


@pytest.fixture
def evaluated(evidence_once: Path, tmp_path: Path) -> None:
    """A store and a history in which the default evaluation was made."""
    shutil.copytree(evidence_once / "results", tmp_path / "results")
    shutil.copytree(evidence_once / "home", tmp_path / "home", symlinks=True)


def as_json(*arguments: str) -> dict[str, Any]:
    done = wdbc("evaluate", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stderr
    plain: dict[str, Any] = json.loads(done.stdout)
    return plain


@pytest.mark.usefixtures("evaluated")
def test_the_figures_are_the_published_ones_and_reach_every_floor_without_an_alarm() -> None:
    found = as_json()
    assert (found["patients"], found["repeats"], found["folds"], found["protocol"]) == (569, 3, 10, "quick")
    for recipe, figures in PUBLISHED.items():
        for metric, value in figures.items():
            assert found["recipes"][recipe][metric]["mean"] == pytest.approx(value, abs=FOLD_NOISE[metric])
    for recipe in ("logistic", "spline"):
        limits = floors.limits(recipe, 3, published=found["published"])
        assert limits["log_loss"].floor < 0.09  # those of the published data
        means = {name: metric["mean"] for name, metric in found["recipes"][recipe].items()}
        assert floors.missed(means, limits) == floors.alarms(means, limits) == []
    assert {check["rule"]: check["passed"] for check in found["checks"]} == {rule.name: True for rule in floors.RULES}
    pairs = [(one["recipe"], one["minus"]) for one in found["differences"]]
    assert pairs == [("logistic", "airflow_baseline"), ("spline", "airflow_baseline"), ("spline", "logistic")]
    for difference in found["differences"]:
        assert difference["log_loss"]["low"] < difference["log_loss"]["mean"] < 0
    assert found["bounds"]["log_loss"] == {"floor": 0.074, "alarm": 0.05}
    assert sum(one["folds"] for one in found["winners"]["spline"]) == 30


@pytest.mark.usefixtures("evaluated")
def test_a_second_call_shows_every_metric_with_its_floor_and_the_baseline() -> None:
    again = wdbc("evaluate")
    assert again.returncode == 0, again.stderr
    assert [line.split()[1] for line in again.stdout.splitlines()[:3]] == ["unchanged"] * 3
    lines = again.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  spline  "))
    assert " ".join(lines[start].split()) == "spline mean sd of folds 95 % interval airflow_baseline floor"
    shown = {line.split()[0]: line for line in lines[start + 1 : start + 11]}
    for metric, limit in floors.limits(floors.RECIPE, 3, published=True).items():
        assert shown[metric].endswith(f"= {limit.floor:.4g}")
    assert "missed" not in again.stdout
    assert "selected in folds: C=" in again.stdout
    assert "spline - airflow_baseline" in again.stdout
    assert "lowest log-loss: spline" in again.stdout
    assert lines[-1].startswith("  next: ")
    assert "evaluate --protocol full" in lines[-1]


@pytest.mark.nightly
@pytest.mark.fault("O11")
def test_an_evaluation_that_is_stopped_goes_on_from_the_folds_that_are_done() -> None:
    with evaluating("--recipe", "slow") as running:
        os.killpg(running.pid, signal.SIGINT)  # as a terminal sends it, to the workers too
        _, output = running.communicate(timeout=60)
    assert running.returncode == 130, output
    assert "Traceback" not in output
    kept = parts()
    assert 3 <= len(kept) < 40
    before = {path: path.stat().st_mtime_ns for path in Path("results").rglob("*-*-*.json")}
    again = evaluate("--recipe", "slow")
    assert again.returncode == 0, again.stderr
    assert f"{len(kept)} of 40 folds were finished before" in again.stderr
    assert len(parts()) == 40
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())


@pytest.mark.nightly
@pytest.mark.fault("T05")
def test_one_worker_and_two_make_the_same_version() -> None:
    made = []
    for workers in ("1", "2"):
        again = subprocess.run([*PROGRAM, "--workers", workers, "--force"], capture_output=True, text=True, check=True)
        assert "20 of 20" not in again.stderr
        made.append(json.loads(Path("results/cross_validation/current.json").read_bytes()))
    assert made[0]["version"] == made[1]["version"]


def test_the_help_says_which_recipes_are_always_evaluated() -> None:
    shown = " ".join(wdbc("evaluate", "--help").stdout.split())
    assert f"Always evaluated: {', '.join(floors.EVALUATED)}." in shown
