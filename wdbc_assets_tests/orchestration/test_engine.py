"""Dagster's history states the engine and the cluster that computed a value."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.orchestration.definitions import defs

CONFIG: dict[str, dict[str, Any]] = {
    "fitted_pipeline": {"recipe": "logistic", "grid": "small", "folds": 3, "search_repeats": 1},
    "stability": {"bootstrap_refits": 10, "learning_splits": 2},
    "importance": {"importance_repeats": 1},
}
UPSTREAM = ("raw_data", "clean_frame", "train_test_split", "fitted_pipeline")


@pytest.mark.nightly  # a cluster and a model for each take half a minute
@pytest.mark.parametrize("asset", ["importance", "stability", "cross_validation"])
def test_a_materialization_states_engine_and_cluster(
    asset: str, environment: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_ENGINE", "dask")
    monkeypatch.setenv("WDBC_WORKERS", "2")
    chosen = (*UPSTREAM[: 2 if asset == "cross_validation" else 4], asset)
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(name) for name in chosen],
        run_config={"ops": {name: {"config": values} for name, values in CONFIG.items() if name in chosen}},
    )
    assert result.success
    found = instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert found is not None
    assert found.asset_materialization is not None
    shown = {name: value.value for name, value in found.asset_materialization.metadata.items()}
    assert (shown["engine"], shown["cluster"]) == ("dask", "processes of this machine, 2 workers")
