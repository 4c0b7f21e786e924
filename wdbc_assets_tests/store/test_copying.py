"""Copies of a whole store: complete, verified, continued after they were killed, and never over other content."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import copying, paths
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.registry.promotions import challenge, promote
from wdbc_assets_tests.store.artifacts import put, snapshot

KILLED = """
import os, signal, sys
from pathlib import Path
from wdbc_assets.store import backends, copying
source, target = (backends.open_backend(place, relative_to=Path("/")) for place in sys.argv[1:3])
def report(done, total, size):
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
copying.copy(source, target, report=report)
"""


@pytest.fixture
def full(tmp_path: Path) -> Store:
    """A store with versions, a champion before and now, an experiment and an audit log."""
    made = open_store(str(tmp_path / "full"), relative_to=tmp_path)
    put(made, b"old"), put(made, b"new", run_id="run-2"), put(made, b"x" * 3_000_000, asset="metrics", run_id="run-3")
    promote(made, b"a"), promote(made, b"b")
    challenge(made, b"c")
    return made


def contents(store: Store) -> dict[str, bytes]:
    listed = (file.path for file in store.backend.listed())
    return {path: store.backend.read(path) for path in listed if path != ".lock" and "/.tmp-" not in f"/{path}"}


def test_a_copy_has_every_file_and_the_same_production(full: Store, store: Store) -> None:
    before = contents(full)
    done = copying.copy(full.backend, store.backend, verify=True)
    assert contents(store) == contents(full) == before
    assert (done.files, done.bytes, done.present) == (len(before), sum(map(len, before.values())), 0)
    assert store.handle("raw_data").load() == b"new"
    assert open_registry(store).standing() == open_registry(full).standing()
    again = copying.copy(full.backend, store.backend)
    assert (again.files, again.bytes, again.present) == (0, 0, len(before))


@pytest.mark.fault("F11")
@pytest.mark.parametrize("instant", [1, 9, 15])
def test_a_copy_that_is_killed_has_no_champion_and_is_continued(full: Store, tmp_path: Path, instant: int) -> None:
    places = [str(tmp_path / "full"), str(tmp_path / "copy")]
    done = subprocess.run([sys.executable, "-c", KILLED, *places, str(instant)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    target = open_store(places[1], relative_to=tmp_path)
    assert target.current(paths.CHAMPION) is None
    there = set(contents(target))
    assert there < set(contents(full))
    copied = copying.copy(full.backend, target.backend)
    assert copied.present == len(there)
    assert contents(target) == contents(full)


def test_other_content_is_never_overwritten(full: Store, store: Store) -> None:
    put(store, b"another's")
    before = contents(store)
    with pytest.raises(WdbcError, match="the target already has other content"):
        copying.copy(full.backend, store.backend)
    assert contents(store) == before


@pytest.mark.parametrize("damage", ["altered", "removed"])
def test_of_a_damaged_store_no_pointer_is_copied(full: Store, store: Store, tmp_path: Path, damage: str) -> None:
    version = full.handle("metrics").manifest
    path = tmp_path / "full" / paths.version_file(version, next(iter(version.files)))
    if damage == "altered":
        content = path.read_bytes()
        path.write_bytes(b"y" + content[1:])
    else:
        path.unlink()
        (path.parent / "other.bin").write_bytes(b"")
    before = snapshot(tmp_path / "full")
    with pytest.raises(DamagedStore, match="the store to copy is damaged") as caught:
        copying.copy(full.backend, store.backend)
    assert version.version in str(caught.value)
    assert not [path for path in contents(store) if path.endswith(paths.CURRENT) or path == paths.HISTORY]
    assert snapshot(tmp_path / "full") == before


def test_an_altered_record_is_damage_too(full: Store, store: Store, tmp_path: Path) -> None:
    pointer = tmp_path / "full" / paths.pointer("raw_data")
    pointer.write_bytes(pointer.read_bytes().replace(b"raw_data", b"row_data", 1))
    with pytest.raises(DamagedStore, match=r"raw_data/current\.json was altered"):
        copying.copy(full.backend, store.backend)


def test_a_store_is_not_copied_into_itself_or_from_nowhere(full: Store, tmp_path: Path) -> None:
    inside = open_store(str(tmp_path / "full" / "copy"), relative_to=tmp_path)
    with pytest.raises(WdbcError, match="copied to itself"):
        copying.copy(full.backend, inside.backend)
    empty = open_store(str(tmp_path / "empty"), relative_to=tmp_path)
    with pytest.raises(WdbcError, match="no store was found to copy"):
        copying.copy(empty.backend, open_store(str(tmp_path / "to"), relative_to=tmp_path).backend)
    assert not os.path.lexists(tmp_path / "to")
