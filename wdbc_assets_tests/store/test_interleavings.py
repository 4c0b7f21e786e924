"""Any interleaving of writers, readers and crashes keeps the store whole.

A writer is stopped before any of its operations on the disk: there another writer commits, a reader reads, or the
first writer is killed. Instants and deeds are hypothesis's choice.
"""

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import hypothesis
import pytest
from hypothesis import strategies as st

from wdbc_assets.store.backends import Backend, LocalFolder, ObjectFolder
from wdbc_assets.store.store import NeverMade, Store
from wdbc_assets_tests import object_server


class Killed(BaseException):
    """The writer is gone; nothing of it runs any more."""


class Watched:
    """A backend that calls back before each operation. `locked` tells that the lock holds off every other writer."""

    def __init__(self, backend: Backend, before: Callable[[], None]) -> None:
        self.backend = backend
        self.before = before
        self.locked = False

    def __getattr__(self, name: str) -> Any:
        if name in ("read", "replace", "compare_and_swap"):
            self.before()
        return getattr(self.backend, name)

    @contextlib.contextmanager
    def commit_lock(self) -> Iterator[None]:
        self.before()
        with self.backend.commit_lock():
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


def read(backend: Backend) -> bytes | None:
    try:
        content: bytes = Store(backend).handle("raw_data").load()
    except NeverMade:
        return None
    return content


def perform(backend: Backend, write: Write, begun: set[bytes | None]) -> None:
    """Commit, with everything that is to happen in between."""
    operations = 0

    def before() -> None:
        nonlocal operations
        operations += 1
        assert read(backend) in begun
        if operations - 1 != write.instant:
            return
        if write.then == "kill":
            raise Killed
        if isinstance(write.then, Write) and not watched.locked:
            perform(backend, write.then, begun)

    watched = Watched(backend, before)
    store = Store(cast("Backend", watched))
    begun.add(write.content)
    with contextlib.suppress(Killed):
        store.commit(store.draft("raw_data", write.content, run_id="run-1"), run_id="run-1")


def check(backend: Backend, writes: list[Write]) -> None:
    begun: set[bytes | None] = {None}
    for write in writes:
        perform(backend, write, begun)
        assert read(backend) in begun
    perform(backend, Write(b"last", 99, "read"), begun)
    assert read(backend) == b"last"


@pytest.mark.fault("F01")
@pytest.mark.fault("F02")
@pytest.mark.fault("F03")
@hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
@hypothesis.given(st.lists(WRITES, min_size=1, max_size=3))
def test_any_interleaving_of_writers_readers_and_crashes_keeps_the_store_whole(writes: list[Write]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(LocalFolder(Path(folder)), writes)
    check(ObjectFolder(f"memory://{secrets.token_hex(8)}"), writes)


@pytest.mark.slow
@pytest.mark.fault("F01")
@pytest.mark.fault("F02")
@pytest.mark.fault("F03")
def test_the_same_on_an_object_store(object_store: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in object_server.settings(object_store).items():
        monkeypatch.setenv(name, value)

    @hypothesis.settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @hypothesis.given(st.lists(WRITES, min_size=1, max_size=3))
    def interleave(writes: list[Write]) -> None:
        check(ObjectFolder(f"s3://{object_server.BUCKET}/{secrets.token_hex(8)}"), writes)

    interleave()
