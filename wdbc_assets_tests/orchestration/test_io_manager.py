"""What Dagster reads and writes: values for other assets, handles for steps, and values for a caller in Python."""

import dagster as dg
import pandas as pd
import pytest

from wdbc_assets.orchestration.assets import ASSETS
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.orchestration.io_manager import STORED, StoreIOManager
from wdbc_assets.orchestration.resources import StoreResource
from wdbc_assets.store.store import Handle, Store
from wdbc_assets_tests.store.artifacts import put


@pytest.fixture
def manager(store: Store, monkeypatch: pytest.MonkeyPatch) -> StoreIOManager:
    monkeypatch.setattr(StoreResource, "open", lambda _: store)
    return StoreIOManager(store=StoreResource())


def version(store: Store) -> str:
    return store.handle("raw_data").manifest.version


def run(manager: StoreIOManager, *assets: dg.AssetsDefinition | dg.AssetSpec) -> dg.ExecuteInProcessResult:
    return dg.materialize(assets, resources={"io_manager": manager}, raise_on_error=False)


def test_a_step_reads_the_version_that_its_run_kept_though_another_run_moved_the_pointer(
    manager: StoreIOManager, store: Store
) -> None:
    put(store, b"kept", run_id="run-1")

    @dg.asset
    def raw_data(context: dg.AssetExecutionContext) -> None:
        store.keep(store.handle("raw_data").manifest, run_id=context.run.run_id)

    @dg.asset(deps=[raw_data])
    def another_run() -> bytes:
        put(store, b"moved on", run_id="run-2")
        return b"done"

    @dg.asset(deps=[another_run], ins={"raw_data": dg.AssetIn(dagster_type=STORED)})
    def clean_frame(raw_data: Handle) -> bytes:
        return raw_data.load()  # type: ignore[no-any-return]

    assert run(manager, raw_data, another_run, clean_frame).success
    assert store.handle("clean_frame").load() == b"kept"
    assert store.handle("raw_data").load() == b"moved on"


def test_a_step_reads_the_version_that_its_run_made_though_another_run_moved_the_pointer(
    manager: StoreIOManager, store: Store
) -> None:
    @dg.asset
    def raw_data() -> bytes:
        return b"mine"

    @dg.asset(deps=[raw_data])
    def another_run() -> bytes:
        put(store, b"theirs", run_id="run-2")
        return b"done"

    @dg.asset(deps=[another_run])
    def clean_frame(raw_data: bytes) -> bytes:
        return raw_data

    assert run(manager, raw_data, another_run, clean_frame).success
    assert store.handle("clean_frame").load() == b"mine"


def test_an_input_that_was_never_made_fails_once_with_what_to_do_and_without_a_stack(manager: StoreIOManager) -> None:
    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
    def clean_frame(raw_data: bytes) -> bytes:
        return raw_data

    result = run(manager, dg.AssetSpec("raw_data"), clean_frame)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error is not None
    assert "Materialize raw_data first" in error.to_string()
    assert "Traceback" not in error.to_string()
    assert error.cls_name == "Failure"
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


def test_a_caller_in_python_gets_the_value_made_now_or_earlier() -> None:
    for run in ("made", "unchanged"):
        result = dg.materialize(ASSETS, selection=["raw_data", "clean_frame"], resources=defs.resources)
        table = result.asset_value("clean_frame")
        assert isinstance(table, pd.DataFrame), run
        assert table.shape == (569, 31)
        assert isinstance(result.asset_value("raw_data"), bytes)
