"""The assets that are drawn from a fitted pipeline, in Dagster: made, shown, kept, and refused when they are wrong."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.domain.evaluation import policy_derivation
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import specs
from wdbc_assets.store.store import open_store

DECISIONS = ("decision_policy", "importance")


def materialize(instance: dg.DagsterInstance, **parameters: dict[str, Any]) -> dg.ExecuteInProcessResult:
    """Make the two assets and what they are made of, from the small grid unless configured otherwise."""
    keys = [dg.AssetKey(name) for name in (*specs.JOBS["train"][:-1], *DECISIONS)]
    job = defs.resolve_implicit_job_def_def_for_assets(keys)
    assert job is not None
    configured = {"fitted_pipeline": {"grid": "small"}, **parameters}
    return job.execute_in_process(
        instance=instance,
        asset_selection=keys,
        run_config={"ops": {name: {"config": config} for name, config in configured.items()}},
        raise_on_error=False,
    )


def shown(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def test_both_are_made_with_passed_checks_and_then_unchanged(instance: dg.DagsterInstance, environment: Path) -> None:
    first, second = materialize(instance), materialize(instance)
    assert first.success
    assert second.success
    for name in DECISIONS:
        assert shown(first, name)["unchanged"] is False
        assert shown(second, name)["unchanged"] is True
        assert shown(first, name)["version"] == shown(second, name)["version"]
    evaluated = {check.check_name for check in first.get_asset_check_evaluations() if check.passed}
    assert evaluated >= {"recall_reaches_the_target", "bounds_are_probabilities", "referrals_are_few"}
    assert all(check.passed for check in second.get_asset_check_evaluations())
    store = open_store(str(environment / "results"), relative_to=environment)
    stored = store.handle("decision_policy").load()
    assert (stored.folds, stored.seed, stored.recall_target, stored.alpha) == (10, 42, 0.98, 0.02)
    assert len(store.handle("importance").load().groups) == 6


def test_their_parameters_are_settings_that_a_runs_configuration_overrules(
    instance: dg.DagsterInstance, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_IMPORTANCE_REPEATS", "3")
    configured = {"recall_target": 0.9, "referral_alpha": 0.1, "policy_folds": 5, "policy_seed": 7}
    assert materialize(instance, decision_policy=configured).success
    store = open_store(str(environment / "results"), relative_to=environment)
    stored = store.handle("decision_policy").load()
    assert [stored.recall_target, stored.alpha, stored.folds, stored.seed] == [0.9, 0.1, 5, 7]
    assert store.handle("importance").load().permutations == 3


def test_a_policy_that_misses_its_own_target_is_never_stored(
    instance: dg.DagsterInstance, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert materialize(instance).success
    store = open_store(str(environment / "results"), relative_to=environment)
    before = store.current("decision_policy")
    monkeypatch.setattr(policy_derivation, "recall_threshold", lambda malignant, target: (0.999, 1))
    result = materialize(instance, decision_policy={"policy_seed": 1})
    assert not result.success
    failed = {check.check_name: check for check in result.get_asset_check_evaluations() if not check.passed}
    assert list(failed) == ["recall_reaches_the_target"]
    table: Any = failed["recall_reaches_the_target"].metadata["failing rows"].value
    (record,) = table.records
    assert record.data["column"] == "recall"
    assert record.data["value"].endswith("needed: at least 0.98")
    assert store.current("decision_policy") == before
    assert len(list((environment / "results/decision_policy/versions").iterdir())) == 1
