"""The sensor of the retraining: it requests one run for each situation, says why, and waits otherwise."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.orchestration import resources, retrain_sensor
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.orchestration.retrain import REASON_TAG
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.manifest import RecordedCheck
from wdbc_assets.store.store import Store
from wdbc_assets_tests import retrained


@pytest.fixture
def store(environment: Path) -> Store:
    """A store with a champion and 240 diagnoses, which are no reason yet."""
    made = retrained.make_store(environment / "results")
    retrained.put(made, *retrained.batches())
    return made


def tick(instance: dg.DagsterInstance) -> Any:
    """Return what the sensor answers: a request, or a reason to skip."""
    with dg.build_sensor_context(instance=instance, resources={"store": resources.StoreResource()}) as context:
        return retrain_sensor.retrain_wanted(context)


def in_alarm(store: Store) -> None:
    """Make the drift report of the latest batch, in alarm."""
    check = RecordedCheck("no_drift", passed=False, blocking=False, count=1, summary="z is 9")
    draft = store.draft("drift_report", {"z": 9}, run_id="a-run", checks=[check], partition=retrained.key(8))
    store.commit(draft, run_id="a-run")


def ended(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """Create the run of a request, as the daemon does, with the status in which it ended."""
    tags = {**request.tags, "dagster/run_key": str(request.run_key)}
    instance.create_run_for_job(defs.resolve_job_def("retrain"), status=status, tags=tags)


def test_it_is_off_until_somebody_turns_it_on() -> None:
    assert retrain_sensor.retrain_wanted.default_status == dg.DefaultSensorStatus.STOPPED


def test_without_a_champion_it_says_what_is_missing(instance: dg.DagsterInstance) -> None:
    assert "Nothing to retrain: no champion has been promoted yet" in tick(instance).skip_message


def test_without_a_reason_it_skips(instance: dg.DagsterInstance, store: Store) -> None:
    assert tick(instance).skip_message == "No retraining: no reason for one."


def test_an_alarm_requests_a_run_whose_tags_say_why(instance: dg.DagsterInstance, store: Store) -> None:
    in_alarm(store)
    request = tick(instance)
    version = str(open_registry(store).standing().version)
    assert request.run_key == f"champion {version[:12]} after no retraining"
    assert request.tags[REASON_TAG] == f"drift of batch {retrained.key(8)} in alarm"


def test_enough_diagnoses_request_a_run(
    instance: dg.DagsterInstance, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_RETRAIN_NEW_PATIENTS", "240")
    assert tick(instance).tags[REASON_TAG] == "240 new diagnoses"
    monkeypatch.setenv("WDBC_RETRAIN_MOST_PER_YEAR", "0")
    assert "at most 0 within a year" in tick(instance).skip_message


def test_a_run_in_progress_is_waited_for_and_a_failed_one_requested_again_later(
    instance: dg.DagsterInstance, store: Store
) -> None:
    in_alarm(store)
    ended(instance, tick(instance), dg.DagsterRunStatus.FAILURE)
    assert "ended without a comparison that is new (FAILURE)" in tick(instance).skip_message
    instance.create_run_for_job(defs.resolve_job_def("retrain"), status=dg.DagsterRunStatus.STARTED)
    assert "is in progress" in tick(instance).skip_message


def test_after_a_retraining_the_cooling_time_holds_up_the_next(instance: dg.DagsterInstance, store: Store) -> None:
    registry = open_registry(store)
    with registry.deciding():
        decision = Decision(actor="retraining", run_id="a-run", verdict="worse", reason="a test")
        registry.note(audit_log.REFIT_COMPARED, decision, version=registry.standing_under_lock().version)
    in_alarm(store)
    assert "cooling time until" in tick(instance).skip_message
