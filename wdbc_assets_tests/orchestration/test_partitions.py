"""The job `monitor` in Dagster: one partition for each batch, and every way in which a batch can fail."""

import dataclasses
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring import thresholds
from wdbc_assets.monitoring import batch_keys, batches
from wdbc_assets.monitoring.inbox import Inbox
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.orchestration.materialize import FORCE_TAG
from wdbc_assets.orchestration.partitions import BATCH
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.store.backends import CannotWrite
from wdbc_assets.store.store import Draft, Store, open_store
from wdbc_assets_tests import builders, champions, monitored

DAY = 24 * 3600
FIRST_DAY = 1_900_000_000.0
ASSETS = specs.JOBS["monitor"]


@pytest.fixture
def inbox(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    monkeypatch.setenv("WDBC_INBOX", str(environment / "inbox"))
    return Inbox(environment / "inbox", environment / "home" / "pseudonym.key")


@pytest.fixture
def store(environment: Path) -> Store:
    return monitored.make_store(environment / "results")


def arrive(inbox: Inbox, day: int, **drawn: Any) -> str:
    """Put a claimed file of 60 patients into the inbox, as if it had arrived on that day, and return its key."""
    path = monitored.put(inbox.folder, "new.csv", monitored.patients(60, day, **drawn))
    key = batch_keys.make(FIRST_DAY + day * DAY, batch_keys.digest(path))
    path.rename(inbox.folder / batch_keys.claimed_name(key, path.name))
    return key


def run(instance: dg.DagsterInstance, *keys: str, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
    """Run the job on batches: on one by its key, on several as a backfill does."""
    instance.add_dynamic_partitions(BATCH, sorted(keys))
    several = {"dagster/asset_partition_range_start": min(keys), "dagster/asset_partition_range_end": max(keys)}
    return defs.resolve_job_def("monitor").execute_in_process(
        instance=instance,
        partition_key=keys[0] if len(keys) == 1 else None,
        tags=(tags or {}) | (several if len(keys) > 1 else {}),
        raise_on_error=False,
    )


def shown(result: dg.ExecuteInProcessResult, asset: str) -> dict[str | None, dict[str, Any]]:
    """Return the metadata of an asset's materializations by partition."""
    events = result.asset_materializations_for_node(asset)
    return {event.partition: {name: value.value for name, value in event.metadata.items()} for event in events}


def failed_checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {check.check_name: check for check in result.get_asset_check_evaluations() if not check.passed}


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error is not None
    return (error.cause or error).message


def test_a_batch_is_stored_scored_and_compared_and_then_unchanged(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store
) -> None:
    key = arrive(inbox, 1)
    first = run(instance, key)
    assert first.success
    assert failed_checks(first) == {}
    batch, predictions, report = (store.handle(asset, partition=key).load() for asset in ASSETS)
    ids = batch.table[contract.ID]
    assert ids.str.fullmatch("[0-9a-f]{32}").all()
    assert ids.is_unique
    assert predictions.table[contract.ID].tolist() == ids.tolist()
    assert list(predictions.table) == [
        "id", "probability", "triage", "above_threshold", "log_odds", "previous_probability",
        "model", "recipe", "policy", "previous_version",
    ]  # fmt: skip
    champion = store.handle("champion").manifest.version
    assert predictions.model == champion
    assert store.handle("predictions", partition=key).manifest.inputs["champion"] == champion
    assert (report.batch, report.sketch.rows, report.earlier_batches, report.verdict) == (key, 60, 0, "no drift")
    assert [path.name for path in (inbox.folder / "taken").iterdir()] == [f"{key}_new.csv"]
    assert shown(first, "incoming_batch")[key]["set aside"] == 0
    assert shown(first, "predictions")[key]["champion"] == champion[:12]
    described = shown(first, "drift_report")[key]
    assert described["largest z"] == abs(report.streams[0].z)
    assert (described["alarms"], described["threshold"]) == (0, thresholds.DRIFT["weekly"].value)

    second = run(instance, key)
    for asset in ASSETS:
        assert shown(second, asset)[key] == shown(first, asset)[key] | {"unchanged": True}


def test_a_backfill_makes_several_batches_in_one_run(instance: dg.DagsterInstance, inbox: Inbox, store: Store) -> None:
    keys = [arrive(inbox, day) for day in (1, 2)]
    result = run(instance, *keys)
    assert result.success
    assert {asset: set(shown(result, asset)) for asset in ASSETS} == {asset: set(keys) for asset in ASSETS}
    assert shown(result, "drift_report")[keys[1]]["earlier batches"] == 1
    assert failed_checks(result) == {}


def test_a_shift_fails_the_check_as_a_warning_and_the_run_succeeds(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store
) -> None:
    result = run(instance, arrive(inbox, 1, moved="texture_mean", by=0.6))
    assert result.success
    (check,) = failed_checks(result).values()
    assert (check.check_name, check.severity) == ("no_drift", dg.AssetCheckSeverity.WARN)
    assert "texture_mean location" in (check.description or "")


def test_rows_that_violate_a_rule_are_counted_and_withheld_and_do_not_refuse_the_batch(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = arrive(inbox, 1, moved="texture_worst", by=0.7)
    result = run(instance, key)
    assert result.success
    check = failed_checks(result)["worst_is_not_below_mean"]
    assert check.severity == dg.AssetCheckSeverity.WARN
    records = check.metadata["failing rows"].value.records  # type: ignore[union-attr]
    assert {record.data["column"] for record in records} == {"texture_worst"}
    assert {record.data["value"] for record in records} == {"withheld"}
    batch = store.handle("incoming_batch", partition=key).load()
    assert 0 < shown(result, "incoming_batch")[key]["set aside"] == 60 - len(batch.table)


def test_a_batch_without_a_valid_row_is_refused_and_its_file_set_aside_with_the_reason(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store
) -> None:
    key = arrive(inbox, 1, moved="area_mean", by=-1.0)
    result = run(instance, key)
    assert not result.success
    assert "none of its rows can be scored: " in failure(result)
    assert store.partitions("incoming_batch") == []
    assert "nothing_is_negative" in (inbox.folder / "refused" / "new.csv.reason.txt").read_text()
    refusal = store.refusal("incoming_batch")
    assert refusal is not None
    assert refusal.reasons[0].startswith(f"batch {key}: none of its rows can be scored")


def test_without_a_champion_the_batch_is_kept_and_scored_once_there_is_one(
    instance: dg.DagsterInstance, inbox: Inbox, environment: Path
) -> None:
    key = arrive(inbox, 1)
    result = run(instance, key)
    assert "no champion has been promoted yet" in failure(result)
    assert "wdbc promote" in failure(result)
    store = open_store(str(environment / "results"), relative_to=environment)
    assert store.partitions("incoming_batch") == [key]
    monitored.make_store(environment / "results")
    assert batches.arrivals(store, inbox).batches == [key]
    assert run(instance, key).success


@pytest.mark.fault("D16")
def test_a_run_that_is_killed_before_the_batch_is_stored_takes_it_up_again_once(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = arrive(inbox, 1)

    def killed(store: Store, draft: Draft, **how: Any) -> bool:
        raise CannotWrite("the store cannot be written: No space left on device", where="disk")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "commit", killed)
        assert not run(instance, key).success
    assert batches.arrivals(store, inbox).batches == [key]
    assert run(instance, key).success
    assert batches.arrivals(store, inbox).batches == []
    assert store.partitions("incoming_batch") == [key]


def test_predictions_of_that_time_stay_when_another_champion_is_promoted(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store
) -> None:
    key = arrive(inbox, 1)
    assert run(instance, key).success
    before = store.handle("predictions", partition=key).manifest
    other = dataclasses.replace(champions.bundle(monitored.RECIPE), versions={"fitted_pipeline": "e" * 64})
    store.commit(store.draft("champion", other, run_id="another-run"), run_id="another-run")
    assert run(instance, key).success
    assert store.handle("predictions", partition=key).manifest.version == before.version
    assert run(instance, key, tags={FORCE_TAG: "true"}).success
    assert store.handle("predictions", partition=key).manifest.inputs["champion"] != before.inputs["champion"]


@pytest.mark.fault("D16")
def test_a_late_arrival_is_compared_with_what_was_before_it_and_counts_from_then_on(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store
) -> None:
    first, late, third = (arrive(inbox, day) for day in (1, 2, 3))
    for key in (first, third, late):
        assert run(instance, key).success
    assert [store.handle("drift_report", partition=key).load().earlier_batches for key in (first, late, third)] == [
        0, 1, 1,
    ]  # fmt: skip
    assert run(instance, third).success  # asked for again, the later report counts it
    assert store.handle("drift_report", partition=third).load().earlier_batches == 2
    assert run(instance, arrive(inbox, 4)).success
    assert store.handle("drift_report", partition=batches.stored(store)[-1]).load().earlier_batches == 3


def test_a_run_without_a_batch_says_how_to_choose_one(instance: dg.DagsterInstance, inbox: Inbox, store: Store) -> None:
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("incoming_batch")], raise_on_error=False
    )
    assert "is made for a batch, and this run selects none" in failure(result)
    assert "wdbc monitor" in failure(result)


def test_a_stored_value_is_loaded_by_its_partition(inbox: Inbox, store: Store, instance: dg.DagsterInstance) -> None:
    key = arrive(inbox, 1)
    assert run(instance, key).success
    value: Any = defs.load_asset_value("predictions", partition_key=key, instance=instance)
    assert value.patients.rows == 60


def test_a_damaged_version_is_made_again_from_the_file_that_was_taken(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store
) -> None:
    key = arrive(inbox, 1)
    assert run(instance, key).success
    manifest = store.handle("incoming_batch", partition=key).manifest
    Path(store.folder(manifest), "patients.parquet").write_bytes(builders.bundled_uci_bytes())
    assert run(instance, key).success
    assert store.damage(store.handle("incoming_batch", partition=key).manifest) is None


def evaluate_one_table_and_train_on_another(store: Store) -> str:
    """Let the evaluation state its clean frame, replace that frame, and return the version that was evaluated."""
    evaluated = store.handle("clean_frame").manifest.version
    for asset, value, inputs in (
        ("cross_validation", store.handle("cross_validation").load(), {"clean_frame": evaluated}),
        ("clean_frame", store.handle("clean_frame").load().iloc[:-1], {}),
    ):
        run_id = {"cross_validation": "a-run"}.get(asset, "another-run")
        store.commit(store.draft(asset, value, run_id=run_id, inputs=inputs), run_id=run_id)
    assert store.handle("clean_frame").manifest.version != evaluated
    return evaluated


def test_patients_are_compared_with_those_of_the_evaluation_while_another_table_is_trained_on(
    instance: dg.DagsterInstance, inbox: Inbox, store: Store
) -> None:
    evaluated = evaluate_one_table_and_train_on_another(store)
    key = arrive(inbox, 1)
    assert run(instance, key).success
    report = store.handle("drift_report", partition=key)
    assert report.manifest.inputs["clean_frame"] == evaluated
    assert report.load().reference_rows == contract.PUBLISHED_ROWS


def test_a_clean_frame_that_was_evaluated_and_is_lost_is_named_with_a_hint(
    inbox: Inbox, store: Store, environment: Path
) -> None:
    evaluate_one_table_and_train_on_another(store)
    (environment / "results" / "runs" / "a-run" / "clean_frame.json").unlink()
    names = ("clean_frame", "cross_validation")
    with pytest.raises(WdbcError, match="that was evaluated no longer exists") as refused:
        staleness.as_evaluated({name: store.handle(name) for name in names})
    assert "wdbc evaluate" in refused.value.hint
