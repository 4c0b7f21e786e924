"""The asset `champion` in Dagster: promoted on purpose only, a verdict observed, a check of what is in production."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.domain.promotion.bundles import Bundle
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import functions, specs
from wdbc_assets.presentation import privacy
from wdbc_assets.registry import candidate
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.promotion_evidence import put_evidence
from wdbc_assets_tests.registry.promotions import promote as put_champion

CHECK = "production_is_healthy"
CHAMPION_AND_INPUTS = ("champion", "metrics", "decision_policy")


@pytest.fixture
def store(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


def train(instance: dg.DagsterInstance, recipe: str) -> None:
    # A grid of one is not the search that was evaluated; the reference Airflow project's full grid is the quickest one.
    configured = {"ops": {"fitted_pipeline": {"config": {"recipe": recipe}}}}
    assert defs.resolve_job_def("train").execute_in_process(instance=instance, run_config=configured).success


def promote(instance: dg.DagsterInstance, **config: Any) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("promote").execute_in_process(
        instance=instance, run_config={"ops": {"champion": {"config": config}}}, raise_on_error=False
    )


def materialize(instance: dg.DagsterInstance, *assets: str, **config: Any) -> dg.ExecuteInProcessResult:
    """Materialize assets as the UI's buttons and `--select` do; without any named, all that need no batch."""
    keys = [dg.AssetKey(name) for name in assets or specs.MODEL]
    job = defs.resolve_implicit_job_def_def_for_assets(keys)
    assert job is not None
    configured = {"ops": {"champion": {"config": config}}} if config else {}
    return job.execute_in_process(instance=instance, asset_selection=keys, run_config=configured, raise_on_error=False)


def check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == CHECK]
    return found


def observed(result: dg.ExecuteInProcessResult) -> tuple[str | None, dict[str, Any]]:
    (observation,) = result.asset_observations_for_node("champion")
    return observation.description, shown(observation.metadata)


def shown(metadata: Any) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


def standing(store: Store) -> Standing:
    return open_registry(store).standing()


def test_a_verdict_is_observed_with_its_criteria_and_there_is_a_value_only_if_it_promotes(
    instance: dg.DagsterInstance, store: Store
) -> None:
    train(instance, "logistic")
    put_evidence(store, logistic=0.0, airflow_baseline=0.001)
    first = promote(instance)
    assert first.success
    assert check(first).passed
    (event,) = first.asset_materializations_for_node("champion")
    made = shown(event.metadata)
    assert made["recipe"] == "logistic"
    assert made["predicts with"] == "compiled scorer"
    assert made["verdict"].startswith("first")
    champion = store.handle("champion").load()
    assert isinstance(champion, Bundle)
    assert champion.recipe == "logistic"
    assert dict(champion.versions) == {name: store.handle(name).manifest.version for name in functions.MADE_OF}

    again = promote(instance)
    assert again.success
    (event,) = again.asset_materializations_for_node("champion")
    assert (event.tags or {})["dagster/data_version"] == standing(store).version
    assert len(standing(store).history.entries) == 1

    train(instance, "airflow_baseline")
    before = standing(store).version
    kept = promote(instance, reason="the seed once more")
    assert kept.success  # the champion stays: that is no failure
    assert kept.asset_materializations_for_node("champion") == []
    assert check(kept).passed  # and what is in production is as healthy as before
    message, evidence = observed(kept)
    assert message == "verdict: worse"
    assert evidence["verdict"].startswith("worse")
    assert "| log_loss | +0.0010 | +0.0010 to +0.0010 | upper bound of the 96.96 % interval below 0 | **no** |" in str(
        evidence["criteria"]
    )
    assert str(evidence["differences"]).startswith("![Difference of each criterion")
    assert standing(store).version == before
    last = standing(store).history.last
    assert last is not None
    assert (last.action, last.reason, last.run_id) == ("kept", "the seed once more", kept.run_id)
    assert last.evidence is not None
    assert open_registry(store).evidence(last.evidence).verdict.name == "worse"

    refused = promote(instance, force=True)
    assert not refused.success
    assert "and a reason" in failure(refused)
    assert standing(store).version == before
    forced = promote(instance, force=True, reason="an experiment")
    assert forced.success
    assert not check(forced).passed
    assert check(forced).severity is dg.AssetCheckSeverity.WARN
    assert "against the verdict worse: an experiment" in str(check(forced).description)
    (event,) = forced.asset_materializations_for_node("champion")
    assert "against the verdict" in str(shown(event.metadata)["FORCED"])
    assert standing(store).recipe == "airflow_baseline"


@pytest.mark.fault("O15")
def test_without_being_asked_for_a_promotion_nothing_is_decided(
    instance: dg.DagsterInstance, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    alone = materialize(instance, "champion")  # nothing was ever made
    assert alone.success
    assert "no champion is in production" in caplog.text
    train(instance, "logistic")
    put_evidence(store, logistic=0.0, airflow_baseline=0.001)
    assert materialize(instance, *CHAMPION_AND_INPUTS).success
    assert promote(instance, promote=False).success
    assert standing(store).manifest is None
    assert standing(store).history.entries == ()
    assert not materialize(instance, "champion", force=True, reason="by mistake").success
    assert standing(store).manifest is None

    asked = materialize(instance, *CHAMPION_AND_INPUTS, promote=True)
    assert asked.success
    before = standing(store)
    assert before.recipe == "logistic"
    train(instance, "airflow_baseline")
    put_evidence(store, logistic=0.001, airflow_baseline=0.0)
    assert materialize(instance, "decision_policy").success
    unasked = materialize(instance, "champion")
    assert unasked.success
    (event,) = unasked.asset_materializations_for_node("champion")
    assert (event.tags or {})["dagster/data_version"] == before.version
    assert check(unasked).passed
    assert standing(store).history.entries == before.history.entries


@pytest.mark.fault("O15")
def test_a_candidate_without_evidence_is_no_failure_of_what_is_in_production(
    instance: dg.DagsterInstance, store: Store
) -> None:
    train(instance, "logistic")
    put_evidence(store, logistic=0.0, airflow_baseline=0.001)
    assert promote(instance).success
    before = standing(store)
    for made, missing in {
        ("train_test_split", "fitted_pipeline"): "No metrics exist for this candidate",
        ("metrics",): "No decision policy exists for this candidate",
    }.items():
        with pytest.MonkeyPatch.context() as other:
            other.setenv("WDBC_SPLIT_SEED", "7")
            other.setenv("WDBC_RECIPE", "logistic")
            assert materialize(instance, *made).success
        tried = materialize(instance, "champion", promote=True, force=True, reason="an experiment")
        assert tried.success
        assert tried.asset_materializations_for_node("champion") == []
        message, why = observed(tried)
        assert message == "verdict: not compared"
        assert missing in why["verdict"]
        assert why["hint"].startswith("Materialize `metrics` and `decision_policy` first")
        assert check(tried).passed
        assert standing(store).history.entries == before.history.entries


def test_the_check_is_red_when_what_is_in_production_is_damaged(
    instance: dg.DagsterInstance, store: Store, environment: Path
) -> None:
    train(instance, "logistic")
    put_evidence(store, logistic=0.0, airflow_baseline=0.001)
    assert promote(instance).success
    version = standing(store).version
    (environment / f"results/champion/versions/{version}/policy.json").write_text("{}")
    result = materialize(instance, "champion")
    assert not check(result).passed
    assert "was altered: its digest does not match the manifest" in str(check(result).description)


def test_a_promotion_that_another_one_overtook_fails_and_says_so(
    instance: dg.DagsterInstance, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(instance, "logistic")
    put_evidence(store, logistic=0.0, airflow_baseline=0.001)
    judge = candidate.Case.compare

    def overtaken(case: candidate.Case) -> Any:
        put_champion(store, b"somebody else's")
        return judge(case)

    monkeypatch.setattr(candidate.Case, "compare", overtaken)
    result = promote(instance)
    assert not result.success
    assert "another decision moved the champion in the meantime: none -> " in failure(result)
    assert store.handle("champion").load() == b"somebody else's"
    assert len(standing(store).history.entries) == 1


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error is not None
    return str(error.message) + str(event.step_failure_data.user_failure_data)


@pytest.mark.fault("X02")
def test_an_error_of_the_champion_that_nobody_foresaw_tells_no_value(
    instance: dg.DagsterInstance, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(instance, "logistic")
    put_evidence(store, logistic=0.0, airflow_baseline=0.001)

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("the cell 17.98765 is odd")

    monkeypatch.setattr(candidate, "gather", broken)
    with pytest.raises(privacy.UnforeseenError) as caught:
        defs.resolve_job_def("promote").execute_in_process(instance=instance)
    assert "17.98765" not in str(caught.value)
    assert "ValueError in champion" in str(caught.value)
