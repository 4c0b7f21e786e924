"""The detectors: each finds its cause, and none of them ends the others. Those of `status --check` are tested there."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo

from tools import operations
from wdbc_assets import settings
from wdbc_assets.domain.monitoring import thresholds
from wdbc_assets.monitoring.alerts import detectors, history_problems, store_problems
from wdbc_assets.monitoring.alerts.causes import CAUSES, Occurrence, link
from wdbc_assets.monitoring.alerts.detectors import DETECTORS, Detector, Watched
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.orchestration.instance import open_instance
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.manifest import DamagedStore, RecordedCheck
from wdbc_assets.store.store import Store, open_store


@pytest.fixture
def store(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


@pytest.fixture
def watched(store: Store) -> Watched:
    return Watched(store, settings.load())


def put(store: Store, asset: str, *checks: RecordedCheck, content: bytes = b"1,M\n") -> str:
    draft = store.draft(asset, content, run_id="run-1", checks=checks)
    store.commit(draft, run_id="run-1")
    return draft.manifest.version


def failed(rule: str, *, blocking: bool) -> RecordedCheck:
    return RecordedCheck(rule, passed=False, blocking=blocking, count=1, summary="8675309 is too large")


def test_a_healthy_store_and_source_raise_nothing(watched: Watched) -> None:
    put(watched.store, "raw_data", RecordedCheck("holds", passed=True, blocking=False, count=0, summary=""))
    assert list(detectors.detect(watched, None)) == []


def test_a_failed_check_that_does_not_block_is_found_without_its_summary(store: Store) -> None:
    version = put(store, "raw_data", failed("odd_balance", blocking=False), failed("other", blocking=False))
    (found,) = store_problems.failed_checks(store)
    assert (found.cause, found.subject, found.version) == ("failed-check", "raw_data", version)
    assert found.text == f"version {version[:12]} failed odd_balance, other"
    assert found.since is not None
    put(store, "raw_data", content=b"2,B\n")
    assert list(store_problems.failed_checks(store)) == []


def test_a_refused_promotion_is_found_until_there_is_another_candidate(store: Store) -> None:
    version = put(store, "fitted_pipeline")
    decision = Decision("ada", "run-1", candidate=version, verdict="kept: no gain")
    open_registry(store).keep(decision, expected=None)
    (found,) = store_problems.refused_promotion(store)
    assert found.cause == "refused-promotion"
    assert version[:12] in found.text
    assert open_registry(store).standing().history.entries[-1].action == audit_log.KEPT
    put(store, "fitted_pipeline", content=b"another")
    assert list(store_problems.refused_promotion(store)) == []


def test_little_disk_space_is_found_once_for_each_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(store_problems.disk_space(store, settings.load(alerts_free_bytes=0))) == []
    (found,) = store_problems.disk_space(store, settings.load(alerts_free_bytes=10**18))
    assert (found.cause, found.subject) == ("low-disk", "the store")


@pytest.mark.usefixtures("empty_history")
def test_an_asset_is_overdue_after_its_time_and_never_before_it_was_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_instance() as instance:
        assert list(history_problems.overdue_assets(store, instance)) == []
        put(store, "raw_data")
        assert list(history_problems.overdue_assets(store, instance)) == []
        monkeypatch.setattr(history_problems, "_last_made", lambda *_: time.time() - 2 * 86_400 - 1)
        assert {found.subject for found in history_problems.overdue_assets(store, instance)} == {"raw_data", "metrics"}


@pytest.mark.usefixtures("empty_history")
def test_a_failed_run_keeps_the_version_of_the_first_failure(watched: Watched) -> None:
    with open_instance() as instance:
        runs = [instance.create_run_for_job(a_job) for _ in range(3)]
        for run in runs:
            instance.report_run_failed(run)
        (found,) = failed_runs(watched, instance)
    assert found.version == runs[0].run_id
    assert runs[-1].run_id[:8] in found.text


@pytest.mark.usefixtures("empty_history")
def test_each_failed_materialization_is_found_until_its_own_assets_are_made(watched: Watched) -> None:
    with open_instance() as instance:
        failed = {asset: materialized(instance, asset, well=False) for asset in ("metrics", "exploration")}
        (both,) = failed_runs(watched, instance)
        materialized(instance, "exploration", well=True)
        (one,) = failed_runs(watched, instance)
        materialized(instance, "metrics", well=True)
        assert failed_runs(watched, instance) == []
    assert "and not made since: exploration, metrics;" in both.text
    assert both.version == one.version == failed["metrics"]
    assert f"run {failed['metrics'][:8]} failed at " in one.text
    assert "and not made since: metrics;" in one.text


def failed_runs(watched: Watched, instance: dg.DagsterInstance) -> list[Occurrence]:
    return list(history_problems.failed_runs(watched.store, instance, watched.config))


def materialized(instance: dg.DagsterInstance, asset: str, *, well: bool) -> str:
    """Record a materialization by hand, which fails or ends well; return its run."""
    key = dg.AssetKey(asset)
    status = dg.DagsterRunStatus.SUCCESS if well else dg.DagsterRunStatus.STARTED
    job = defs.resolve_implicit_job_def_def_for_assets([key])
    assert job is not None
    run = instance.create_run_for_job(job, asset_selection={key}, status=status)
    if well:
        instance.report_runless_asset_event(dg.AssetMaterialization(key))
    else:
        instance.report_run_failed(run)
    return run.run_id


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job(name="train")
def a_job() -> None:
    nothing()


@pytest.mark.fault("X10")
@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("wdbc_assets.domain.errors.WdbcError: the source is away\nat: x\n", "the source is away"),
        ("ValueError: could not convert 8675309\n", "ValueError, a bug: see the tick in `wdbc ui`"),
    ],
)
def test_a_failed_tick_shows_the_text_of_our_own_errors_only(message: str, shown: str) -> None:
    error = SerializableErrorInfo(message, [], None)
    assert history_problems._reason(error) == shown


def test_what_cannot_be_read_is_no_end_of_an_alert(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Watched) -> Iterator[Occurrence]:
        raise DamagedStore("the pointer is damaged")

    monkeypatch.setitem(DETECTORS, "failed_checks", Detector(find=fail))
    detection = detectors.detect(watched, None)
    assert "failed_checks" not in detection.occurrences
    assert list(detection) == []


@pytest.mark.fault("X10")
def test_a_bug_in_a_detector_is_an_alert_without_its_text_and_ends_no_other(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Watched) -> Iterator[Occurrence]:
        raise ValueError("could not convert 8675309")

    monkeypatch.setitem(DETECTORS, "assets", Detector(find=fail))
    watched.store.note_refusal("raw_data", run_id="run-1", reasons=["hidden by the bug"])
    detection = detectors.detect(watched, None)
    (found,) = detection
    assert (found.cause, found.subject) == ("failed-detector", "assets")
    assert "8675309" not in found.text
    assert "disk_space" in detection.occurrences
    monkeypatch.setitem(DETECTORS, "assets", Detector(find=lambda _: iter(())))
    assert detection.occurrences.keys() - detectors.detect(watched, None).occurrences.keys() == set(), "it can close"


def test_a_history_that_cannot_be_opened_is_one_alert(watched: Watched, environment: Path) -> None:
    (environment / "home").touch()
    (found,) = detectors.detect(watched, open_instance)
    assert found.cause == "damaged-history"


def test_every_detector_has_one_function_and_the_page_describes_every_cause() -> None:
    for name, detector in DETECTORS.items():
        assert (detector.find is None) != (detector.find_in_history is None), name
    text = operations.PAGE.read_text(encoding="utf-8")
    assert text == operations.page(text), "run: python -m tools.operations"
    for cause in CAUSES:
        assert link(cause) == f"docs/operations.md#{cause}"
        assert f"\n### {cause}\n" in text


def test_the_page_states_the_rates_of_false_alarms_that_were_simulated() -> None:
    for cadence, threshold in thresholds.DRIFT.items():
        assert f"{100 * threshold.false_alarms:.2f} % of years with {cadence}" in CAUSES["drift"].meaning


@pytest.mark.parametrize(
    ("asset", "cause"), [("drift_report", "drift"), ("live_metrics", "predictions-wrong"), ("metrics", "failed-check")]
)
def test_a_failed_check_about_patients_has_a_cause_of_its_own(watched: Watched, asset: str, cause: str) -> None:
    partition = "20260331T000000Z-0123456789ab" if asset == "drift_report" else None
    for passed in (False, True):
        check = RecordedCheck("a_rule", passed=passed, blocking=False, summary="a_rule: z is 9", count=int(not passed))
        value = {"passed": passed}
        draft = watched.store.draft(asset, value, run_id="run-1", checks=[check], partition=partition)
        watched.store.commit(draft, run_id="run-1")
        causes = [found.cause for found in detectors.detect(watched, None)]
        assert causes == ([] if passed else [cause])
