"""What a person learns of the guard: what it has done, and what it leaves to a person."""

import pytest

from wdbc_assets import settings
from wdbc_assets.monitoring.alerts import detectors, guard_problems
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.monitoring.alerts.detectors import Watched
from wdbc_assets.orchestration.instance import open_instance
from wdbc_assets.registry import guard, referral
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.guarded import commit, known, replaced_champion
from wdbc_assets_tests.registry.promotions import decision, promote
from wdbc_assets_tests.stores import folder, local

__all__ = ["folder", "local"]


def found(store: Store) -> list[Occurrence]:
    return list(guard_problems.occurrences(store, settings.load()))


def test_without_evidence_nothing_is_reported(local: Store) -> None:
    assert found(local) == []
    good, bad = replaced_champion(local)
    known(local, bad, good, evidence=3.0)
    assert found(local) == []


def test_evidence_for_a_rollback_is_reported_while_the_guard_is_off(local: Store) -> None:
    good, bad = replaced_champion(local)
    known(local, bad, good)
    (due,) = found(local)
    assert (due.cause, due.version) == ("rollback-due", bad)
    assert due.text.startswith("E = 23.5 from 130 patients, rolled back at 20: ")
    assert due.text.endswith("it is left to a person: WDBC_AUTO_ROLLBACK is off")


def test_a_rollback_by_the_guard_is_reported_until_another_model_serves(local: Store) -> None:
    good, bad = replaced_champion(local)
    known(local, bad, good)
    guard.act(local)
    (done,) = found(local)
    assert done.cause == "rolled-back"
    assert done.since is not None
    assert f"{good[:12]} is in production again: E = 23.5" in done.text
    promote(local, b"newer")
    assert found(local) == []


def test_what_the_guard_may_not_do_again_is_reported_with_the_reason(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_AUTO_ROLLBACK", "guard")
    good, bad = replaced_champion(local)
    known(local, bad, good)
    (due,) = found(local)
    assert "it was not possible, or not yet" in due.text
    guard.act(local)
    promote(local, b"bad", forced=True)
    (due,) = found(local)
    assert "the guard has restored or removed this champion before" in due.text


def test_that_everyone_is_referred_is_reported_while_it_lasts(local: Store) -> None:
    promote(local, b"a")
    referral.switch(open_registry(local), decision(), on=True)
    (on,) = found(local)
    assert (on.cause, on.subject) == ("refer-everyone", "champion")
    assert on.version
    referral.switch(open_registry(local), decision(), on=False)
    assert found(local) == []


def test_damaged_live_metrics_end_no_other_detector(local: Store) -> None:
    replaced_champion(local)
    commit(local, {"rollback": {"champion": 7}})
    watched = Watched(local, settings.load())
    detection = detectors.detect(watched, None)
    assert "guard" not in detection.occurrences
    assert "disk_space" in detection.occurrences
    with open_instance() as instance:
        lines = [str(one) for one in detectors.for_status_check(watched, detectors.opened(instance))]
    assert any(line.startswith("damaged: guard: the live metrics are damaged: ") for line in lines)
