"""An experiment in the store: begun and ended by decisions, and its pairs put down whole."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.registry import audit_log, challenger
from wdbc_assets.registry.challenger import Pair
from wdbc_assets.registry.decision_log import Superseded
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import paths
from wdbc_assets.store.backends import Listed, LocalFolder
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.promotions import challenge, decision, is_consistent, promote, serving

PAIR = Pair("2026-11-24T00:00:00.000+00:00", "request", 1, 0.25, 0.75, "champion")


def test_an_experiment_moves_no_champion_and_stands_in_the_history_with_its_end(store: Store) -> None:
    promote(store, b"a")
    experiment = challenge(store, b"b")
    assert challenger.current(store) == experiment
    assert serving(store) == b"a"
    assert challenger.stop(store, open_registry(store), decision(run_id=None, reason="enough"))
    assert challenger.current(store) is None
    assert not challenger.stop(store, open_registry(store), decision(run_id=None))
    standing = open_registry(store).standing()
    began, ended = standing.history.entries[1:]
    assert (began.action, ended.action) == (audit_log.EXPERIMENT_STARTED, audit_log.EXPERIMENT_STOPPED)
    assert began.before == began.after == ended.after == standing.version
    assert (began.candidate, began.reason, ended.reason) == ("c" * 64, "svc beside it", "enough")
    assert standing.since == standing.history.entries[0], "the champion is what it is since its promotion"
    assert is_consistent(store)


def test_an_experiment_against_a_champion_that_was_replaced_meanwhile_is_not_begun(store: Store) -> None:
    promote(store, b"a")
    against = open_registry(store).standing().version
    promote(store, b"other")
    with pytest.raises(Superseded):
        challenge(store, b"b", against=against)
    assert challenger.current(store) is None
    assert len(open_registry(store).standing().history.entries) == 2


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"digest": ""}', b"null"])
def test_what_is_no_experiment_is_refused_with_what_to_do(store: Store, content: bytes) -> None:
    promote(store, b"a")
    challenge(store, b"b")
    store.backend.replace(paths.EXPERIMENT, content)
    with pytest.raises(DamagedStore, match="does not match its digest") as refused:
        challenger.current(store)
    assert "wdbc shadow stop" in refused.value.hint
    assert challenger.stop(store, open_registry(store), decision(run_id=None))


def test_terms_altered_by_hand_are_refused(store: Store) -> None:
    promote(store, b"a")
    experiment = challenge(store, b"b")
    written = store.backend.read(paths.EXPERIMENT)
    for part, other in ((b'"share": 0.1', b'"share": 0.5'), (experiment.against.encode(), b"0" * 64)):
        store.backend.replace(paths.EXPERIMENT, written.replace(part, other))
        with pytest.raises(DamagedStore):
            challenger.current(store)


def test_scored_are_the_pairs_that_lie_there_and_what_workers_counted_adds_up(store: Store) -> None:
    promote(store, b"a")
    experiment = challenge(store, b"b")
    for worker in ("1-aa", "2-bb"):
        challenger.put_pairs(store, experiment, f"{worker}-1-1", [PAIR])
        challenger.put_pairs(store, experiment, f"{worker}-1-1", [PAIR, PAIR])
        challenger.put_pairs(store, experiment, f"{worker}-2-1", [PAIR])
        challenger.put_counts(store, experiment, worker, {"given": 5, "failed": 2, "dropped": 7, "answered": 4})
    found = challenger.read(store, experiment.candidate, experiment.against)
    assert found.pairs == (PAIR,) * 6
    assert found.counts == {"scored": 6, "failed": 4, "dropped": 14}
    assert (found.waiting, found.answered, found.unreadable) == (0, 8, 0)
    assert challenger.kept(store, experiment, "1-aa-1") == 2
    assert challenger.kept(store, experiment, "1-aa") == 3


@pytest.mark.fault("V12")
def test_a_patient_without_a_pair_waits_and_is_failed_once_its_worker_is_silent(local: Store, folder: Path) -> None:
    promote(local, b"a")
    experiment = challenge(local, b"b")
    challenger.put_pairs(local, experiment, "1-aa-1-1", [PAIR] * 3)
    challenger.put_counts(local, experiment, "1-aa", {"given": 10, "failed": 2})
    found = challenger.read(local, experiment.candidate, experiment.against)
    assert (found.counts, found.waiting) == ({"scored": 3, "failed": 2, "dropped": 0}, 5)
    counts = folder / paths.pairs(experiment.candidate, experiment.against, 1) / "1-aa.json"
    long_ago = counts.stat().st_mtime - 600
    os.utime(counts, (long_ago, long_ago))
    found = challenger.read(local, experiment.candidate, experiment.against)
    assert (found.counts, found.waiting) == ({"scored": 3, "failed": 7, "dropped": 0}, 0)


@pytest.mark.fault("V12")
@pytest.mark.parametrize(
    "torn", [b"", b"no json", b"[]", b"3", b'{"given": 1}', b'{"given": -1, "failed": 0, "dropped": 0, "answered": 0}',
             b'{"given": 1e999, "failed": 0, "dropped": 0, "answered": 0}']
)  # fmt: skip
def test_records_that_cannot_be_read_are_counted(store: Store, torn: bytes) -> None:
    promote(store, b"a")
    experiment = challenge(store, b"b")
    folder = paths.pairs(experiment.candidate, experiment.against, 1)
    store.backend.replace(f"{folder}/3-cc-1-1.jsonl", b'{"at": 1}\nno json\n' + PAIR.to_line().encode())
    store.backend.replace(f"{folder}/3-cc.json", torn)
    found = challenger.read(store, experiment.candidate, experiment.against)
    assert (found.pairs, found.unreadable) == ((PAIR,), 3)


def test_counts_go_on_from_experiment_to_experiment_until_they_are_reset(store: Store) -> None:
    promote(store, b"a")
    experiment = challenge(store, b"b")

    def following(*, reset: bool) -> int:
        return challenger.next_series(store, experiment.candidate, experiment.against, reset=reset)

    assert (following(reset=False), following(reset=True)) == (1, 1), "there is nothing to leave out"
    challenger.put_counts(store, experiment, "1-aa", {"given": 3, "failed": 3})
    assert (following(reset=False), following(reset=True)) == (1, 2)
    after = replace(experiment, series=2)
    challenger.put_pairs(store, after, "2-bb-1-1", [PAIR])
    assert (following(reset=False), following(reset=True)) == (2, 3)
    found = challenger.read_all(store, experiment.candidate, experiment.against)
    assert [(one.series, one.counts["scored"], one.waiting) for one in found] == [(2, 1, 0), (1, 0, 0)]
    assert [one.counts["failed"] for one in found] == [0, 3]


def test_what_a_worker_is_writing_or_cleaning_has_taken_is_no_pair_and_no_error(
    local: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(local, b"a")
    experiment = challenge(local, b"b")
    challenger.put_pairs(local, experiment, "1-aa-1-1", [PAIR])
    place = folder / paths.pairs(experiment.candidate, experiment.against, 1)
    (place / f".tmp-host-{os.getpid()}-00000000").write_bytes(b"half a li")
    listed = local.backend.listed
    gone = Listed(f"{paths.pairs(experiment.candidate, experiment.against, 1)}/2-bb-1-1.jsonl", 1, 1.0)
    monkeypatch.setattr(local.backend, "listed", lambda below: [*listed(below), gone])
    found = challenger.read(local, experiment.candidate, experiment.against)
    assert (found.pairs, found.unreadable) == ((PAIR,), 0)


def test_of_a_candidate_that_was_never_tried_there_is_nothing(store: Store) -> None:
    found = challenger.read(store, "d" * 64, "e" * 64)
    assert (found.pairs, sum(found.counts.values())) == ((), 0)


# Killed, and two at once

KILLED = """
import os, signal, sys
from pathlib import Path
from wdbc_assets.registry import challenger
from wdbc_assets.store.backends import Listed, LocalFolder
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.promotions import challenge, decision
class Mortal(LocalFolder):
    writes = 0
    def replace(self, path, content):
        if Mortal.writes == int(sys.argv[2]):
            os.kill(os.getpid(), int(sys.argv[4]))
        Mortal.writes += 1
        super().replace(path, content)
signal.signal(signal.SIGTERM, signal.default_int_handler)
store = Store(Mortal(Path(sys.argv[1])))
try:
    if sys.argv[3] == "start":
        challenge(store, b"another", recipe="logistic")
    else:
        challenger.stop(store, open_registry(store), decision(run_id=None))
except KeyboardInterrupt:
    sys.exit(143)
"""


def at_write(write: int, folder: Path, deed: str, number: signal.Signals) -> int:
    """Start or stop an experiment in a process that gets a signal before one of its writes; return its code."""
    command = [sys.executable, "-c", KILLED, str(folder), str(write), deed, str(int(number))]
    return subprocess.run(command, cwd=settings.project_root(), check=False, timeout=60).returncode


def recipe_under_test(store: Store) -> str | None:
    experiment = challenger.current(store)
    return experiment.recipe if experiment else None


def by_the_history(store: Store) -> str | None:
    """The recipe that should be under test by the entries alone."""
    entries = [entry.action for entry in open_registry(store).standing().history.entries]
    if entries[-1] == audit_log.EXPERIMENT_STOPPED:
        return None
    return "logistic" if entries.count(audit_log.EXPERIMENT_STARTED) == 2 else "svc"


@pytest.mark.fault("F03")
@pytest.mark.parametrize("deed", ["start", "stop"])
@pytest.mark.parametrize("again", ["start", "stop", "nothing"])
def test_an_experiment_killed_at_any_write_agrees_with_the_history_after_the_next_decision(
    tmp_path: Path, deed: str, again: str
) -> None:
    after = "logistic" if deed == "start" else None
    seen = set()
    for write in range(12):
        folder = tmp_path / str(write)
        store = Store(LocalFolder(folder))
        promote(store, b"a")
        challenge(store, b"b")
        code = at_write(write, folder, deed, signal.SIGKILL)
        standing = open_registry(store).standing()
        assert standing.history.problems == ()
        entries = len(standing.history.entries)
        assert recipe_under_test(store) in (
            "svc",
            after,
        )  # a reader gets a whole experiment: the one before, or the new one
        if recipe_under_test(store) != by_the_history(store):
            assert standing.history.unfinished is not None, "and reports that the last entry is not finished"
        seen.add((code, entries, recipe_under_test(store)))
        if again == "start":
            challenge(store, b"another", recipe="logistic")
        elif again == "stop":
            ended = challenger.stop(store, open_registry(store), decision(run_id=None))
            assert (ended is None) == (code == 0 and deed == "stop")
        else:
            with open_registry(store).deciding():
                pass
        assert is_consistent(store)
        assert recipe_under_test(store) == {"start": "logistic", "stop": None, "nothing": by_the_history(store)}[again]
        if code == 0:
            break
    assert code == 0
    assert (-signal.SIGKILL, 2, "svc") in seen  # before the entry: nothing was decided
    assert (-signal.SIGKILL, 3, "svc") in seen  # between the entry and the experiment's file
    assert (-signal.SIGKILL, 3, after) in seen  # between the file and the head


@pytest.mark.fault("O16")
@pytest.mark.parametrize("deed", ["start", "stop"])
def test_an_experiment_that_is_interrupted_at_any_write_is_decided_whole_or_not_at_all(
    tmp_path: Path, deed: str
) -> None:
    entries = []
    for write in range(12):
        folder = tmp_path / str(write)
        store = Store(LocalFolder(folder))
        promote(store, b"a")
        challenge(store, b"b")
        code = at_write(write, folder, deed, signal.SIGTERM)
        assert is_consistent(store), "nothing is left that the next command would carry out"
        assert recipe_under_test(store) == by_the_history(store)
        if code == 0:
            break
        assert code == 143
        entries.append(len(open_registry(store).standing().history.entries))
    assert code == 0
    assert set(entries) == ({2, 3} if deed == "start" else {3}), "stopping begins with its entry"


def test_a_stop_that_waited_for_a_start_ends_and_names_what_was_started(local: Store, folder: Path) -> None:
    promote(local, b"a")
    challenge(local, b"b")
    inside, go_on = threading.Event(), threading.Event()
    recipes: list[str | None] = []

    class Slow(LocalFolder):
        def replace(self, path: str, content: bytes) -> None:
            if path == paths.NEXT_EXPERIMENT:
                inside.set()
                assert go_on.wait(60)
            super().replace(path, content)

    starting = threading.Thread(target=lambda: challenge(Store(Slow(folder)), b"another", recipe="logistic"))

    def stop() -> None:
        ended = challenger.stop(local, open_registry(local), decision(run_id=None))
        recipes.append(ended.experiment.recipe if ended and ended.experiment else None)

    stopping = threading.Thread(target=stop)
    starting.start()
    assert inside.wait(60)
    stopping.start()
    stopping.join(0.5)
    assert stopping.is_alive(), "it waits for the lock"
    go_on.set()
    starting.join(60)
    stopping.join(60)
    assert recipes == ["logistic"]
    assert challenger.current(local) is None
    actions = [entry.action for entry in open_registry(local).standing().history.entries]
    assert actions == [
        audit_log.PROMOTED,
        audit_log.EXPERIMENT_STARTED,
        audit_log.EXPERIMENT_STARTED,
        audit_log.EXPERIMENT_STOPPED,
    ]


def test_an_experiment_ends_though_the_champions_pointer_is_damaged(store: Store) -> None:
    promote(store, b"a")
    challenge(store, b"b")
    store.backend.replace(paths.pointer(paths.CHAMPION), b"{")
    ended = challenger.stop(store, open_registry(store), decision(run_id=None))
    assert ended is not None
    assert ended.experiment is not None
    assert (ended.entry.candidate, ended.entry.after) == ("c" * 64, ended.experiment.against)
    assert challenger.current(store) is None


def test_a_decision_whose_manifest_was_damaged_before_it_was_finished_blocks_no_other(
    local: Store, folder: Path
) -> None:
    first = promote(local, b"a")
    promote(local, b"b")
    (folder / paths.HISTORY_HEAD).write_bytes(audit_log.head_of(first))  # as if its writer had been killed
    for promoted in (folder / "champion/promoted").iterdir():
        if promoted.stem != first.after:
            promoted.write_bytes(b"{")
    challenge(local, b"c")
    assert open_registry(local).standing().history.problems == ()
