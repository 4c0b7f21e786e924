"""What is turned on, its last ticks, and what the cursor of `source_changed` says of the checks of the source."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from wdbc_assets import settings
from wdbc_assets.monitoring import ticks
from wdbc_assets.monitoring.alerts import history_problems
from wdbc_assets.monitoring.exporter import of_history
from wdbc_assets.orchestration import resources, sensors
from wdbc_assets.store.store import open_store


@pytest.mark.usefixtures("environment")
def test_the_cursor_that_the_sensor_writes_says_whether_it_has_checked_the_source(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.build_sensor_context(instance=instance, resources={"store": resources.StoreResource()}) as context:
        assert not ticks.has_checked_the_source(context.cursor)
        sensors.source_changed.evaluate_tick(context)
        assert ticks.has_checked_the_source(context.cursor)
        monkeypatch.setenv("WDBC_SOURCE", "/nowhere/wdbc.data")
        sensors.source_changed.evaluate_tick(context)
        assert not ticks.has_checked_the_source(context.cursor)
        assert ticks.failed_checks(context.cursor) == 1


@pytest.mark.parametrize("cursor", [None, "", "{}", "null", ticks.source_cursor(failed_checks=2)])
def test_no_other_cursor_says_that_the_source_was_checked(cursor: str | None) -> None:
    assert not ticks.has_checked_the_source(cursor)


class History:
    """A history with one sensor that is turned on, one that is not, and one that has not ticked yet."""

    def __init__(self, folder: Path, *, cursor: str) -> None:
        self.root_directory = str(folder)
        sensor, data = SimpleNamespace(value="SENSOR"), SimpleNamespace(cursor=cursor)
        self._states = [
            SimpleNamespace(
                instigator_name=name,
                instigator_type=sensor,
                instigator_data=data,
                instigator_origin_id=name,
                selector_id=name,
                is_running=name != "off",
            )
            for name in ("source_changed", "off", "new")
        ]
        self.asked: list[str] = []

    def all_instigator_state(self) -> list[SimpleNamespace]:
        return self._states

    def get_ticks(self, origin_id: str, _: str, limit: int) -> list[SimpleNamespace]:
        self.asked.append(origin_id)
        tick = SimpleNamespace(timestamp=time.time(), status=SimpleNamespace(value="SKIPPED"))
        return [tick] * limit if origin_id != "new" else []

    def get_latest_materialization_event(self, _: object) -> None:
        return None

    def get_daemon_heartbeats(self) -> dict[str, object]:
        return {}


def test_only_what_is_turned_on_and_has_ticked_is_exported(tmp_path: Path) -> None:
    history: Any = History(tmp_path, cursor="")
    families = {family.name: family.samples for family in of_history.automation(history)}
    assert [sample.labels for sample in families["wdbc_tick_last_failed"]] == [
        {"name": "source_changed", "kind": "sensor"}
    ]
    assert history.asked == ["source_changed", "new"]


def test_a_check_of_the_source_keeps_it_from_being_stale_and_a_failed_one_does_not(environment: Path) -> None:
    store = open_store(str(environment / "results"), relative_to=environment)
    config = settings.load(source="https://data.invalid/wdbc.data", stale_after_hours=1)
    for failed, causes in ((0, []), (1, ["stale-source"])):
        history: Any = History(environment, cursor=ticks.source_cursor(failed_checks=failed))
        assert [one.cause for one in history_problems.stale_remote_source(store, history, config)] == causes
