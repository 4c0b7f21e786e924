"""What is known about the need of a retraining."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from wdbc_assets import clock, settings
from wdbc_assets.domain.monitoring import live
from wdbc_assets.monitoring import retraining
from wdbc_assets.registry import audit_log
from wdbc_assets.registry import retraining as retraining_log
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import removals
from wdbc_assets.store.removals import Removal
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import retrained

NOW = datetime(2026, 9, 1, tzinfo=UTC)
OTHERS = (
    "the id is unknown, a rule set the patient aside, the batch was not taken up yet, or only the service scored the"
    " patient"
)
AT = datetime(2026, 1, 29, 21, 37, 57, tzinfo=UTC)


class Unreadable(datetime):
    """A time that is written as no time."""

    def isoformat(self, *_: object, **__: object) -> str:
        return "yesterday"


def retrained_at(store: Store, at: datetime) -> None:
    """Record a retraining of the champion."""
    registry, decision = open_registry(store), Decision(retraining_log.ACTOR, None, candidate="f" * 64)
    with pytest.MonkeyPatch.context() as then, registry.deciding():
        then.setattr(clock, "now", lambda: at)
        registry.note(audit_log.REFIT_COMPARED, decision, version=registry.standing_under_lock().version)


def test_a_retraining_whose_time_cannot_be_read_counts_as_late_as_it_can_have_been(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = retrained.make_store(environment / "results")
    retrained.put(store, *retrained.batches())
    retrained_at(store, Unreadable(2026, 6, 1, tzinfo=UTC))
    monkeypatch.setattr(clock, "now", lambda: NOW)
    need = retraining.need(store, settings.load(retrain_new_patients=1))
    assert retraining.facts(store, open_registry(store).standing()).retrained == (NOW,)
    assert "cooling time until" in need.obstacles[-1]
    retrained_at(store, AT)
    assert retraining.facts(store, open_registry(store).standing()).retrained == (AT, AT), "it was before the next one"


def test_a_promotion_whose_time_cannot_be_read_is_no_reason(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: Unreadable(2026, 6, 1, tzinfo=UTC))
    store = retrained.make_store(environment / "results")
    retrained.put(store, *retrained.batches())
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert retraining.need(store, settings.load(retrain_after_days=1)).reasons == ()


@pytest.mark.parametrize("form", ["seconds", "microseconds"])
def test_a_diagnosis_is_new_if_it_was_first_recorded_after_the_last_retraining(environment: Path, form: str) -> None:
    store = open_store(str(environment / "results"), relative_to=environment)
    at = AT.isoformat(timespec=form)
    later = AT.replace(second=58).isoformat(timespec=form)
    rows = [("known", 1, at, at), ("new", 0, later, later), ("known", 0, later, later)]
    events = pd.DataFrame(rows, columns=list(live.EVENT_COLUMNS))
    store.commit(store.draft("outcomes", events, run_id="a-run"), run_id="a-run")
    assert retraining._new_patients(store, AT).usable == 1
    assert retraining._new_patients(store, None).usable == 2


def test_only_patients_that_can_be_used_count_and_the_others_are_explained(environment: Path) -> None:
    store = open_store(str(environment / "results"), relative_to=environment)
    made, events = retrained.batches()
    retrained.put(store, made, events)
    assert retraining._new_patients(store, None) == retraining._NewPatients(240)
    contradictory = events.head(3).assign(diagnosis=1 - events["diagnosis"].head(3))
    later = pd.concat([events, contradictory, events.head(5).assign(id=[f"service{one}" for one in range(5)])])
    retrained.put(store, {}, later.reset_index(drop=True))
    assert retraining._new_patients(store, None) == retraining._NewPatients(
        237,
        (
            f"5 new diagnoses are of patients in no stored batch; possible causes: {OTHERS}",
            "3 patients have contradictory diagnoses",
        ),
    )
    for key in list(made)[1:]:
        removals.remove(store.backend, "incoming_batch", key, Removal("2026-06-01", "it is older than 90 days"))
    found = retraining._new_patients(store, None)
    assert found.usable == 27
    assert found.unusable[0] == (
        "215 new diagnoses are of patients in no stored batch; possible causes: 7 batches were removed because of age"
        f" (WDBC_KEEP_BATCHES_DAYS), {OTHERS}"
    )


def test_few_new_diagnoses_are_counted_without_reading_a_batch(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(environment / "results"), relative_to=environment)
    retrained.put(store, *retrained.batches(count=2, size=40))
    monkeypatch.setattr(retraining, "_in_no_batch", None)
    assert retraining._new_patients(store, None) == retraining._NewPatients(80)
