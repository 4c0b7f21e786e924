"""The guard of the champion: what it does on which evidence, once, and what it leaves to a person."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log, guard, referral
from wdbc_assets.registry.decision_log import DecisionLog, Superseded
from wdbc_assets.registry.registry import Registry, open_registry
from wdbc_assets.store import paths
from wdbc_assets.store.backends import CannotWrite
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.guarded import actions, commit, known, replaced_champion
from wdbc_assets_tests.registry.promotions import decision, draft, is_consistent, promote, rollback, serving

ROLLED_BACK = (guard.ACTOR, audit_log.ROLLED_BACK)
REFERS = (guard.ACTOR, audit_log.REFER_ALL_ON)
PROMOTIONS = [("ada", audit_log.PROMOTED)] * 2


def test_the_champion_before_is_restored_with_the_evidence_as_reason(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    entry = guard.act(store).entry
    assert entry is not None
    assert (entry.actor, entry.action, entry.before, entry.after) == (*ROLLED_BACK, bad, good)
    assert entry.reason.startswith("E = 23.5 from 130 patients, rolled back at 20: ")
    assert bad[:12] in entry.reason
    assert good[:12] in entry.reason
    assert serving(store) == b"good"
    assert is_consistent(store)


def test_too_little_evidence_changes_nothing(store: Store) -> None:
    good, bad = replaced_champion(store)
    assert guard.act(store) == guard.Action(), "no live metrics at all"
    known(store, bad, good, evidence=19.9)
    assert guard.act(store) == guard.Action()
    known(store, bad, "")
    assert guard.act(store) == guard.Action(), "no model to return to"
    assert actions(store) == PROMOTIONS


def test_live_metrics_of_an_earlier_release_call_for_nothing(store: Store) -> None:
    replaced_champion(store)
    commit(store, {"known": 130}, alarm=True)
    assert guard.act(store) == guard.Action()


def test_evidence_about_another_champion_calls_for_nothing(store: Store) -> None:
    good, bad = replaced_champion(store)
    promote(store, b"newer", forced=True)
    known(store, bad, good, alarm=True)
    assert guard.act(store) == guard.Action()
    assert serving(store) == b"newer"


def test_evidence_that_is_reached_twice_is_acted_on_once(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    assert guard.act(store).entry is not None
    known(store, bad, good, evidence=100.0)
    assert guard.act(store) == guard.Action()
    assert actions(store) == [*PROMOTIONS, ROLLED_BACK]


def test_a_champion_that_the_guard_has_restored_is_left_to_a_person(store: Store) -> None:
    oldest = str(promote(store, b"oldest").after)
    good, bad = replaced_champion(store)
    known(store, bad, good)
    guard.act(store)
    known(store, good, oldest)
    action = guard.act(store)
    assert action.entry is None
    assert "the guard has restored or removed this champion before" in action.reason
    assert serving(store) == b"good"


def test_a_champion_that_a_person_promotes_again_is_left_to_a_person(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    guard.act(store)
    promote(store, b"bad", forced=True)
    action = guard.act(store)
    assert (action.entry, serving(store)) == (None, b"bad")
    assert "left to a person" in action.reason


def test_the_entry_about_a_referral_says_why_enough_evidence_made_no_rollback(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    guard.act(store)
    promote(store, b"bad", forced=True)
    known(store, bad, good, alarm=True)
    action = guard.act(store)
    assert action.entry is not None
    assert action.entry.reason == (
        "the predictions do not agree with the outcomes, and E = 23.5 from 130 patients is enough for a rollback, which"
        " needs 20; the rollback is left to a person: the guard has restored or removed this champion before"
    )


def test_a_later_champion_is_guarded_again(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    guard.act(store)
    later = str(promote(store, b"later").after)
    known(store, later, good)
    guard.act(store)
    assert serving(store) == b"good"
    assert actions(store).count(ROLLED_BACK) == 2


def test_an_alarm_without_evidence_for_a_rollback_refers_everyone_once(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good, evidence=2.0, alarm=True)
    entry = guard.act(store).entry
    assert entry is not None
    assert "E = 2.0 from 130 patients; a rollback needs 20" in entry.reason
    assert serving(store) == b"bad"
    assert guard.act(store).entry is None
    referral.switch(open_registry(store), decision(), on=False)
    assert guard.act(store).entry is None, "what a person has switched off stays off"
    assert actions(store) == [*PROMOTIONS, REFERS, ("ada", audit_log.REFER_ALL_OFF)]


def test_evidence_after_everyone_is_referred_still_rolls_back(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good, evidence=2.0, alarm=True)
    guard.act(store)
    known(store, bad, good, alarm=True)
    guard.act(store)
    assert actions(store) == [*PROMOTIONS, REFERS, ROLLED_BACK]
    assert referral.of_store(store) is not None, "nobody has shown that these predictions are right"


def test_an_alarm_about_an_earlier_champion_refers_nobody(store: Store) -> None:
    good, bad = replaced_champion(store)
    found = known(store, bad, good, evidence=2.0)
    commit(store, {"rollback": vars(found)}, alarm=True)
    assert guard.act(store) == guard.Action()


@pytest.mark.parametrize("damage", ["removed", "altered"])
def test_a_champion_that_cannot_be_restored_is_an_error_and_an_alarm_refers_everyone(
    local: Store, folder: Path, damage: str
) -> None:
    good, bad = replaced_champion(local)
    files = folder / "champion" / "versions" / good
    if damage == "removed":
        shutil.rmtree(files)
        (folder / paths.promoted(good)).unlink()
    else:
        next(files.iterdir()).write_bytes(b"rubbish")
    known(local, bad, good)
    with pytest.raises(WdbcError):
        guard.act(local)
    known(local, bad, good, alarm=True)
    action = guard.act(local)
    assert action.entry is not None
    assert (action.entry.action, bool(action.reason)) == (audit_log.REFER_ALL_ON, True)
    enough = "E = 23.5 from 130 patients is enough for a rollback, which needs 20; the rollback is not possible: "
    assert f"{enough}{action.reason}" in action.entry.reason
    assert serving(local) == b"bad"


def test_with_a_damaged_audit_log_the_rollback_is_left_to_a_person(local: Store, folder: Path) -> None:
    good, bad = replaced_champion(local)
    lines = (folder / paths.HISTORY).read_bytes().splitlines()
    (folder / paths.HISTORY).write_bytes(b"\n".join([lines[0].replace(b"ada", b"eve"), lines[1]]) + b"\n")
    known(local, bad, good)
    action = guard.act(local)
    assert (action.entry, serving(local)) == (None, b"bad")
    assert "the state of production is uncertain: entry 1 was altered" in action.reason


def test_damaged_live_metrics_are_an_error(store: Store) -> None:
    replaced_champion(store)
    commit(store, {"rollback": {"champion": 7}})
    with pytest.raises(DamagedStore, match="the live metrics are damaged"):
        guard.act(store)


def test_a_store_that_cannot_be_written_is_an_error_and_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)

    def refuse(*_: Any) -> None:
        raise CannotWrite("read-only file system")

    monkeypatch.setattr(type(store.backend), "commit_lock", refuse)
    with pytest.raises(CannotWrite):
        guard.act(store)
    assert serving(store) == b"bad"


def test_of_two_guards_at_the_same_time_one_acts(local: Store) -> None:
    good, bad = replaced_champion(local)
    known(local, bad, good)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: guard.act(local), range(8)))
    assert sum(action.entry is not None for action in done) == 1
    assert actions(local) == [*PROMOTIONS, ROLLED_BACK]


def test_a_promotion_during_the_rollback_wins_and_the_guard_yields(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    move = Registry.rollback

    def after_a_promotion(registry: Registry, *arguments: Any, **named: Any) -> Any:
        promote(store, b"newer")
        return move(registry, *arguments, **named)

    monkeypatch.setattr(Registry, "rollback", after_a_promotion)
    action = guard.act(store)
    assert (action.entry, serving(store)) == (None, b"newer")
    assert "another decision moved the champion in the meantime" in action.reason


def test_a_rollback_during_a_promotion_wins_and_the_promotion_fails(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    guard.act(store)
    with pytest.raises(Superseded):
        open_registry(store).promote(draft(store, b"newer"), decision(), expected=bad)
    assert serving(store) == b"good"


def test_a_guard_that_is_killed_after_its_decision_is_completed_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    with monkeypatch.context() as killed:
        killed.setattr(DecisionLog, "_complete", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            guard.act(store)
    assert serving(store) == b"bad"
    entry = guard.act(store).entry
    assert entry is not None
    assert (entry.actor, entry.number, serving(store)) == (guard.ACTOR, 3, b"good")
    assert guard.act(store) == guard.Action()
    assert actions(store) == [*PROMOTIONS, ROLLED_BACK]


def test_by_hand_a_rollback_needs_no_evidence_and_ends_the_case(store: Store) -> None:
    good, bad = replaced_champion(store)
    known(store, bad, good)
    rollback(open_registry(store))
    assert guard.act(store) == guard.Action()
