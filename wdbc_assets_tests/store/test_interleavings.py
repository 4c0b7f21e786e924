"""Any interleaving of writers, readers and crashes keeps the store whole.

A writer is stopped before any of its operations on the disk: there another writer commits, a reader reads, or the
first writer is killed. Instants and deeds are hypothesis's choice.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from wdbc_assets.store.backends import LocalFolder
from wdbc_assets.store.store import NeverMade, Store


class Killed(BaseException):
    """The writer is gone; nothing of it runs any more."""


class Watched(LocalFolder):
    """A folder that calls back before each operation, but for those under the lock that hold off every other writer."""

    def __init__(self, root: Path, before: Callable[[], None]) -> None:
        super().__init__(root)
        self.before = before
        self.locked = False

    def read(self, path: str) -> bytes:
        self.before()
        return super().read(path)

    def replace(self, path: str, content: bytes) -> None:
        self.before()
        super().replace(path, content)

    @contextlib.contextmanager
    def commit_lock(self) -> Iterator[None]:
        self.before()
        with super().commit_lock():
            self.locked = True
            try:
                yield
            finally:
                self.locked = False


@dataclass(frozen=True)
class Write:
    """A commit, and what happens before which of its operations."""

    content: bytes
    instant: int
    then: "Write | str"


DEEDS = st.recursive(
    st.sampled_from(["read", "kill"]),
    lambda deeds: st.builds(Write, st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 9), deeds),
    max_leaves=4,
)
WRITES = st.builds(Write, st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 9), DEEDS)


def read(root: Path) -> bytes | None:
    try:
        content: bytes = Store(LocalFolder(root)).handle("raw_data").load()
    except NeverMade:
        return None
    return content


def perform(root: Path, write: Write, begun: set[bytes | None]) -> None:
    """Commit, with everything that is to happen in between."""
    operations = 0

    def before() -> None:
        nonlocal operations
        operations += 1
        assert read(root) in begun
        if operations - 1 != write.instant:
            return
        if write.then == "kill":
            raise Killed
        if isinstance(write.then, Write) and not watched.locked:
            perform(root, write.then, begun)

    watched = Watched(root, before)
    store = Store(watched)
    begun.add(write.content)
    with contextlib.suppress(Killed):
        store.commit(store.draft("raw_data", write.content, run_id="run-1"), run_id="run-1")


@pytest.mark.fault("F01")
@pytest.mark.fault("F02")
@pytest.mark.fault("F03")
@hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
@hypothesis.given(st.lists(WRITES, min_size=1, max_size=3))
def test_any_interleaving_of_writers_readers_and_crashes_keeps_the_store_whole(writes: list[Write]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        begun: set[bytes | None] = {None}
        for write in writes:
            perform(root, write, begun)
            assert read(root) in begun
        perform(root, Write(b"last", 99, "read"), begun)
        assert read(root) == b"last"
