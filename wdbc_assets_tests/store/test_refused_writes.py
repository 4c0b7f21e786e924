"""A disk that takes no more: really full, out of inodes, read-only; and errors that only a wrapper can make."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets.store.backends import CannotRead, CannotWrite, LocalFolder
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import needed

pytestmark = pytest.mark.fault("F04")


def put(store: Store, content: bytes) -> None:
    store.commit(store.draft("raw_data", content, run_id="run-1"), run_id="run-1")


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory, mounted for as long as the block lasts."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        needed.absent(f"mounting is refused: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(("options", "content"), [("size=256k", b"x" * 300_000), ("nr_inodes=18", b"other")])
def test_a_full_disk_is_named_changes_nothing_and_works_again_when_there_is_room(
    tmp_path: Path, options: str, content: bytes
) -> None:
    with small_disk(tmp_path / "disk", options) as disk:
        store = open_store(str(disk), relative_to=tmp_path)
        put(store, b"good")
        before = (disk / "raw_data" / "current.json").read_bytes()
        ballast = []
        with contextlib.suppress(OSError):
            for number in range(18 if "inodes" in options else 0):
                ballast.append(disk / f"ballast-{number}")
                ballast[-1].touch()
        with pytest.raises(CannotWrite, match="No space left on device") as refused:
            put(store, content)
        assert "Free some space" in refused.value.hint
        assert (disk / "raw_data" / "current.json").read_bytes() == before
        assert store.handle("raw_data").load() == b"good"
        assert list(disk.rglob(".tmp*")) == []
        for path in ballast:
            path.unlink(missing_ok=True)
        put(store, b"better")
        assert store.handle("raw_data").load() == b"better"


def test_a_disk_that_became_read_only_is_named_and_still_read(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=1m") as disk:
        store = open_store(str(disk), relative_to=tmp_path)
        put(store, b"good")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(CannotWrite, match="Read-only file system") as refused:
            put(store, b"better")
        assert "set WDBC_STORAGE to a writable folder" in refused.value.hint
        assert store.handle("raw_data").load() == b"good"


def test_a_quota_that_is_used_up_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(CannotWrite) as refused:
        LocalFolder(tmp_path).replace("store.json", b"{}")
    assert "quota is used up" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("F05")
def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, flags: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "store.json").write_bytes(b"{}")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CannotRead, match="the store cannot be read: Permission denied") as refused:
        LocalFolder(tmp_path).read("store.json")
    assert refused.value.where == str(tmp_path / "store.json")


@pytest.mark.fault("F06")
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff"])
def test_a_damaged_format_file_is_named_and_the_next_run_writes_it_again(tmp_path: Path, content: bytes) -> None:
    put(open_store(str(tmp_path), relative_to=tmp_path), b"good")
    (tmp_path / "store.json").write_bytes(content)
    with pytest.raises(DamagedStore, match="format file is damaged") as damaged:
        open_store(str(tmp_path), relative_to=tmp_path).current("raw_data")
    assert damaged.value.hint.startswith("Delete it")
    (tmp_path / "store.json").unlink()
    put(open_store(str(tmp_path), relative_to=tmp_path), b"better")
    assert (tmp_path / "store.json").read_bytes() == b'{"format": 2}\n'
