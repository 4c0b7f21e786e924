"""A store copied to another place: whole, verified, continued after a kill, and never over something else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import backends, copying, paths
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store
from wdbc_assets_tests import object_server
from wdbc_assets_tests.registry.promotions import promote
from wdbc_assets_tests.store.artifacts import put


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A store with two champions, and a version that is larger than one part of an upload."""
    folder = tmp_path / "whole"
    store = Store(backends.LocalFolder(folder))
    put(store, os.urandom(6 * 1024**2))
    promote(store, b"a")
    promote(store, b"b")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def copied(source: Path | str, target: Path | str, *, verify: bool = False) -> copying.Copy:
    places = [backends.open_backend(str(place), relative_to=Path("/")) for place in (source, target)]
    return copying.copy(*places, verify=verify)


def test_a_store_is_the_same_after_a_copy_to_a_bucket_and_back(
    whole: Path, tmp_path: Path, object_store: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_server.settings(object_store).items():
        monkeypatch.setenv(name, value)
    url = f"s3://{object_server.BUCKET}/{tmp_path.name}"
    before = contents(whole)
    first = copied(whole, url, verify=True)
    assert (first.files, first.present) == (len(before), 0)
    again = copied(whole, url)
    assert (again.files, again.bytes, again.present) == (0, 0, len(before))
    copied(url, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(whole) == before


KILLED = """
import os, sys
from pathlib import Path
from wdbc_assets.store import copying
from wdbc_assets.store.backends import LocalFolder
source, target, most = sys.argv[1:]
def report(done, total, size):
    if done == int(most):
        os.kill(os.getpid(), 9)
copying.copy(LocalFolder(Path(source)), LocalFolder(Path(target)), report=report)
"""


@pytest.mark.fault("F01")
@pytest.mark.parametrize("after", [1, 4, -2], ids=["at its first file", "in the middle", "between the pointers"])
def test_a_copy_that_was_killed_is_continued(whole: Path, tmp_path: Path, after: int) -> None:
    total = len(contents(whole))
    number = after if after > 0 else total + after
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(whole), str(tmp_path / "copy"), str(number)], check=False, timeout=120
    )
    assert killed.returncode == -9
    if after > 0:
        assert not [path for path in contents(tmp_path / "copy") if path.endswith("current.json")]
    again = copied(whole, tmp_path / "copy")
    assert again.present >= number
    assert contents(tmp_path / "copy") == contents(whole)


@pytest.mark.parametrize("path", [paths.HISTORY, "raw_data/current.json", "store.json", "foreign.txt"])
def test_other_content_is_never_overwritten(whole: Path, tmp_path: Path, path: str) -> None:
    other = tmp_path / "copy"
    copied(whole, other)
    content = (whole / path).read_bytes() if path != "foreign.txt" else b"1"
    (other / path).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    before = contents(other)
    with pytest.raises(WdbcError, match="the target already has other content") as caught:
        copied(whole, other)
    assert caught.value.where == str(other / path)
    assert contents(other) == before


@pytest.mark.fault("F05")
@pytest.mark.parametrize(
    "kind", ["raw_data/versions/*/*", "champion/versions/*/*", "champion/promoted/*", "raw_data/current.json"]
)
def test_a_damaged_store_is_refused_and_nothing_points_to_what_was_copied(
    whole: Path, tmp_path: Path, kind: str
) -> None:
    path = next(whole.glob(kind))
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(DamagedStore, match="the store to copy is damaged") as caught:
        copied(whole, tmp_path / "copy")
    assert path.relative_to(whole).parts[0] in caught.value.what
    assert "No pointer and no audit log was copied" in caught.value.hint
    assert not [name for name in contents(tmp_path / "copy") if "current" in name or "history" in name]


def test_a_store_is_not_copied_into_itself_nor_from_nowhere(whole: Path, tmp_path: Path) -> None:
    for target in (whole, whole / "copy"):
        with pytest.raises(WdbcError, match="cannot be copied to itself"):
            copied(whole, target)
    with pytest.raises(WdbcError, match="no store was found to copy"):
        copied(tmp_path / "nothing", tmp_path / "copy")


def test_a_record_of_reuse_stays_where_it_is(tmp_path: Path) -> None:
    store = Store(backends.LocalFolder(tmp_path / "store"))
    for content in (b"one", b"two", b"one"):
        put(store, content)
    (record,) = [path for path in contents(tmp_path / "store") if paths.is_reuse(path)]
    copied(tmp_path / "store", tmp_path / "copy", verify=True)
    assert contents(tmp_path / "store").keys() - contents(tmp_path / "copy").keys() == {record}
    assert copied(tmp_path / "store", tmp_path / "copy").files == 0
