"""How bytes get onto a disk: in which order, under which lock, and whose left-overs go."""

import errno
import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import paths
from wdbc_assets.store.backends import (
    Backend,
    CannotRead,
    CannotWrite,
    LocalFolder,
    ObjectFolder,
    local,
    objects,
    open_backend,
)
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.registry.promotions import promote

HOLDER = """
import sys
from pathlib import Path
from wdbc_assets.store.backends import LocalFolder
with LocalFolder(Path(sys.argv[1])).commit_lock():
    print("held", flush=True)
    sys.stdin.read()
"""
ASKER = HOLDER.replace("sys.stdin.read()", "pass")


def asking(folder: Path, code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.fault("F01")
def test_content_is_on_the_disk_before_its_name_and_its_name_before_the_write_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []

    def fsync(descriptor: int) -> None:
        order.append("folder" if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir() else "file")

    def replace(path: Path, target: Path) -> Path:
        order.append("rename")
        return path.rename(target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    LocalFolder(tmp_path).replace("raw_data/current.json", b"{}")
    assert order == ["file", "rename", "folder"]


@pytest.mark.fault("F03")
def test_one_writer_waits_for_the_other_until_it_is_done_or_killed(tmp_path: Path) -> None:
    with asking(tmp_path, HOLDER) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with asking(tmp_path, ASKER) as asker:
            with pytest.raises(subprocess.TimeoutExpired):
                asker.wait(timeout=1)
            holder.kill()
            assert asker.wait(timeout=60) == 0


@pytest.mark.fault("F07")
def test_a_leftover_that_another_writer_sweeps_at_the_same_instant_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / ".tmp-another-host-1-0a0b0c0d"]))
    LocalFolder(tmp_path).replace("store.json", b"{}")
    assert (tmp_path / "store.json").read_bytes() == b"{}"


@pytest.mark.fault("F03")
def test_two_stores_at_one_url_take_turns_within_a_process(tmp_path: Path) -> None:
    one, other = ObjectFolder(f"memory://{tmp_path.name}"), ObjectFolder(f"memory://{tmp_path.name}")
    entered = threading.Event()

    def enter() -> None:
        with other.commit_lock():
            entered.set()

    thread = threading.Thread(target=enter)
    with one.commit_lock():
        thread.start()
        assert not entered.wait(timeout=0.2)
    thread.join(timeout=60)
    assert entered.is_set()


@pytest.fixture
def backend(location: str, tmp_path: Path) -> Backend:
    return open_backend(location, relative_to=tmp_path)


def test_what_lies_there_is_listed_with_its_size_and_its_time_and_can_be_removed(backend: Backend) -> None:
    assert backend.listed() == []
    before = time.time() - 5
    for path, content in (("a/versions/1/x.json", b"12345"), ("a/current.json", b"1"), ("b/y.json", b"")):
        backend.replace(path, content)
    found = {one.path: one for one in backend.listed()}
    assert {path: one.size for path, one in found.items()} == {
        "a/versions/1/x.json": 5, "a/current.json": 1, "b/y.json": 0,
    }  # fmt: skip
    assert all(before <= one.written <= time.time() + 5 for one in found.values())
    backend.remove("a/versions/1")
    backend.remove("b/y.json")
    backend.remove("a/versions/1")  # what is gone is gone
    assert {one.path for one in backend.listed()} == {"a/current.json"}


def test_a_large_file_is_copied_in_pieces_and_read_in_pieces(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_PIECE", 1000)
    source = io.BytesIO(os.urandom(6 * 1024**2))
    source.seek(17)  # wherever it stands, the whole file is written
    backend.put_file("a/large.bin", source)
    with backend.open("a/large.bin") as file:
        head, rest = file.read(10), file.read()
    assert head + rest == source.getvalue() == backend.read("a/large.bin")
    with pytest.raises(FileNotFoundError):
        backend.open("a/none.bin")
    assert [file.path for file in backend.listed()] == ["a/large.bin"]


def test_content_is_swapped_only_for_what_it_was_compared_with(backend: Backend) -> None:
    with backend.commit_lock():
        assert backend.compare_and_swap("a/current.json", None, b"1")
        assert backend.compare_and_swap("a/current.json", None, b"1"), "it has the new content already"
        assert not backend.compare_and_swap("a/current.json", None, b"2")
        assert not backend.compare_and_swap("a/current.json", b"0", b"2")
        assert not backend.compare_and_swap("b/current.json", b"0", b"2")
        assert backend.read("a/current.json") == b"1"
        assert backend.compare_and_swap("a/current.json", b"1", b"2")
        assert backend.read("a/current.json") == b"2"
    assert [file.path for file in backend.listed() if file.path != ".lock"] == ["a/current.json"]


def test_what_is_set_aside_stays_beside_it(backend: Backend) -> None:
    backend.set_aside("a/history.jsonl")
    backend.replace("a/history.jsonl", b"damaged")
    backend.set_aside("a/history.jsonl")
    (aside,) = backend.listed()
    assert aside.path.startswith("a/history.jsonl.damaged-")
    assert backend.read(aside.path) == b"damaged"


def test_a_file_beyond_the_limit_is_not_read_into_memory(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.replace("a/x.bin", b"12345")
    for module in (local, objects):
        monkeypatch.setattr(module, "MOST_BYTES", 4)
    with pytest.raises(DamagedStore, match="a file has 5 bytes, more than"):
        backend.read("a/x.bin")


@pytest.mark.fault("F04")
def test_a_place_that_refuses_a_removal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    (tmp_path / "a").mkdir()
    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(CannotWrite, match="Permission denied"):
        LocalFolder(tmp_path).remove("a")


@pytest.mark.fault("X14")
def test_the_address_of_a_store_is_known_without_its_secrets_and_used_with_them(tmp_path: Path) -> None:
    backend = open_backend("memory://ann:CANARY@host/secrets?sig=CANARY", relative_to=tmp_path)
    backend.replace("file", b"content")
    assert backend.read("file") == b"content"
    assert backend.url == "memory://***@host/secrets?sig=***"
    with pytest.raises(WdbcError, match="lost its slashes") as caught:
        open_backend("ftp:/ann:CANARY@host/store", relative_to=tmp_path)
    assert "CANARY" not in str(caught.value)
    for address in ("nosuch://ann:CANARY@host/store", "ann:CANARY@host://store", "http://ann:CANARY@host/store"):
        with pytest.raises(WdbcError, match="cannot be used") as caught:
            open_backend(address, relative_to=tmp_path)
        assert "CANARY" not in str(caught.value)
        assert all(f"{scheme}://" in caught.value.hint for scheme in ("s3", "gs", "az", "memory"))


# What is no file


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))  # the whole path may be longer than a socket's may be


def _link(path: Path) -> None:
    path.symlink_to(path.parent / "whole.json")


@pytest.mark.fault("F14")
@pytest.mark.parametrize(
    ("put", "said"),
    [(_pipe, "a pipe"), (_socket, "a socket"), (Path.mkdir, "a folder"), (_link, "a link")],
    ids=["pipe", "socket", "folder", "link"],
)
def test_what_is_no_file_is_named_not_waited_for_and_replaced(
    tmp_path: Path, put: Callable[[Path], object], said: str
) -> None:
    (tmp_path / "whole.json").write_bytes(b"elsewhere")
    put(tmp_path / "current.json")
    backend = LocalFolder(tmp_path)
    with pytest.raises(DamagedStore, match=f"found {said} instead of a file"):
        backend.read("current.json")
    backend.replace("current.json", b"good")
    assert backend.read("current.json") == b"good"
    assert (tmp_path / "whole.json").read_bytes() == b"elsewhere"


def test_a_removal_follows_no_link_out_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_bytes(b"1")
    root = tmp_path / "store"
    (root / "pairs").mkdir(parents=True)
    (root / "pairs/linked").symlink_to(tmp_path / "outside")
    LocalFolder(root).remove("pairs/linked")
    assert list((root / "pairs").iterdir()) == []
    (root / "pairs").rmdir()
    (root / "pairs").symlink_to(tmp_path / "outside")
    for call in (
        lambda: LocalFolder(root).remove("pairs/precious"),
        lambda: LocalFolder(root).listed("pairs"),
        lambda: LocalFolder(root).listed(),
        lambda: LocalFolder(root).read("pairs/precious"),
        lambda: LocalFolder(root).replace("pairs/precious", b"2"),
    ):
        with pytest.raises(DamagedStore, match="found a link instead of a folder"):
            call()
    assert (tmp_path / "outside/precious").read_bytes() == b"1"


def test_the_store_itself_may_lie_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    backend = LocalFolder(tmp_path / "store")
    backend.replace("a/current.json", b"1")
    assert backend.read("a/current.json") == b"1"
    assert [one.path for one in backend.listed()] == ["a/current.json"]


# Modes


@pytest.mark.fault("X11")
@pytest.mark.parametrize(("of_root", "folders", "files"), [(None, 0o700, 0o600), (0o755, 0o750, 0o640)])
def test_nobody_but_owner_and_group_reads_what_is_stored(
    tmp_path: Path, of_root: int | None, folders: int, files: int
) -> None:
    root = tmp_path / "store"
    if of_root is not None:
        root.mkdir()
        root.chmod(of_root)
    before = os.umask(0o022)
    try:
        backend = LocalFolder(root)
        backend.replace("raw_data/current.json", b"1")
        with backend.commit_lock():
            pass
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert modes == {"store": of_root or 0o700, "raw_data": folders, "current.json": files, ".lock": files}


# Places that are away


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "secret"), RuntimeError("secret"), EOFError()])
def test_whatever_a_file_system_raises_is_reported_without_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    backend = ObjectFolder(f"memory://{tmp_path.name}-away")

    def refuse(*_: object, **__: object) -> None:
        raise error

    for name in ("get", "put", "list", "delete"):
        monkeypatch.setattr(obstore, name, refuse)
    calls: list[tuple[type[CannotRead | CannotWrite], Callable[[], object]]] = [
        (CannotRead, lambda: backend.read("a")), (CannotRead, backend.listed),
        (CannotWrite, lambda: backend.replace("a", b"")), (CannotRead, lambda: backend.remove("a")),
    ]  # fmt: skip
    for kind, call in calls:
        with pytest.raises(kind) as caught:
            call()
        assert "secret" not in str(caught.value)
        assert caught.value.hint
    monkeypatch.setattr(obstore, "list", lambda *_: [])
    with pytest.raises(CannotWrite):
        backend.remove("a")


@pytest.mark.fault("F02")
def test_who_looks_while_a_decision_is_written_waits_for_its_end(tmp_path: Path) -> None:
    store = open_store(str(tmp_path), relative_to=tmp_path)
    promote(store, b"a")
    written, look = threading.Event(), threading.Event()

    class Slow(LocalFolder):
        def replace(self, path: str, content: bytes) -> None:
            super().replace(path, content)
            if path == paths.HISTORY:
                written.set()
                look.wait(timeout=60)
                time.sleep(0.2)  # the reader has begun to look, and has to wait

    writer = threading.Thread(target=promote, args=(Store(Slow(tmp_path)), b"b"))
    writer.start()
    assert written.wait(timeout=60)
    look.set()
    standing = open_registry(store).standing()
    writer.join(timeout=60)
    assert standing.problems == ()
