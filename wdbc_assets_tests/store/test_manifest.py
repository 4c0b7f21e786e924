"""What a store trusts: manifests that are whole, of a release it knows, and name nothing outside of it."""

import hashlib
import json
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.manifest import DamagedStore, UnsupportedFormat
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.store.artifacts import put, snapshot, version_file


@pytest.mark.fault("F08")
@pytest.mark.parametrize(
    ("number", "release", "hint"),
    [
        (1, "an older release", "Move the store's folder aside, then run `wdbc run`"),
        (3, "a newer release", "Upgrade wdbc_assets"),
    ],
)
def test_a_store_of_another_format_is_rejected_and_left_unchanged(
    local: Store, folder: Path, number: int, release: str, hint: str
) -> None:
    put(local, b"content")
    (folder / "store.json").write_text(json.dumps({"format": number}))
    before = snapshot(folder)
    other = open_store(str(folder), relative_to=folder)
    for attempt in (lambda: other.current("raw_data"), lambda: put(other, b"other")):
        with pytest.raises(UnsupportedFormat, match=rf"{release}: its format is {number}.* format 2") as rejected:
            attempt()
        assert rejected.value.hint.startswith(hint)
        assert rejected.value.where == str(folder / "store.json")
    assert snapshot(folder) == before


def rewrite(pointer: Path, changes: dict[str, object], *, without: str = "") -> None:
    """Alter a manifest as another release would: with a digest that fits."""
    plain = json.loads(pointer.read_bytes()) | changes
    del plain["digest"]
    plain.pop(without, None)
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    plain["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    pointer.write_text(json.dumps(plain))


@pytest.mark.fault("F08")
@pytest.mark.parametrize("changes", [{"colour": "blue"}, {"format": 99}, {"format": 1}])
def test_a_manifest_of_another_release_is_rejected(local: Store, folder: Path, changes: dict[str, object]) -> None:
    put(local, b"content")
    rewrite(folder / "raw_data/current.json", changes)
    with pytest.raises(UnsupportedFormat):
        local.current("raw_data")


@pytest.mark.fault("F02")
@pytest.mark.parametrize(
    ("without", "changes"),
    [
        ("version", {}),
        ("", {"files": 3}),
        ("", {"files": {"a.csv": {}}}),
        ("", {"format": None}),
        ("", {"format": [[]]}),
    ],
)
def test_a_manifest_that_lacks_what_it_must_state_is_damaged(
    local: Store, folder: Path, without: str, changes: dict[str, object]
) -> None:
    put(local, b"content")
    rewrite(folder / "raw_data/current.json", changes, without=without)
    with pytest.raises(DamagedStore, match="pointer is damaged"):
        local.current("raw_data")


@pytest.mark.fault("F02")
def test_a_version_under_a_name_that_is_not_its_digest_is_damaged(local: Store, folder: Path) -> None:
    put(local, b"content")
    file = version_file(folder, local)
    file.parent.rename(file.parent.with_name("0" * 64))
    rewrite(folder / "raw_data/current.json", {"version": "0" * 64})
    with pytest.raises(DamagedStore, match="digest in its name"):
        local.handle("raw_data").load()


@pytest.mark.fault("F09")
@pytest.mark.parametrize(
    "changes",
    [
        {"version": "../" * 5 + "etc"},
        {"version": "A" * 64},
        {"files": {"../../../secret.csv": {"size": 1, "sha256": "0" * 64}}},
        {"files": {".hidden.csv": {"size": 1, "sha256": "0" * 64}}},
    ],
)
def test_a_manifest_cannot_point_out_of_its_version(local: Store, folder: Path, changes: dict[str, object]) -> None:
    put(local, b"content")
    rewrite(folder / "raw_data/current.json", changes)
    with pytest.raises(DamagedStore, match="pointer is damaged"):
        local.handle("raw_data").load()


@pytest.mark.fault("F09")
@pytest.mark.parametrize("run_id", ["..", "../x", "", "a/b", "run\n"])
def test_a_run_cannot_write_outside_its_folder(store: Store, run_id: str) -> None:
    with pytest.raises(WdbcError, match="invalid name in the store"):
        put(store, b"content", run_id=run_id)
    with pytest.raises(WdbcError, match="invalid name in the store"):
        store.made_by(run_id, "raw_data")


@pytest.mark.fault("F09")
@pytest.mark.parametrize(
    "name",
    ["..", "../x", "/etc", "a/b", "a\0b", "", "A", "a" * 65, "raw_data\n", "r\u0430w_data", "\uff52aw", ".hidden"],
)
def test_a_name_that_could_leave_the_store_is_refused(store: Store, name: str) -> None:
    with pytest.raises(WdbcError, match="invalid name in the store"):
        put(store, b"content", asset=name)
    with pytest.raises(WdbcError, match="invalid name in the store"):
        store.current(name)
