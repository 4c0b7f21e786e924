"""Two machines that decide about one bucket: the lock of each excludes nobody on the other."""

import threading
import time
from typing import Any

import pytest

from wdbc_assets.registry.decision_log import Superseded
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import gc, paths
from wdbc_assets.store.backends import ObjectFolder
from wdbc_assets.store.index import StoreIndex
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.promotions import decision, draft, promote
from wdbc_assets_tests.store.artifacts import put


class Machine(ObjectFolder):
    """A backend with a lock of its own. `meanwhile` is called once, when it has read the watched file under the lock.

    `reads` is the number of reads before that one.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._lock = threading.Lock()
        self.reads = 0
        self.watched = paths.pointer(paths.CHAMPION)
        self.meanwhile: Any = None

    def read(self, path: str) -> bytes:
        content = super().read(path)
        if path == self.watched and self.meanwhile and self._lock.locked():
            self.reads -= 1
            if self.reads < 0:
                call, self.meanwhile = self.meanwhile, None
                call()
        return content


class Killed(BaseException):
    """Ends a machine's writer between two writes."""


class KilledAfterItsEntry(Machine):
    """A machine whose writer ends when its decision is in the log, before the champion's pointer."""

    def compare_and_swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        if path == paths.pointer(paths.CHAMPION):
            raise Killed
        return super().compare_and_swap(path, old, new)


def decided(store: Store) -> list[str | None]:
    return [entry.after for entry in open_registry(store).standing().history.entries]


@pytest.mark.fault("F11")
@pytest.mark.fault("F03")
@pytest.mark.parametrize("reads", [0, 1])
def test_a_promotion_that_another_machine_overtakes_is_superseded(url: str, reads: int) -> None:
    mine, theirs = Machine(url), Machine(url)
    promote(Store(theirs), b"a")
    mine.reads = reads
    mine.meanwhile = lambda: promote(Store(theirs), b"theirs")
    with pytest.raises(Superseded) as caught:
        promote(Store(mine), b"mine")
    assert caught.value.hint
    assert mine.meanwhile is None
    standing = open_registry(Store(theirs)).standing()
    assert standing.problems == ()
    assert standing.version == draft(Store(theirs), b"theirs").manifest.version
    assert len(decided(Store(theirs))) == 2


@pytest.mark.fault("F11")
@pytest.mark.fault("F03")
@pytest.mark.parametrize(
    ("watched", "reads"), [(paths.HISTORY, 0), (paths.HISTORY_HEAD, 0), (paths.pointer(paths.CHAMPION), 0),
                           (paths.HISTORY_HEAD, 1)],
)  # fmt: skip
def test_a_promotion_is_superseded_by_one_whose_entry_is_all_that_is_written(
    url: str, watched: str, reads: int
) -> None:
    mine, theirs = Machine(url), KilledAfterItsEntry(url)
    promote(Store(Machine(url)), b"a")
    mine.watched, mine.reads = watched, reads

    def overtake() -> None:
        with pytest.raises(Killed):
            promote(Store(theirs), b"theirs")

    mine.meanwhile = overtake
    with pytest.raises(Superseded):
        promote(Store(mine), b"mine")
    assert mine.meanwhile is None
    with open_registry(Store(mine)).deciding() as unfinished:  # the next decision of any machine completes theirs
        assert unfinished is not None
    standing = open_registry(Store(theirs)).standing()
    assert standing.problems == ()
    assert standing.version == draft(Store(theirs), b"theirs").manifest.version
    assert len(decided(Store(theirs))) == 2


@pytest.mark.fault("F11")
@pytest.mark.fault("F03")
def test_of_machines_that_promote_at_the_same_instant_one_wins_and_the_others_are_superseded(url: str) -> None:
    promote(Store(Machine(url)), b"first")
    for number in range(3):
        expected = open_registry(Store(Machine(url))).standing().version
        start = threading.Barrier(3)
        outcomes: list[str | None] = []

        def race(
            name: str, expected: str | None = expected, start: threading.Barrier = start,
            outcomes: list[str | None] = outcomes,
        ) -> None:  # fmt: skip
            store = Store(Machine(url))
            bundle = draft(store, name.encode())
            start.wait(60)
            try:
                outcomes.append(open_registry(store).promote(bundle, decision(), expected=expected).after)
            except Superseded:
                outcomes.append(None)

        machines = [threading.Thread(target=race, args=(f"{number}-{rival}",)) for rival in range(3)]
        for machine in machines:
            machine.start()
        for machine in machines:
            machine.join(120)
        standing = open_registry(Store(Machine(url))).standing()
        assert sorted(filter(None, outcomes)) == [standing.version]
        assert len(outcomes) == 3
        assert standing.problems == ()
    assert len(decided(Store(Machine(url)))) == 4


@pytest.mark.fault("F11")
@pytest.mark.parametrize("at_once", [True, False], ids=["another machine writes it again", "nobody writes it"])
def test_garbage_collection_keeps_a_version_that_another_machine_makes_current_meanwhile(
    url: str, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    mine, theirs = Store(Machine(url)), Store(Machine(url))
    put(mine, b"old", run_id="run-1")
    put(mine, b"new", run_id="run-2")
    tomorrow = time.time() + 86400
    monkeypatch.setattr(time, "time", lambda: tomorrow)

    def find_roots(found: StoreIndex, *, locked: bool) -> gc.Roots:
        if locked and at_once:  # the store has been listed for the last time
            put(theirs, b"old", run_id="run-3")
        return gc.Roots()

    removed = gc.clean(mine, find_roots, run_limit=3600.0)
    assert len(removed) == (0 if at_once else 1)
    assert Store(Machine(url)).handle("raw_data").load() == (b"old" if at_once else b"new")
