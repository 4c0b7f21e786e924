"""The whole graph as Dagster sees it, and the main job in one process on an instance of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.domain.modeling import recipes
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import code_versions, specs
from wdbc_assets.store.backends import CannotWrite
from wdbc_assets.store.store import Draft, Store, open_store
from wdbc_assets_tests import builders

NAMES = list(specs.ASSETS)
TRAINED = specs.JOBS["train"]
IN_DATASET = {"raw_data", "clean_frame", "train_test_split", "exploration"}
IN_MONITORING = set(specs.MONITORING)
SMALL = {"ops": {"fitted_pipeline": {"config": {"grid": "small"}}}}


def train(instance: dg.DagsterInstance, **options: Any) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("train").execute_in_process(
        instance=instance, run_config=options.pop("run_config", SMALL), raise_on_error=False, **options
    )


def materializations(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def test_the_definitions_can_be_loaded_and_every_job_resolved() -> None:
    dg.Definitions.validate_loadable(defs)
    assert {job.name for job in defs.get_repository_def().get_all_jobs()} >= set(specs.JOBS)


def test_the_definitions_need_neither_data_nor_variables_and_import_nothing_heavy() -> None:
    heavy = {"pandas", "sklearn", "pandera", "matplotlib", "pyarrow", "requests"}
    code = f"import sys, wdbc_assets.orchestration.definitions; print(sorted({heavy} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


@pytest.mark.fault("O10")
def test_the_definitions_load_in_spite_of_a_wrong_setting_and_the_run_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_TEST_SIZE", "much")
    with dg.DagsterInstance.ephemeral() as instance:
        result = train(instance)
    assert not result.success
    assert "WDBC_TEST_SIZE" in failure(result)


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error is not None
    return error.message


def test_the_metadata_of_metrics_name_the_pipeline_and_its_recipe(environment: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        results = [train(instance), train(instance)]  # the second leaves everything unchanged
    pipeline = open_store(str(environment / "results"), relative_to=environment).current("fitted_pipeline")
    assert pipeline is not None
    for result in results:
        inputs = materializations(result, "metrics")["inputs"]
        assert f"| fitted_pipeline | {pipeline.version[:12]} | recipe {recipes.DEFAULT}, grid small" in inputs


def test_each_asset_can_be_materialized_in_a_run_of_its_own() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for name in TRAINED:
            assert train(instance, asset_selection=[dg.AssetKey(name)], run_config=SMALL).success, name


def test_dagsters_graph_is_the_table_of_derivations() -> None:
    graph = defs.resolve_asset_graph()
    for name, derivation in specs.ASSETS.items():
        node = graph.get(dg.AssetKey(name))
        assert {key.to_user_string() for key in node.parent_keys} == set(derivation.inputs)
        assert node.code_version == code_versions.code_version(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_asset_tells_what_it_is(name: str) -> None:
    node = defs.resolve_asset_graph().get(dg.AssetKey(name))
    assert node.description
    assert node.description[0].isupper()
    assert node.owners
    assert node.kinds
    group = "registry" if name == "champion" else "dataset" if name in IN_DATASET else "model"
    assert node.group_name == ("monitoring" if name in IN_MONITORING else group)


def test_the_main_job_makes_all_five_and_then_records_them_as_unchanged() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = train(instance)
        assert first.success
        assert [materializations(first, name)["unchanged"] for name in TRAINED] == [False] * 5
        second = train(instance)
        assert second.success
        assert [materializations(second, name)["unchanged"] for name in TRAINED] == [True] * 5
        for name in TRAINED:
            before, after = materializations(first, name), materializations(second, name)
            assert before.keys() == after.keys()
            assert before["version"] == after["version"]
        checks = second.get_asset_check_evaluations()
        assert checks
        assert all(check.passed for check in checks)


@pytest.mark.fault("F04")
def test_made_is_said_only_of_what_is_stored_and_the_error_names_asset_and_run(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Store.commit

    def refusing(store: Store, draft: Draft, **how: Any) -> bool:
        if draft.manifest.asset == "clean_frame":
            raise CannotWrite("the store cannot be written: No space left on device", where="disk")
        return commit(store, draft, **how)

    monkeypatch.setattr(Store, "commit", refusing)
    with dg.DagsterInstance.ephemeral() as instance:
        result = train(instance)
    assert not result.success
    records = [json.loads(line) for line in (environment / "logs" / "wdbc.jsonl").read_text().splitlines()]
    assert [record["asset"] for record in records if record["event"] == "made"] == ["raw_data"]
    (refused,) = [record for record in records if record["level"] == "ERROR"]
    assert (refused["asset"], refused["run_id"]) == ("clean_frame", result.run_id)


def test_the_data_are_explored_and_shown_with_their_findings() -> None:
    job = defs.resolve_job_def("explore")
    with dg.DagsterInstance.ephemeral() as instance:
        first = job.execute_in_process(instance=instance)
        second = job.execute_in_process(instance=instance)
    shown = materializations(first, "exploration")
    assert not shown["unchanged"]
    assert "212 of 569 patients are malignant" in shown["findings"]
    again = materializations(second, "exploration")
    assert again == shown | {"unchanged": True}


def test_an_instance_that_never_saw_a_version_made_shows_it_whole() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = train(instance)
    with dg.DagsterInstance.ephemeral() as another:
        second = train(another)
    for name in TRAINED:
        assert materializations(second, name)["unchanged"]
        assert materializations(first, name).keys() == materializations(second, name).keys()
    assert len(first.get_asset_check_evaluations()) == len(second.get_asset_check_evaluations())


@pytest.mark.fault("O02")
def test_a_value_that_fails_a_blocking_check_is_never_stored_and_its_rows_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        assert train(instance).success
        before = {name: store.current(name) for name in NAMES}
        stored = sorted(str(path) for path in (tmp_path / "results").glob("*/versions/*/*"))
        broken = tmp_path / "broken.data"
        lines = builders.bundled_uci_bytes().decode().splitlines()
        cells = lines[4].split(",")
        cells[2 + 20] = "0.5"  # worst radius far below the mean
        lines[4] = ",".join(cells)
        broken.write_text("\n".join(lines) + "\n")
        monkeypatch.setenv("WDBC_SOURCE", str(broken))
        result = train(instance)
    assert not result.success
    failed = {check.check_name: check for check in result.get_asset_check_evaluations() if not check.passed}
    assert "worst_is_not_below_mean" in failed
    records = failed["worst_is_not_below_mean"].metadata["failing rows"].value.records  # type: ignore[union-attr]
    assert [(record.data["row"], record.data["column"]) for record in records] == [(5, "radius_worst")]
    assert {name: store.current(name) for name in NAMES} == before
    assert sorted(str(path) for path in (tmp_path / "results").glob("*/versions/*/*")) == stored
    assert "clean_frame" not in {event.step_key for event in result.all_events if event.is_step_start}


def test_a_setting_in_the_runs_configuration_wins(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        configured = {"ops": SMALL["ops"] | {"train_test_split": {"config": {"test_size": 0.3}}}}
        result = train(instance, run_config=configured)
    assert materializations(result, "train_test_split")["parameters"]["test_size"] == 0.3
    assert materializations(result, "train_test_split")["test rows"] == 171


@pytest.mark.fault("S16")
def test_a_source_with_credentials_in_the_runs_configuration_is_refused() -> None:
    configured = {"ops": {"raw_data": {"config": {"source": "https://user:canary@127.0.0.1:9/x"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = train(instance, run_config=configured)
    assert "an address with credentials is not allowed in the configuration" in failure(result)
    assert "canary" not in failure(result)


def test_an_ordinary_asset_of_somebody_else_reads_and_writes_through_the_same_store(tmp_path: Path) -> None:
    @dg.asset
    def largest(clean_frame: Any) -> dict[str, float]:
        return {"radius": float(clean_frame["radius_worst"].max())}

    with dg.DagsterInstance.ephemeral() as instance:
        assert train(instance).success
        merged = dg.Definitions.merge(defs, dg.Definitions(assets=[largest]))
        job = merged.resolve_implicit_job_def_def_for_assets([dg.AssetKey("largest")])
        assert job is not None
        assert job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("largest")]).success
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    assert json.loads(store.files(store.handle("largest").manifest)["largest.json"])["radius"] > 30
