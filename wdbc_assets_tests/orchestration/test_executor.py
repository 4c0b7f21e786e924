"""All steps of a run share a process, unless its configuration asks for one process for each step."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets import settings
from wdbc_assets.orchestration.definitions import defs

MULTIPROCESS = {"execution": {"config": {"multiprocess": {"max_concurrent": 1}}}}


@pytest.mark.parametrize(("configuration", "own_processes"), [({}, False), (MULTIPROCESS, True)])
def test_the_executor_is_chosen_by_the_runs_configuration(
    configuration: dict[str, Any], own_processes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings.project_root())  # from where the processes of the steps import this module
    home = tmp_path / "instance"
    home.mkdir()
    job = dg.reconstructable(train)
    selection = [dg.AssetKey("raw_data"), dg.AssetKey("clean_frame")]
    with (
        dg.DagsterInstance.local_temp(str(home)) as instance,
        dg.execute_job(job, instance, run_config=configuration, asset_selection=selection) as result,
    ):
        assert result.success
        ended = instance.get_records_for_run(result.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS).records
        events = [record.event_log_entry.dagster_event for record in ended]
        pids = {event.pid for event in events if event is not None}
    assert (len(pids) == len(selection)) is own_processes


def train() -> dg.JobDefinition:
    return defs.resolve_job_def("train")
