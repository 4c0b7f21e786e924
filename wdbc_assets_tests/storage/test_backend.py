"""How bytes get onto a disk: in which order, under which lock, and whose left-overs go."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.backend import CannotWrite, LocalFolder, ObjectFolder, open_backend

HOLDER = """
import sys
from pathlib import Path
from wdbc_assets.storage.backend import LocalFolder
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


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_what_lies_there_is_listed_with_its_size_and_its_time_and_can_be_removed(tmp_path: Path, kind: str) -> None:
    backend = LocalFolder(tmp_path / "store") if kind == "folder" else ObjectFolder(f"memory://{tmp_path.name}-listed")
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
    with pytest.raises(WdbcError, match="cannot be used") as caught:
        open_backend("nosuch://ann:CANARY@host/store", relative_to=tmp_path)
    assert "CANARY" not in str(caught.value)
