"""`wdbc promote`, `champion`, `rollback`, `history` and `gc` as people type them: real processes, store and history."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.registry import challenger
from wdbc_assets.registry.challenger import Pair
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.cli.test_run import wdbc
from wdbc_assets_tests.promotion_evidence import put_evidence
from wdbc_assets_tests.store.artifacts import snapshot

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _simplest_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_RECIPE", "logistic")


@pytest.fixture(scope="session")
def promoted_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("promoted")
    places = {
        "WDBC_STORAGE": str(folder / "results"),
        "WDBC_LOG": str(folder / "wdbc.jsonl"),
        "DAGSTER_HOME": str(folder / "home"),
        "WDBC_RECIPE": "logistic",
    }
    assert wdbc("run", **places).returncode == 0
    put_evidence(open_store(places["WDBC_STORAGE"], relative_to=folder), logistic=0.0, airflow_baseline=0.001, svc=0.0)
    first = wdbc("promote", WDBC_ACTOR="ada", **places)
    assert first.returncode == 0, first.stderr
    assert "verdict: first" in first.stdout
    return folder


@pytest.fixture(scope="session")
def candidate_once(promoted_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candidate")
    copy(promoted_once, folder)
    done = wdbc(
        "run", "--recipe", "airflow_baseline", WDBC_STORAGE=str(folder / "results"), DAGSTER_HOME=str(folder / "home")
    )
    assert done.returncode == 0, done.stderr
    return folder


def copy(made: Path, folder: Path) -> Store:
    """Return a copy of a store, with its history."""
    shutil.copytree(made / "results", folder / "results")
    shutil.copytree(made / "home", folder / "home", symlinks=True)
    return open_store(str(folder / "results"), relative_to=folder)


@pytest.fixture
def store(promoted_once: Path, tmp_path: Path) -> Store:
    """A store in which `logistic` is the champion, and the evidence has it better than `airflow_baseline`."""
    return copy(promoted_once, tmp_path)


@pytest.fixture
def with_baseline(candidate_once: Path, tmp_path: Path) -> Store:
    """The same store after `airflow_baseline` was fitted, which is the candidate now."""
    return copy(candidate_once, tmp_path)


def champion() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(wdbc("champion", "--json").stdout)
    return found


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(wdbc("history", "--json").stdout)["entries"]
    return found


def with_candidate(recipe: str) -> None:
    run = wdbc("run", "--recipe", recipe)
    assert run.returncode == 0, run.stderr


def test_without_anything_in_production_champion_says_how_something_comes_there() -> None:
    shown = wdbc("champion")
    assert shown.returncode == 1
    assert "nothing is in production" in shown.stdout
    assert "wdbc run" in shown.stdout
    refused = wdbc("promote")
    assert refused.returncode == 1
    assert "no evidence exists for a decision" in refused.stderr
    assert "wdbc evaluate" in refused.stderr


@pytest.mark.usefixtures("store")
def test_what_is_in_production_is_shown_with_since_when_by_whom_and_on_what_evidence() -> None:
    found = champion()
    assert found["problems"] == []
    assert found["candidate"]["is_champion"]
    it = found["champion"]
    assert (it["recipe"], it["actor"], it["verdict"], it["forced"], it["compiled"]) == (
        "logistic", "ada", "first", False, True,
    )  # fmt: skip
    assert {one["name"] for one in it["comparison"]["verdict"]["criteria"]} >= {"floors", "alarms", "calibration"}
    assert set(it["made_of"]) == {
        "train_test_split", "fitted_pipeline", "metrics", "decision_policy", "cross_validation",
    }  # fmt: skip
    shown = wdbc("champion")
    assert shown.returncode == 0
    assert "champion logistic" in shown.stdout
    assert "promoted by ada" in shown.stdout


def test_the_champion_itself_is_no_candidate_and_nothing_is_run(store: Store) -> None:
    again = wdbc("promote")
    assert again.returncode == 0
    assert "already in production" in again.stdout
    assert len(entries()) == 1


def test_a_candidate_that_does_not_win_leaves_the_champion_and_its_evidence_is_kept(with_baseline: Store) -> None:
    before = with_baseline.current("champion")
    refused = wdbc("promote", WDBC_ACTOR="bob")
    assert refused.returncode == 3, refused.stderr
    assert "verdict: worse" in refused.stdout
    assert "+0.0010" in refused.stdout
    assert "the champion stays: logistic" in refused.stdout
    assert with_baseline.current("champion") == before
    again = wdbc("promote", "--json")
    assert again.returncode == 3, again.stderr
    decided = json.loads(again.stdout)
    assert (decided["passed"], decided["champion"]) == (False, before and before.version)
    assert decided["entry"] == entries()[-1]
    assert decided["comparison"]["verdict"]["name"] == "worse"
    assert len(entries()) == 2
    kept = entries()[-1]
    assert (kept["action"], kept["actor"], kept["verdict"], kept["from"], kept["to"]) == (
        "kept", "bob", "worse", before and before.version, before and before.version,
    )  # fmt: skip
    shown = champion()
    assert shown["champion"]["recipe"] == "logistic"
    assert shown["candidate"]["comparison"]["verdict"]["name"] == "worse"
    assert wdbc("history", "--verify").returncode == 0


def test_a_dry_run_judges_and_changes_nothing(with_baseline: Store, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "results")
    dry = wdbc("promote", "--dry-run")
    assert dry.returncode == 3
    assert "verdict: worse" in dry.stdout
    decided = json.loads(wdbc("promote", "--dry-run", "--json").stdout)
    assert (decided["passed"], decided["entry"]) == (False, None)
    assert decided["comparison"]["verdict"]["name"] == "worse"
    assert snapshot(tmp_path / "results") == before
    put_evidence(with_baseline, logistic=0.001, airflow_baseline=0.0)
    before = snapshot(tmp_path / "results")
    assert wdbc("promote", "--dry-run").returncode == 0
    assert snapshot(tmp_path / "results") == before


def test_a_better_candidate_replaces_the_champion_and_a_rollback_puts_that_back(with_baseline: Store) -> None:
    first = champion()["champion"]["version"]
    put_evidence(with_baseline, logistic=0.001, airflow_baseline=0.0)
    promoted = wdbc("promote", "--json")
    assert promoted.returncode == 0, promoted.stderr
    decided = json.loads(promoted.stdout)
    assert (decided["passed"], decided["entry"]["action"]) == (True, "promoted")
    assert decided["champion"] == decided["entry"]["to"] == champion()["champion"]["version"]
    assert champion()["champion"]["recipe"] == "airflow_baseline"
    assert wdbc("rollback").returncode == 2
    back = wdbc("rollback", "--reason", "it answered nonsense", "--json", WDBC_ACTOR="eve")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["champion"] == first
    assert json.loads(back.stdout)["entry"] == entries()[-1]
    now = champion()["champion"]
    assert (now["version"], now["action"], now["actor"], now["reason"]) == (
        first, "rolled back", "eve", "it answered nonsense",
    )  # fmt: skip
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("champion"))
    assert event is not None
    assert event.asset_materialization is not None
    assert (event.asset_materialization.tags or {})["dagster/data_version"] == first
    assert "it answered nonsense" in str(event.asset_materialization.description)
    assert [one["action"] for one in entries()] == ["promoted", "promoted", "rolled back"]
    assert wdbc("rollback", "--reason", "further", "--json").returncode == 1


def test_a_force_needs_a_reason_is_recorded_and_is_shown_for_as_long_as_it_holds(with_baseline: Store) -> None:
    assert wdbc("promote", "--force").returncode == 2
    assert wdbc("promote", "--force", "--reason", " ").returncode == 2
    forced = wdbc("promote", "--force", "--reason", "the regulator's experiment")
    assert forced.returncode == 0, forced.stderr
    assert "by force, against the verdict" in forced.stdout
    shown = wdbc("champion").stdout
    assert "FORCED" in shown
    assert "against the verdict worse: the regulator's experiment" in shown
    assert champion()["champion"]["forced"]
    assert entries()[-1]["forced"]
    assert wdbc("rollback", "--reason", "over").returncode == 0
    assert "FORCED" not in wdbc("champion").stdout


@pytest.mark.nightly
def test_a_force_that_the_verdict_does_not_need_is_none(with_baseline: Store) -> None:
    put_evidence(with_baseline, logistic=0.001, airflow_baseline=0.0)
    assert wdbc("promote", "--force", "--reason", "in a hurry").returncode == 0
    assert not entries()[-1]["forced"]


@pytest.mark.nightly
def test_an_earlier_fit_is_a_candidate_by_its_first_digits(with_baseline: Store) -> None:
    earlier = champion()["champion"]["made_of"]["fitted_pipeline"]
    put_evidence(with_baseline, logistic=0.001, airflow_baseline=0.0)
    assert wdbc("promote").returncode == 0
    put_evidence(with_baseline, logistic=0.0, airflow_baseline=0.001)
    again = wdbc("promote", earlier[:10])
    assert again.returncode == 0, again.stderr
    assert "verdict: better" in again.stdout
    found = champion()["champion"]
    assert (found["recipe"], found["made_of"]["fitted_pipeline"]) == ("logistic", earlier)
    assert found["version"] == entries()[0]["to"]
    unknown = wdbc("promote", "0123abcd")
    assert unknown.returncode == 1
    assert "no version of fitted_pipeline in the store starts with 0123abcd" in unknown.stderr
    assert earlier[:12] in unknown.stderr


def test_evidence_of_other_patients_or_other_code_decides_nothing(with_baseline: Store, tmp_path: Path) -> None:
    put_evidence(with_baseline, logistic=0.001, airflow_baseline=0.0)
    pointer = tmp_path / "results/cross_validation/current.json"
    evidence = with_baseline.handle("cross_validation").manifest
    forged = {**vars(evidence), "code_version": "0ther", "inputs": {"clean_frame": "0" * 64}}
    pointer.write_bytes(type(evidence)(**forged).to_json())
    refused = wdbc("promote", "--dry-run")
    assert refused.returncode == 3, refused.stderr
    assert "criteria not met: patients, code" in refused.stdout
    assert "run `wdbc run`, then `wdbc evaluate`" in refused.stdout


def test_a_recipe_that_was_not_evaluated_is_refused_with_the_command(with_baseline: Store) -> None:
    put_evidence(with_baseline, logistic=0.0)
    refused = wdbc("promote")
    assert refused.returncode == 1
    assert "cross_validation has no results for airflow_baseline" in refused.stderr
    assert "wdbc evaluate --recipe airflow_baseline" in refused.stderr
    assert len(entries()) == 1


@pytest.mark.usefixtures("store")
def test_an_altered_entry_of_the_history_is_named_with_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "results/champion/history.jsonl"
    path.write_text(path.read_text().replace('"ada"', '"bob"'))
    message = wdbc("history", "--verify")
    assert message.returncode == 1
    assert "entry 1 was altered" in message.stdout
    assert json.loads(wdbc("history", "--json").stdout)["problems"] == ["entry 1 was altered"]
    shown = wdbc("champion")
    assert shown.returncode == 1
    assert "problem: entry 1 was altered" in shown.stdout


@pytest.mark.fault("V08")
def test_a_damaged_champion_is_named_by_champion_and_status_with_what_to_do(store: Store, tmp_path: Path) -> None:
    champion_now = store.handle("champion").manifest
    (tmp_path / "results/champion/versions" / champion_now.version / "policy.json").write_text("{}")
    shown = wdbc("champion")
    assert shown.returncode == 1
    assert "problem: stored file of champion was altered: its digest does not match the manifest" in shown.stdout
    states = {one["asset"]: one for one in json.loads(wdbc("status", "--json").stdout)["assets"]}
    assert states["champion"]["reasons"] == [
        "stored file of champion was altered: its digest does not match the manifest"
    ]


def test_gc_lists_what_nothing_refers_to_and_removes_it_when_asked(store: Store, tmp_path: Path) -> None:
    fit = store.handle("fitted_pipeline").manifest.version
    for seed in ("1", "2"):
        assert wdbc("run", "--grid", "small", "--split-seed", seed).returncode == 0
    for path in (tmp_path / "results").rglob("*"):
        os.utime(path, (time.time() - 3 * 24 * 3600,) * 2)
    before = snapshot(tmp_path / "results")
    listed = wdbc("gc")
    assert listed.returncode == 0, listed.stderr
    assert "to be removed: 3 versions" in listed.stdout  # split, fit and metrics of seed 1
    assert "add --apply" in listed.stdout
    assert snapshot(tmp_path / "results") == before
    assert "to be removed: 0 versions" in wdbc("gc", "--older-than", "4").stdout
    assert wdbc("gc", "--older-than", "nan").returncode == 2
    limit = tmp_path / "home/dagster.yaml"
    limit.unlink()
    limit.write_text("run_monitoring: {max_runtime_seconds: 345600}\n")  # four days: such a run may still be at work
    assert "to be removed: 0 versions" in wdbc("gc").stdout
    limit.unlink()
    removed = wdbc("gc", "--apply")
    assert "removed: 3 versions" in removed.stdout
    assert "to be removed: 0 versions" in wdbc("gc").stdout
    assert (tmp_path / "results/fitted_pipeline/versions" / fit).is_dir()  # the champion was made of it
    verified = wdbc("verify", "champion", "metrics")
    assert "champion          same" in verified.stdout


# Under test


@pytest.mark.nightly
def test_a_shadow_challenger_is_reported_and_its_missing_answers_block_promotion(store: Store) -> None:
    refused = wdbc("shadow", "start")
    assert refused.returncode == 1
    assert "is already the champion" in refused.stderr
    with_candidate("svc")
    unmade = wdbc("shadow", "start")
    assert unmade.returncode == 1
    assert "No decision policy exists for this candidate" in unmade.stderr
    wdbc("report")

    begun = wdbc("shadow", "start", "--share", "0.25", "--reason", "as good?", WDBC_ACTOR="bob")
    assert begun.returncode == 0, begun.stderr
    assert "serving 25 % of the requests" in begun.stdout
    shown = wdbc("shadow", "status")
    assert "no pairs yet" in shown.stdout
    assert "by bob: as good?" in shown.stdout
    experiment = challenger.current(store)
    assert experiment is not None
    pairs = [Pair("2026-11-24", "r", row, 0.01 * row, 0.01 * (100 - row), "champion") for row in range(100)]
    challenger.put_pairs(store, experiment, "1-aa-1-1", pairs)
    challenger.put_counts(store, experiment, "1-aa", {"given": 107, "failed": 7, "dropped": 3, "answered": 21})
    found = json.loads(wdbc("shadow", "status", "--json").stdout)["experiment"]
    assert found["challenger"]["recipe"] == "svc"
    assert found["champion"]["recipe"] == "logistic"
    assert found["patients"] == {"scored": 100, "failed": 7, "dropped": 3, "waiting": 0}
    assert found["answered_by_challenger"] == 21
    assert found["agreement"]["patients"] == 100
    assert found["agreement"]["difference"]["largest"] == pytest.approx(1.0)
    text = wdbc("shadow", "status").stdout
    assert "100 scored by both, 7 failed by the challenger, 3 dropped" in text
    assert "benign by the champion, malignant by the challenger" in text
    assert "challenger: svc" in wdbc("champion").stdout

    evaluated = wdbc("promote", "--dry-run")
    assert evaluated.returncode == 3
    assert "7 of 107 patients not scored" in evaluated.stdout
    share = wdbc("shadow", "start", "--share", "0.1")
    assert share.returncode == 1
    assert "it violates experiment" in share.stderr
    assert wdbc("shadow", "start").returncode == 0, "without effect it may be tried again"
    assert wdbc("shadow", "start", "--reset-counts").returncode == 2, "and from zero for a reason"
    reset = wdbc("shadow", "start", "--reset-counts", "--reason", "its process was killed")
    assert reset.returncode == 0, reset.stderr
    assert "counts reset: its process was killed" in entries()[-1]["reason"]
    assert "counts reset 1 times" in wdbc("shadow", "status").stdout
    again = challenger.current(store)
    assert again is not None
    challenger.put_pairs(store, again, "2-bb-1-1", pairs[:99])
    assert "7 of 107 patients" in wdbc("promote", "--dry-run").stdout, "until the new pairs are enough"
    challenger.put_pairs(store, again, "2-bb-1-1", pairs)
    assert "patients not scored" not in wdbc("promote", "--dry-run").stdout
    stopped = wdbc("shadow", "stop", "--reason", "enough")
    assert stopped.returncode == 0
    assert f"stopped: svc {again.candidate[:12]} (fitted_pipeline)" in stopped.stdout
    assert [entry["action"] for entry in entries()][-4:] == [*["shadow started"] * 3, "shadow stopped"]
    assert entries()[-4]["verdict"] is not None
    assert wdbc("history", "--verify").returncode == 0


@pytest.mark.usefixtures("store")
@pytest.mark.nightly
def test_a_recipe_without_evaluation_may_be_beside_the_champion_and_may_not_answer() -> None:
    with_candidate("pca_logistic")
    wdbc("report")
    refused = wdbc("shadow", "start", "--share", "0.1")
    assert refused.returncode == 1
    assert "no results for pca_logistic" in refused.stderr
    begun = wdbc("shadow", "start")
    assert begun.returncode == 0, begun.stderr
    assert "the gate has no verdict yet" in begun.stdout
    for wrong in ("0.6", "-1", "nan", "much"):
        assert wdbc("shadow", "start", "--share", wrong).returncode == 2


def test_without_a_champion_there_is_nothing_to_be_beside() -> None:
    refused = wdbc("shadow", "start")
    assert refused.returncode == 1
    assert "wdbc" in refused.stderr
    assert "no experiment is running" in wdbc("shadow", "status").stdout
