"""What a cursor of the sensor `source_changed` says of the checks of the source."""

import dagster as dg
import pytest

from wdbc_assets.monitoring import ticks
from wdbc_assets.orchestration import resources, sensors


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
