"""A folder takes the place of an earlier one as a whole, whenever the process is killed, and follows no link."""

import ctypes
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.cli import folders
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets_tests.store.test_refused_writes import small_disk

pytestmark = pytest.mark.fault("F15")

OLD = {"a/x.csv": b"old x", "b/y.json": b"old y", "z.json": b"old z"}
NEW = {"a/x.csv": b"new x" * 20_000, "b/y.json": b"new y", "z.json": b"new z"}

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from wdbc_assets.cli import folders
from wdbc_assets_tests.cli.test_folders import NEW, OLD, content
target = Path(sys.argv[1])
seen = {"old": 0, "new": 0}
for instant in range(1000):
    shutil.rmtree(target.parent, ignore_errors=True)
    folders.put(target, OLD)
    child = os.fork()
    if child == 0:
        events = 0
        def kill(event, arguments):
            global events
            if event != "os.kill" and event.startswith(("os.", "open", "ctypes.", "fcntl.")):
                events += 1
                if events > instant:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(kill)
        folders.put(target, NEW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = content(target)
    assert found in (OLD, NEW), (instant, found.keys())
    seen["old" if found == OLD else "new"] += 1
    folders.put(target, NEW)
    assert content(target) == NEW
    assert [path.name for path in target.parent.iterdir()] == [target.name], instant
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        break
print(seen["old"], seen["new"])
"""


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "below" / "out"


def test_killed_at_any_instant_it_leaves_the_earlier_folder_or_the_new_one_whole(target: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(target)]
    done = subprocess.run(
        command, cwd=settings.project_root(), capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    old, new = map(int, done.stdout.split())
    assert old > 20
    assert new > 5


def test_where_a_file_system_cannot_exchange_folders_it_is_done_in_two_steps(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Libc:
        @staticmethod
        def renameat2(*_: object) -> int:
            ctypes.set_errno(errno.EINVAL)
            return -1

    folders.put(target, OLD)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Libc)
    folders.put(target, NEW)
    assert content(target) == NEW
    assert list(target.parent.iterdir()) == [target]


def test_on_a_full_disk_the_earlier_folder_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=64k") as disk:
        folders.put(disk / "out", OLD)
        with pytest.raises(WdbcError, match="No space left on device") as refused:
            folders.put(disk / "out", NEW)
        assert "are intact" in refused.value.hint
        assert content(disk / "out") == OLD
        assert [path.name for path in disk.iterdir()] == ["out"]


def test_a_folder_that_holds_anything_else_is_refused_and_left_alone(target: Path) -> None:
    folders.put(target, OLD)
    (target / "a/notes.txt").write_text("mine")
    with pytest.raises(WdbcError, match="contains other files") as refused:
        folders.put(target, NEW)
    assert refused.value.where.endswith("a/notes.txt")
    assert content(target) == {**OLD, "a/notes.txt": b"mine"}


@pytest.mark.parametrize("link", ["a/x.csv", "a", ""])
def test_no_link_is_followed(target: Path, tmp_path: Path, link: str) -> None:
    folders.put(target, OLD)
    elsewhere = tmp_path / "elsewhere"
    (target / link).rename(elsewhere)
    (target / link).symlink_to(elsewhere)
    before = content(elsewhere) if elsewhere.is_dir() else elsewhere.read_bytes()
    with pytest.raises(WdbcError, match=r"symbolic link|other files"):
        folders.put(target, NEW)
    assert (content(elsewhere) if elsewhere.is_dir() else elsewhere.read_bytes()) == before


def test_the_current_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(WdbcError, match="current"):
        folders.put(Path(), NEW)


def test_an_empty_folder_keeps_its_mode_and_the_files_are_the_users_alone(target: Path) -> None:
    target.mkdir(parents=True)
    target.chmod(0o750)
    folders.put(target, NEW)
    assert target.stat().st_mode & 0o777 == 0o750
    assert {(target / name).stat().st_mode & 0o777 for name in NEW} == {0o600}


def test_what_a_living_process_is_writing_is_not_swept(target: Path) -> None:
    target.parent.mkdir()
    with folders._temporary(target) as living:
        folders.put(target, NEW)
        assert living.exists()
    assert list(target.parent.iterdir()) == [target]
