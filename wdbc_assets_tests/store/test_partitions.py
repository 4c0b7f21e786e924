"""A pointer for each partition of an asset; without a partition nothing is stored in another place than before."""

import time
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import gc, paths
from wdbc_assets.store.index import StoreIndex
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import NeverMade, Store
from wdbc_assets_tests.store.artifacts import put

DAYS = 24 * 3600.0


def test_each_partition_has_a_current_version_of_its_own(store: Store) -> None:
    put(store, b"monday", partition="2026-11-23")
    put(store, b"tuesday", partition="2026-11-24", run_id="run-2")
    assert store.handle("raw_data", partition="2026-11-23").load() == b"monday"
    assert store.handle("raw_data", partition="2026-11-24").load() == b"tuesday"
    put(store, b"monday again", partition="2026-11-23", run_id="run-3")
    assert store.handle("raw_data", partition="2026-11-23").load() == b"monday again"
    assert store.handle("raw_data", partition="2026-11-23", run_id="run-1").load() == b"monday"
    assert store.handle("raw_data", partition="2026-11-24").load() == b"tuesday"
    with pytest.raises(NeverMade, match="for the partition 2026-11-25"):
        store.handle("raw_data", partition="2026-11-25")
    with pytest.raises(NeverMade):
        store.handle("raw_data")


def test_a_partition_is_made_of_the_same_partition_of_its_input_or_of_an_input_without_any(store: Store) -> None:
    put(store, b"all", asset="clean_frame")
    for day in ("monday", "tuesday"):
        put(store, day.encode(), partition=day, run_id=f"run-{day}")
    frame = store.handle("clean_frame").manifest.version
    monday, tuesday = (store.handle("raw_data", partition=day).manifest.version for day in ("monday", "tuesday"))
    made = {"asset": "metrics", "partition": "monday"}
    assert put(store, b"1", inputs={"clean_frame": frame, "raw_data": monday}, **made)
    assert not put(store, b"2", inputs={"clean_frame": frame, "raw_data": tuesday}, **made)
    assert store.handle("metrics", partition="monday").load() == b"1"


def test_the_pointer_of_a_partition_is_below_its_name_and_names_it(local: Store, folder: Path) -> None:
    put(local, b"monday", partition="monday")
    pointer = folder / "raw_data/partitions/monday/current.json"
    assert b'"partition": "monday"' in pointer.read_bytes()
    assert (folder / "runs/run-1/raw_data/monday.json").exists()
    other = folder / "raw_data/partitions/tuesday/current.json"
    other.parent.mkdir()
    other.write_bytes(pointer.read_bytes())
    with pytest.raises(DamagedStore, match="pointer is damaged"):
        local.current("raw_data", "tuesday")
    put(local, b"1", asset="metrics")
    assert b"partition" not in (folder / "metrics/current.json").read_bytes()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a" * 129, "a\n"])
def test_a_name_that_could_leave_the_folder_is_no_partition(store: Store, name: str) -> None:
    with pytest.raises(WdbcError, match="invalid name"):
        store.current("raw_data", name)
    with pytest.raises(WdbcError, match="invalid name"):
        put(store, b"1", partition=name)


def nothing_else(found: StoreIndex, *, locked: bool) -> gc.Roots:
    return gc.Roots()


def test_garbage_collection_keeps_the_current_version_of_each_partition(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (day, content) in enumerate([("monday", b"1"), ("monday", b"2"), ("tuesday", b"3"), ("sunday", b"4")]):
        put(store, content, partition=day, run_id=f"run-{number}")
    store.backend.remove(paths.pointer("raw_data", "sunday"))
    later = time.time() + 30 * DAYS
    monkeypatch.setattr(time, "time", lambda: later)
    (gone,) = gc.clean(store, nothing_else, run_limit=3600.0)
    assert gone.version == store.draft("raw_data", b"1", run_id="run-1").manifest.version
    assert store.handle("raw_data", partition="monday").load() == b"2"
    assert store.handle("raw_data", partition="tuesday").load() == b"3"
    kept = {one.kept for one in gc.survey(store, nothing_else, run_limit=3600.0)}
    assert kept == {"current", "the pointer of raw_data is missing"}


def test_garbage_collection_removes_nothing_if_the_roots_are_unknown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, b"1"), put(store, b"2", run_id="run-2")
    later = time.time() + 30 * DAYS
    monkeypatch.setattr(time, "time", lambda: later)

    def unknown(found: StoreIndex, *, locked: bool) -> gc.Roots:
        return gc.Roots(problems=("the list of roots is damaged",))

    with pytest.raises(DamagedStore, match="the list of roots is damaged"):
        gc.clean(store, unknown, run_limit=3600.0)

    def roots(found: StoreIndex, *, locked: bool) -> gc.Roots:
        return gc.Roots(dict.fromkeys(found.versions, "a root"))

    assert {one.kept for one in gc.survey(store, roots, run_limit=3600.0)} == {"a root", "current"}
    assert gc.clean(store, roots, run_limit=3600.0) == []


def test_the_partitions_of_an_asset_are_listed_in_order_whatever_else_lies_there(local: Store, folder: Path) -> None:
    assert local.partitions("raw_data") == []
    for day in ("2026-11-25", "2026-11-24"):
        put(local, day.encode(), partition=day)
    put(local, b"1", asset="metrics", partition="2026-11-26")
    (folder / "raw_data" / "partitions" / "empty").mkdir()
    (folder / "raw_data" / "partitions" / "2026-11-25" / "notes.txt").write_text("")
    assert local.partitions("raw_data") == ["2026-11-24", "2026-11-25"]


def test_damage_of_a_partition_says_what_to_materialize_again(local: Store, folder: Path) -> None:
    put(local, b"monday", partition="monday")
    handle = local.handle("raw_data", partition="monday")
    (file,) = Path(local.folder(handle.manifest)).iterdir()
    file.write_bytes(b"other")
    with pytest.raises(DamagedStore, match="was altered") as damaged:
        handle.load()
    assert "Materialize raw_data again for monday" in damaged.value.hint
