"""`wdbc retrain` and `wdbc promote --refit` as people type them, and what stands in the way."""

import math
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import wdbc_assets
from wdbc_assets import clock, settings
from wdbc_assets.cli import wdbc
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts import store_problems
from wdbc_assets.registry import candidate, policies, retraining, roots
from wdbc_assets.registry.candidate import Case
from wdbc_assets.registry.decision_log import Decision, Superseded
from wdbc_assets.registry.registry import Registry, open_registry
from wdbc_assets.store import gc, removals
from wdbc_assets.store.removals import Removal
from wdbc_assets.store.store import NeverMade, Store, open_store
from wdbc_assets.verification.verify import verify
from wdbc_assets_tests import champions, retrained
from wdbc_assets_tests.commands import document, typed

WANTED_FROM = "200"


def _killed(*_: Any, **__: Any) -> None:
    raise WdbcError("killed")


@pytest.fixture(scope="session")
def killed_once(tmp_path_factory: pytest.TempPathFactory, empty_history_once: Path) -> Path:
    """A folder with a store and Dagster's home: patients drifted, and a retraining was killed before its record."""
    folder = tmp_path_factory.mktemp("retrained")
    shutil.copytree(empty_history_once, folder / "home", symlinks=True)
    retrained.put(retrained.make_store(folder / "results"), *retrained.batches(**retrained.DRIFTED))
    with pytest.MonkeyPatch.context() as patched:
        for name, value in (("STORAGE", "results"), ("LOG", "wdbc.jsonl")):
            patched.setenv(f"WDBC_{name}", str(folder / value))
        patched.setenv("DAGSTER_HOME", str(folder / "home"))
        patched.setenv("WDBC_RETRAIN_NEW_PATIENTS", WANTED_FROM)
        patched.setattr(Registry, "note", _killed)
        result = CliRunner().invoke(wdbc, ["retrain"])
    assert isinstance(result.exception, WdbcError)
    return folder


@pytest.fixture
def store(killed_once: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A copy of that store: the next retraining fits nothing, because the killed one has stored everything."""
    for name in ("home", "results"):
        shutil.copytree(killed_once / name, environment / name, symlinks=True)
    monkeypatch.setenv("WDBC_RETRAIN_NEW_PATIENTS", WANTED_FROM)
    return open_store(str(environment / "results"), relative_to=environment)


@pytest.fixture
def other(environment: Path, empty_history: Path) -> Store:
    """A store with a champion, without batches and outcomes."""
    return retrained.make_store(environment / "results")


def derived_again(store: Store) -> tuple[str, str | None]:
    (found,) = verify(store, settings.load(), ["champion"], deep=False)
    return found.verdict, found.derived


def logit(p: Any) -> Any:
    return np.log(p / (1 - p))


def actions(store: Store) -> list[str]:
    return [entry.action for entry in open_registry(store).standing().history.entries]


def test_a_retraining_is_explained_made_compared_recorded_and_promoted_by_a_person(store: Store) -> None:
    before = open_registry(store).standing().version
    dry = typed("retrain", "--dry-run").output
    assert "retraining: wanted" in dry
    assert "because: 240 new diagnoses" in dry
    assert actions(store) == ["promoted"]

    shown = typed("retrain").output
    assert "90 patients, which neither model has seen; candidate minus champion" in shown
    assert "verdict: better" in shown
    assert "the champion stays until a person promotes the refit" in shown
    assert open_registry(store).standing().version == before
    (found,) = store_problems.refits(store)
    assert (found.cause, found.subject) == ("waiting-refit", "champion")
    assert "(240 new diagnoses): better" in typed("status").output
    assert document("status")["retraining"]["verdict"] == "better"

    again = document("retrain")
    assert (again["wanted"], again["comparison"]) == (False, None)
    assert "0 new diagnoses; a comparison needs at least 90" in again["obstacles"]
    assert again["obstacles"][1].startswith("cooling time until ")

    assert "this was a dry run" in typed("promote", "--refit", "--dry-run").output
    assert "promoted: logistic" in typed("promote", "--refit", "--reason", "seen").output
    standing = open_registry(store).standing()
    assert (standing.version, standing.problems) == (store.handle("refit").manifest.version, ())
    assert store.handle("champion").load().trained_until == "2026-02-01T00:00:00+00:00"
    assert "already in production" in typed("promote", "--refit").output
    assert list(store_problems.refits(store)) == []
    assert actions(store) == ["promoted", "refit compared", "promoted"]

    typed("rollback", "--reason", "try")
    assert open_registry(store).standing().version == before
    assert list(store_problems.refits(store)) == []  # it was in production: nobody waits for it


def test_a_refit_in_production_is_recalibrated_derived_again_kept_and_rolled_back(store: Store) -> None:
    store.commit(store.draft("decision_policy", champions.bundle().policy, run_id="a-run"), run_id="a-run")
    typed("retrain")
    typed("promote", "--refit")
    refit = store.handle("refit").manifest.version
    assert derived_again(store) == ("same", refit)
    assert Case(store, {}, {}, open_registry(store).standing(), is_current=True).champion_is_refit
    trained = store.handle("champion").load().policy.training.prevalence
    with pytest.raises(WdbcError, match=r"is not between 0\.001 and 0\.999"):
        typed("recalibrate", "--prevalence", "0.0001")
    assert "is already in production" in typed("recalibrate", "--prevalence", str(trained)).output

    shown = typed("recalibrate", "--prevalence", "0.2").output
    assert f"{math.log(0.2 / 0.8) - math.log(trained / (1 - trained)):+.4f} in log-odds" in shown
    policy = shown.split("promote --policy ")[1].split()[0]
    assert "is in production" in typed("promote", "--policy", policy, "--reason", "a clinic elsewhere").output
    standing = open_registry(store).standing()
    entry = standing.history.entries[-1]
    assert (entry.action, entry.candidate, entry.after) == ("policy promoted", refit, standing.version)
    assert (standing.problems, standing.version != refit) == ((), True)
    assert entry.policy is not None
    assert entry.policy.version.startswith(policy)
    shown = typed("promote", "--refit").output
    assert "already in production" in shown
    assert "for a prevalence of 20 %" in shown
    assert derived_again(store) == ("same", standing.version)

    X = champions.split().X_test
    ours, plain = wdbc_assets.champion(store=store.url), store.handle("refit").load()
    p = plain.pipeline.predict_proba(X)[:, 1]
    np.testing.assert_allclose(logit(ours.predict_proba(X)[:, 1]) - logit(p), logit(0.2) - logit(trained), atol=1e-6)

    kept = {one.version: one.kept for one in gc.survey(store, roots.of(store, keep=5), run_limit=-1e9)}
    assert kept[entry.policy.version] == f"input of champion {str(standing.version)[:12]}"
    assert kept[refit] == "current"
    typed("rollback", "--reason", "one step")
    assert (open_registry(store).standing().version, derived_again(store)[0]) == (refit, "same")
    typed("rollback", "--to", str(standing.version), "--reason", "back")
    assert open_registry(store).standing().recalibrated == entry.policy

    back = typed("recalibrate", "--prevalence", str(trained)).output.split("promote --policy ")[1].split()[0]
    typed("promote", "--policy", back, "--reason", "here again")
    assert open_registry(store).standing().recalibrated is None
    assert derived_again(store)[0] == "same"
    assert "is already in production: nothing to do" in typed("recalibrate", "--prevalence", str(trained)).output


def test_a_champion_whose_recalibration_was_forged_is_found(store: Store) -> None:
    typed("retrain")
    typed("promote", "--refit")
    registry = open_registry(store)
    made = policies.recalibrate(store, registry.standing(), 0.2)
    forged = replace(made.value, threshold=0.9)
    draft = store.draft(
        "decision_policy", forged, run_id="x", inputs=made.manifest.inputs, parameters=made.manifest.parameters
    )
    store.add(draft)
    exchanged = policies.exchange(store, registry.standing(), draft.manifest.version)
    policies.promote(registry, registry.standing(), exchanged, actor="eve", reason="x")
    assert derived_again(store)[0] == "diverged"


def test_a_policy_of_the_main_line_does_not_belong_to_a_refit(store: Store) -> None:
    typed("retrain")
    typed("promote", "--refit")
    policy, inputs = champions.bundle().policy, {"fitted_pipeline": "f" * 64}
    draft = store.draft("decision_policy", policy, run_id="another-run", inputs=inputs)
    store.add(draft)
    with pytest.raises(WdbcError, match=r"another model: to fitted_pipeline ffff.*, and the champion to refit"):
        typed("promote", "--policy", draft.manifest.version, "--reason", "x")
    store.backend.remove(f"refit/versions/{open_registry(store).standing().version}")
    with pytest.raises(WdbcError, match=r"the champion's refit .* is no longer stored"):
        typed("recalibrate", "--prevalence", "0.3")


@pytest.mark.parametrize("mode", ["evidence", "off"])
def test_evidence_alone_promotes_only_if_that_is_set(store: Store, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("WDBC_AUTO_PROMOTE", mode)
    before = open_registry(store).standing().version
    result = document("retrain")
    assert result["comparison"]["verdict"]["name"] == "better"
    assert (result["champion"] != before) == (mode == "evidence")
    if mode == "off":
        return
    entry = open_registry(store).standing().history.entries[-1]
    assert (entry.actor, entry.action, entry.verdict, entry.forced) == ("retraining", "promoted", "better", False)
    assert entry.evidence is not None
    assert open_registry(store).evidence(entry.evidence).candidate.version == result["champion"]
    assert entry.reason.endswith("retrained because of: 240 new diagnoses")
    assert open_registry(store).lost_evidence() == []


def test_a_refit_that_was_rolled_back_is_not_promoted_by_itself_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_AUTO_PROMOTE", "evidence")
    before = open_registry(store).standing().version
    document("retrain")
    typed("rollback", "--reason", "wrong after all")
    assert document("retrain", "--force")["champion"] == before
    assert actions(store) == ["promoted", "refit compared", "promoted", "rolled back"]


def test_a_refit_that_was_rolled_back_is_promoted_again_only_by_force(store: Store) -> None:
    before = open_registry(store).standing().version
    typed("retrain")
    typed("promote", "--refit")
    typed("rollback", "--reason", "wrong after all")
    for arguments in ([], ["--dry-run"]):
        with pytest.raises(WdbcError, match=r"was in production before, and was rolled back at .*: wrong after all"):
            typed("promote", "--refit", *arguments)
    with pytest.raises(WdbcError, match="rolled back at"):
        retraining.promote(open_registry(store), retraining.gather(store), actor="anna")
    assert open_registry(store).standing().version == before
    assert "this refit was in production before, and was rolled back" in typed("retrain", "--force").output
    assert "is in production" in typed("promote", "--refit", "--force", "--reason", "the outcomes were wrong").output
    entry = open_registry(store).standing().history.entries[-1]
    assert (entry.action, entry.reason, entry.forced) == ("promoted", "the outcomes were wrong", False)
    assert "already in production" in typed("promote", "--refit").output


def test_a_refit_is_not_compared_with_its_own_recipe(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    typed("retrain")
    typed("promote", "--refit")
    standing = open_registry(store).standing()
    fit = {"fitted_pipeline": store.handle("refit").manifest}  # only its version counts
    case = Case(store, fit, {"recipe": "logistic"}, standing, is_current=True)
    monkeypatch.setattr(candidate, "gather", lambda _: case)
    shown = typed("champion").output
    assert ": better, against logistic" in shown
    assert "candidate: none; the champion is a refit of the current pipeline's recipe" in shown
    assert "would not replace" not in shown
    described = document("champion")["candidate"]
    assert (described["champion_is_refit"], described["comparison"]) == (True, None)


def test_a_refit_with_wrong_labels_is_refused_and_only_a_person_can_force_it(
    other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_AUTO_PROMOTE", "evidence")
    retrained.put(other, *retrained.batches(seed=2, labels=lambda week, labels: 1 - labels if week < 5 else labels))
    before = open_registry(other).standing().version
    shown = typed("retrain", "--force", code=3).output
    assert "verdict: worse" in shown
    assert "the champion stays" in shown
    (found,) = store_problems.refits(other)
    assert found.cause == "refused-refit"
    assert "the champion stays: logistic" in typed("promote", "--refit", code=3).output
    assert open_registry(other).standing().version == before
    with pytest.raises(WdbcError, match="the refit is not promoted: worse"):
        retraining.promote(open_registry(other), retraining.gather(other), actor="anna")
    assert "by force" in typed("promote", "--refit", "--force", "--reason", "a test").output
    assert open_registry(other).standing().history.entries[-1].forced


def test_exchanged_diagnoses_break_the_contract_and_nothing_is_fitted(other: Store) -> None:
    retrained.put(other, *retrained.batches(labels=lambda _, labels: 1 - labels))
    with pytest.raises(WdbcError, match="later_malignant_is_larger"):
        typed("retrain", "--force")
    assert other.current("refit") is None
    assert other.refusal("labelled_patients") is not None
    assert actions(other) == ["promoted"]


def test_without_a_champion_the_error_says_what_to_run(environment: Path) -> None:
    with pytest.raises(NeverMade, match="no champion"):
        typed("retrain")
    with pytest.raises(NeverMade, match="refit_comparison has never been materialized"):
        typed("promote", "--refit")


def test_without_outcomes_or_batches_the_error_says_what_to_run(other: Store) -> None:
    with pytest.raises(NeverMade, match="outcomes has never been materialized"):
        typed("retrain", "--dry-run")
    with pytest.raises(NeverMade, match="outcomes has never been materialized"):
        typed("evaluate", "--labelled")
    retrained.put(other, {}, retrained.batches()[1])
    with pytest.raises(WdbcError, match="0 batches with known outcomes arrived so far"):
        typed("retrain", "--force")
    with pytest.raises(WdbcError, match=r"no patient of a stored batch has a known diagnosis, .* 240 patients with"):
        typed("evaluate", "--labelled")
    assert other.current("labelled_cross_validation") is None


def test_diagnoses_of_batches_beyond_retention_are_named_as_the_reason(other: Store) -> None:
    made, events = retrained.batches()
    retrained.put(other, made, events)
    for partition in list(made)[:-1]:
        removals.remove(other.backend, "incoming_batch", partition, Removal("2026-06-01", "it is older than 90 days"))
    dry = document("retrain", "--dry-run")
    assert dry["obstacles"] == ["30 new diagnoses; a comparison needs at least 90"]
    gone = (
        "210 new diagnoses are of patients in no stored batch; possible causes: 7 batches were removed because of age"
    )
    assert [one.startswith(f"{gone} (WDBC_KEEP_BATCHES_DAYS)") for one in dry["unusable"]] == [True]
    assert f"not counted: {gone}" in typed("retrain", "--dry-run").output
    with pytest.raises(WdbcError, match="1 batch with known outcomes arrived so far") as refused:
        typed("retrain", "--force")
    assert "210 patients with a known outcome are in no stored batch" in refused.value.what
    assert "WDBC_KEEP_BATCHES_DAYS" in refused.value.what
    assert other.handle("labelled_patients").load().without_batch == 210


def test_a_retraining_from_batches_that_were_removed_is_no_divergence(store: Store) -> None:
    at = (clock.now() + timedelta(seconds=1)).isoformat(timespec="seconds")
    removals.remove(
        store.backend, "incoming_batch", store.partitions("incoming_batch")[0], Removal(at, "it is older than 90 days")
    )
    patients, comparison = verify(store, settings.load(), ["labelled_patients", "refit_comparison"], deep=False)
    assert patients.verdict == "not derived"
    assert patients.reason == "removed because of their age since it was made: 1 batch of incoming_batch"
    assert comparison.verdict == "same"


def test_few_diagnoses_are_an_obstacle(other: Store) -> None:
    retrained.put(other, *retrained.batches(count=3, size=20))
    assert document("retrain")["obstacles"] == ["60 new diagnoses; a comparison needs at least 90"]


def promote_another(store: Store) -> None:
    registry = open_registry(store)
    other = replace(champions.bundle(), versions={"fitted_pipeline": "e" * 64})
    draft = store.draft("champion", other, run_id="other")
    decision = Decision(actor="bob", run_id=None, recipe="logistic")
    registry.promote(draft, decision, expected=registry.standing().version)


def test_another_champion_meanwhile_is_not_replaced(store: Store) -> None:
    typed("retrain")
    promote_another(store)
    with pytest.raises(Superseded):
        typed("promote", "--refit")
    assert actions(store) == ["promoted", "refit compared", "promoted"]
    assert list(store_problems.refits(store)) == []


def test_a_champion_promoted_during_the_retraining_ends_it_with_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Registry.keep_evidence

    def meanwhile(registry: Registry, evidence: Any) -> str:
        promote_another(store)
        return keep(registry, evidence)

    monkeypatch.setattr(Registry, "keep_evidence", meanwhile)
    with pytest.raises(WdbcError, match="another decision moved the champion"):
        typed("retrain")
    assert actions(store) == ["promoted", "promoted"]


def test_a_retraining_that_was_killed_is_recorded_once_by_the_next(store: Store) -> None:
    version = store.handle("refit").manifest.version
    for _ in range(2):  # the second one finds the same evidence
        typed("retrain", "--force")
    assert actions(store) == ["promoted", "refit compared"]
    assert store.handle("refit").manifest.version == version


def test_options_that_exclude_each_other_are_refused() -> None:
    assert "cannot be combined" in typed("retrain", "--force", "--dry-run", code=2).output
    assert "cannot be combined" in typed("promote", "--refit", "abc", code=2).output
    assert "requires --reason" in typed("promote", "--refit", "--force", code=2).output


def test_the_defaults_promote_nothing_by_themselves() -> None:
    assert settings.load().auto_promote == "off"


def test_the_command_line_imports_neither_numpy_nor_dagster_to_offer_the_command() -> None:
    heavy = {"numpy", "pandas", "sklearn", "dagster"}
    code = f"import sys, wdbc_assets.cli; print(sorted({heavy} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"
