"""The evidence is made again when an input has other content, and not after a run that found it unchanged."""

from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import specs
from wdbc_assets_tests import builders

EAGER = {name for name, spec in specs.ASSETS.items() if spec.eager}


def materialize(instance: dg.DagsterInstance, *names: str) -> None:
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(name) for name in names]
    )
    assert result.success


# Dagster's own test helper uses a parameter that it calls beta.
@pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
def test_evidence_is_requested_for_other_content_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "wdbc.data"
    source.write_bytes(builders.bundled_uci_bytes())
    monkeypatch.setenv("WDBC_SOURCE", str(source))
    with dg.DagsterInstance.ephemeral() as instance:
        ticked = dg.evaluate_automation_conditions(defs=defs, instance=instance)
        requested = []
        for change in ("first", "none", "another order"):
            if change == "another order":
                source.write_bytes(b"".join(reversed(builders.bundled_uci_bytes().splitlines(keepends=True))))
            materialize(instance, "raw_data", "clean_frame")
            ticked = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=ticked.cursor)
            requested.append({name for name in EAGER if ticked.get_num_requested(dg.AssetKey(name))})
            materialize(instance, "exploration")
    assert requested == [{"exploration"}, set(), {"exploration"}]


def test_the_sensor_covers_the_eager_assets_and_is_off_by_default() -> None:
    sensor = defs.get_repository_def().get_sensor_def("evidence_updates")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert {"exploration", "decision_policy", "stability", "importance", "model_card"} == EAGER


def test_the_source_the_metrics_and_the_drift_report_become_overdue() -> None:
    graph = defs.resolve_asset_graph()
    overdue = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy}
    assert overdue == {"raw_data", "metrics", "drift_report"}
