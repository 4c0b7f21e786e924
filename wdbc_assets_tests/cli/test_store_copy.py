"""`wdbc store copy` as people type it."""

from pathlib import Path

import pytest

from wdbc_assets.store import paths
from wdbc_assets.store.backends import LocalFolder
from wdbc_assets.store.store import Store
from wdbc_assets_tests.commands import document, typed
from wdbc_assets_tests.registry.promotions import promote
from wdbc_assets_tests.store.artifacts import put


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A store with a champion, and a checkpoint."""
    store = Store(LocalFolder(tmp_path / "whole"))
    put(store, b"content")
    promote(store, b"a")
    store.checkpoints("cv_report", "inputs").put("fold-1", [1.0])
    return tmp_path / "whole"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def altered(path: Path) -> None:
    """Change one bit of a file."""
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def test_a_copy_says_what_it_did_and_where_to_go_on(whole: Path, tmp_path: Path) -> None:
    said = typed("store", "copy", "whole", "copy").stdout
    number = len(contents(whole))
    assert f"copied {number} files" in said
    assert "0 were there already; all were verified while they were read" in said
    assert f"set WDBC_STORAGE={tmp_path / 'copy'}" in said
    again = typed("store", "copy", "whole", "copy", "--verify").stdout
    assert f"copied 0 files, 0 B; {number} were there already; all were read again and verified" in again
    assert contents(tmp_path / "copy") == contents(whole)


def test_a_copy_as_json(whole: Path, tmp_path: Path) -> None:
    before = contents(whole)
    assert document("store", "copy", "whole", "copy", "--verify") == {
        "from": str(whole),
        "to": str(tmp_path / "copy"),
        "files": len(before),
        "bytes": sum(map(len, before.values())),
        "present": 0,
        "verified": True,
    }


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("nowhere", "copy", "no store was found to copy"),
        ("whole", "whole/copy", "cannot be copied to itself"),
        ("s3://", "copy", "the store's address cannot be used"),
        ("whole", "ftp://host/folder", "FTP"),
    ],
)
def test_a_wrong_address_is_an_error_and_writes_nothing(tmp_path: Path, source: str, target: str, said: str) -> None:
    result = typed("store", "copy", source, target, code=1)
    assert said.lower() in str(result.exception or result.output).lower()
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "whole" / "copy").exists()


def test_another_store_at_the_target_stays_as_it_is(whole: Path, tmp_path: Path) -> None:
    promote(Store(LocalFolder(tmp_path / "other")), b"theirs")
    before = contents(tmp_path / "other")
    result = typed("store", "copy", str(whole), "other", code=1)
    assert "the target already has other content" in str(result.exception)
    assert contents(tmp_path / "other") == before


@pytest.mark.fault("F05")
@pytest.mark.parametrize("name", [paths.HISTORY, paths.HISTORY_HEAD])
def test_a_bit_that_changed_in_the_audit_log_is_found(whole: Path, tmp_path: Path, name: str) -> None:
    altered(whole / name)
    result = typed("store", "copy", "whole", "copy", code=1)
    assert "the store to copy is damaged: audit log: " in str(result.exception)
    assert not [name for name in contents(tmp_path / "copy") if "current" in name or "history" in name]


@pytest.mark.fault("F05")
def test_a_damaged_checkpoint_is_copied_and_computed_again(whole: Path, tmp_path: Path) -> None:
    altered(next(whole.glob("*/parts/*/*.json")))
    typed("store", "copy", "whole", "copy", "--verify")
    assert Store(LocalFolder(tmp_path / "copy")).checkpoints("cv_report", "inputs").get("fold-1") is None
