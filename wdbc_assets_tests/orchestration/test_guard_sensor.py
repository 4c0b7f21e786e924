"""The sensor of the guard: off until turned on twice, by itself and by the setting, and then as `wdbc live`."""

from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import guard_sensor, resources
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.registry.guarded import actions, commit, known, replaced_champion
from wdbc_assets_tests.registry.promotions import serving


@pytest.fixture
def store(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_AUTO_ROLLBACK", "guard")


def tick(instance: dg.DagsterInstance) -> str:
    with dg.build_sensor_context(instance=instance, resources={"store": resources.StoreResource()}) as context:
        skipped = guard_sensor.rollback_guard(context)
    assert isinstance(skipped, dg.SkipReason)
    return str(skipped.skip_message)


def test_it_is_off_until_somebody_turns_it_on(instance: dg.DagsterInstance, store: Store) -> None:
    assert guard_sensor.rollback_guard.default_status == dg.DefaultSensorStatus.STOPPED
    good, bad = replaced_champion(store)
    known(store, bad, good)
    assert "WDBC_AUTO_ROLLBACK is off" in tick(instance)
    assert serving(store) == b"bad"


@pytest.mark.usefixtures("on")
def test_it_rolls_back_once_and_records_it_in_dagsters_history(instance: dg.DagsterInstance, store: Store) -> None:
    assert tick(instance) == "The evidence calls for nothing."
    good, bad = replaced_champion(store)
    known(store, bad, good)
    assert tick(instance).startswith("rolled back: E = 23.5 from 130 patients")
    assert serving(store) == b"good"
    event = instance.get_latest_materialization_event(dg.AssetKey("champion"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.tags == {"dagster/data_version": good}
    assert tick(instance) == "The evidence calls for nothing."


@pytest.mark.usefixtures("on")
def test_referring_everyone_is_an_observation_of_the_champion(instance: dg.DagsterInstance, store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good, evidence=1.0, alarm=True)
    assert tick(instance).startswith("refer all on: the predictions do not agree")
    observed = instance.fetch_observations(dg.AssetKey("champion"), limit=1).records
    assert len(observed) == 1
    assert actions(store)[-1] == ("guard", "refer all on")


@pytest.mark.usefixtures("on")
def test_an_error_fails_the_tick_which_is_an_alert(instance: dg.DagsterInstance, store: Store) -> None:
    replaced_champion(store)
    commit(store, {"rollback": {"champion": 7}})
    with pytest.raises(WdbcError, match="the live metrics are damaged"):
        tick(instance)


@pytest.mark.usefixtures("on")
def test_a_history_that_cannot_be_written_undoes_no_decision(
    instance: dg.DagsterInstance, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    monkeypatch.setattr(dg.DagsterInstance, "report_runless_asset_event", lambda *_: 1 / 0)
    assert tick(instance).startswith("rolled back: ")
    assert serving(store) == b"good"
