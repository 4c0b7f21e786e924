"""A trial in the store: begun and ended by decisions, and its pairs put down whole."""

import os
from pathlib import Path

import pytest

from wdbc_assets.storage import history, places, trials
from wdbc_assets.storage.passport import DamagedStore
from wdbc_assets.storage.registry import Superseded, open_registry
from wdbc_assets.storage.store import Store
from wdbc_assets.storage.trials import Pair
from wdbc_assets_tests.storage.promoting import challenge, decision, is_consistent, promote, serving

PAIR = Pair("2026-11-24T00:00:00.000+00:00", "request", 1, 0.25, 0.75, "champion")
COUNTS = {"scored": 2, "failed": 1, "dropped": 0}


def test_a_trial_moves_no_champion_and_stands_in_the_history_with_its_end(store: Store) -> None:
    promote(store, b"a")
    trial = challenge(store, b"b")
    assert trials.current(store) == trial
    assert serving(store) == b"a"
    assert trials.stop(store, open_registry(store), decision(run_id=None, reason="enough"))
    assert trials.current(store) is None
    assert not trials.stop(store, open_registry(store), decision(run_id=None))
    standing = open_registry(store).standing()
    began, ended = standing.history.entries[1:]
    assert (began.action, ended.action) == (history.TRIAL_STARTED, history.TRIAL_STOPPED)
    assert began.before == began.after == ended.after == standing.version
    assert (began.candidate, began.reason, ended.reason) == ("c" * 64, "svc beside it", "enough")
    assert standing.since == standing.history.entries[0], "the champion is what it is since its promotion"
    assert is_consistent(store)


def test_a_trial_against_a_champion_that_was_replaced_meanwhile_is_not_begun(store: Store) -> None:
    promote(store, b"a")
    against = open_registry(store).standing().version
    promote(store, b"other")
    with pytest.raises(Superseded):
        challenge(store, b"b", against=against)
    assert trials.current(store) is None
    assert len(open_registry(store).standing().history.entries) == 2


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"digest": ""}', b"null"])
def test_what_is_no_trial_is_refused_with_what_to_do(store: Store, content: bytes) -> None:
    promote(store, b"a")
    challenge(store, b"b")
    store.backend.replace(places.TRIAL, content)
    with pytest.raises(DamagedStore, match="not what was written") as refused:
        trials.current(store)
    assert "wdbc shadow stop" in refused.value.mend
    assert trials.stop(store, open_registry(store), decision(run_id=None))


def test_terms_altered_by_hand_are_refused(store: Store) -> None:
    promote(store, b"a")
    trial = challenge(store, b"b")
    written = store.backend.read(places.TRIAL)
    for part, other in ((b'"share": 0.1', b'"share": 0.5'), (trial.against.encode(), b"0" * 64)):
        store.backend.replace(places.TRIAL, written.replace(part, other))
        with pytest.raises(DamagedStore):
            trials.current(store)


def test_pairs_and_counts_of_all_workers_add_up_and_lines_that_are_none_are_told(store: Store) -> None:
    promote(store, b"a")
    trial = challenge(store, b"b")
    for worker in ("1-aa", "2-bb"):
        trials.put_pairs(store, trial, worker, [PAIR])
        trials.put_pairs(store, trial, worker, [PAIR, PAIR])
        trials.put_counts(store, trial, worker, COUNTS)
    found = trials.read(store, trial.candidate, trial.against)
    assert found.pairs == (PAIR,) * 4
    assert found.counts == {"scored": 4, "failed": 2, "dropped": 0}
    assert found.unreadable == 0
    folder = places.pairs(trial.candidate, trial.against)
    store.backend.replace(f"{folder}/3-cc.jsonl", b'{"at": 1}\nno json\n')
    store.backend.replace(f"{folder}/3-cc.json", b"no json")
    again = trials.read(store, trial.candidate, trial.against)
    assert (again.pairs, again.counts, again.unreadable) == (found.pairs, found.counts, 2)


def test_what_a_worker_is_writing_or_cleaning_has_taken_is_no_pair_and_no_error(local: Store, folder: Path) -> None:
    promote(local, b"a")
    trial = challenge(local, b"b")
    trials.put_pairs(local, trial, "1-aa", [PAIR])
    place = folder / places.pairs(trial.candidate, trial.against)
    (place / f".tmp-host-{os.getpid()}-00000000").write_bytes(b"half a li")
    (place / "2-bb.jsonl").symlink_to(place / "gone.jsonl")
    found = trials.read(local, trial.candidate, trial.against)
    assert (found.pairs, found.unreadable) == ((PAIR,), 0)


def test_of_a_candidate_that_was_never_tried_there_is_nothing(store: Store) -> None:
    found = trials.read(store, "d" * 64, "e" * 64)
    assert (found.pairs, sum(found.counts.values())) == ((), 0)
