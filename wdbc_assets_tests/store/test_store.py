"""The store: versions named by content, pointers moved whole, damage found, names refused."""

import errno
import fcntl
import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import backends
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import NeverMade, Store, open_store
from wdbc_assets_tests.store.artifacts import put, snapshot, version_file


def test_what_was_stored_comes_back(store: Store) -> None:
    put(store, b"1,M\n2,B\n")
    assert store.handle("raw_data").load() == b"1,M\n2,B\n"


def test_a_version_is_named_as_sha256sum_names_it(local: Store, folder: Path) -> None:
    put(local, b"content")
    path = version_file(folder, local)
    printed = subprocess.run(
        "sha256sum * | sha256sum", shell=True, cwd=path.parent, capture_output=True, text=True, check=True
    ).stdout
    assert printed.split()[0] == path.parent.name


def test_the_same_content_is_the_same_version_and_the_pointer_stays(local: Store, folder: Path) -> None:
    put(local, b"content", run_id="run-1")
    before = (folder / "raw_data/current.json").read_bytes()
    put(local, b"content", run_id="run-2")
    assert (folder / "raw_data/current.json").read_bytes() == before
    assert len(list((folder / "raw_data/versions").iterdir())) == 1


def test_a_new_version_leaves_the_earlier_one_where_it_was(local: Store, folder: Path) -> None:
    put(local, b"first")
    first = version_file(folder, local)
    put(local, b"second")
    assert first.read_bytes() == b"first"
    assert local.handle("raw_data").load() == b"second"


def test_an_asset_that_was_never_made_says_what_to_do(store: Store) -> None:
    assert store.current("raw_data") is None
    with pytest.raises(NeverMade, match="Materialize raw_data first"):
        store.handle("raw_data")


def test_a_run_reads_what_it_made_itself_though_another_run_moved_the_pointer(store: Store) -> None:
    put(store, b"mine", run_id="run-1")
    put(store, b"theirs", run_id="run-2")
    assert store.handle("raw_data", run_id="run-1").load() == b"mine"
    assert store.handle("raw_data", run_id="run-3").load() == b"theirs"


@pytest.mark.fault("O04")
def test_what_was_made_of_superseded_inputs_does_not_become_current(store: Store) -> None:
    put(store, b"old", run_id="run-1")
    old = store.handle("raw_data").manifest.version
    put(store, b"new", run_id="run-2")
    new = store.handle("raw_data").manifest.version
    assert put(store, b"of new", asset="clean_frame", run_id="run-2", inputs={"raw_data": new})
    assert not put(store, b"of old", asset="clean_frame", run_id="run-1", inputs={"raw_data": old})
    assert store.handle("clean_frame").load() == b"of new"
    assert store.handle("clean_frame", run_id="run-1").load() == b"of old"


@pytest.mark.fault("F05")
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b"content!"), "was altered: its digest does not match the manifest"),
        (lambda path: path.write_bytes(b"con"), "was altered: its digest does not match the manifest"),
        (lambda path: path.unlink(), "is missing"),
    ],
    ids=["changed", "cut", "deleted"],
)
def test_a_damaged_file_is_named_never_used_and_made_whole_again(
    local: Store, folder: Path, damage: object, message: str
) -> None:
    put(local, b"content")
    path = version_file(folder, local)
    damage(path)  # type: ignore[operator]
    with pytest.raises(DamagedStore, match=message) as caught:
        local.handle("raw_data").load()
    assert caught.value.where == str(path)
    assert local.damage(local.handle("raw_data").manifest) is not None
    put(local, b"content", run_id="run-2")
    assert local.handle("raw_data").load() == b"content"


@pytest.mark.fault("F13")
@pytest.mark.parametrize(
    ("asset", "value", "said"),
    [
        ("metrics", {"rows": 114}, "Metrics lacks the field benign"),
        ("metrics", [], "Metrics is not a JSON object"),
        ("importance", {"recipe": 1}, "Importance lacks the field winner"),
        ("exploration", {"patients": 569}, "Exploration has 1 unknown fields"),
    ],
)
def test_a_result_of_another_shape_is_damaged_though_its_digest_fits(
    store: Store, asset: str, value: object, said: str
) -> None:
    store.commit(store.draft(asset, value, run_id="run-1"), run_id="run-1")
    with pytest.raises(DamagedStore, match=f"stored file of {asset} cannot be decoded.*{said}") as refused:
        store.handle(asset).load()
    assert asset in refused.value.where
    assert "Run `wdbc run`" in refused.value.hint


@pytest.mark.fault("F06")
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: b"not json",
        lambda content: b"[]",
        lambda content: content.replace(b'"rows": null', b'"rows": 2'),
    ],
    ids=["empty", "cut", "no JSON", "other JSON", "one figure altered"],
)
def test_a_damaged_pointer_is_named_and_the_way_back_shown(local: Store, folder: Path, damage: object) -> None:
    put(local, b"content")
    pointer = folder / "raw_data/current.json"
    pointer.write_bytes(damage(pointer.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DamagedStore) as caught:
        local.current("raw_data")
    assert caught.value.where == str(pointer)
    assert "the asset's newest manifest" in caught.value.hint
    pointer.write_bytes((folder / "runs/run-1/raw_data.json").read_bytes())  # the way back, as the hint says
    assert local.handle("raw_data").load() == b"content"


@pytest.mark.fault("F06")
def test_a_run_replaces_a_damaged_pointer(local: Store, folder: Path) -> None:
    put(local, b"content")
    (folder / "raw_data/current.json").write_bytes(b"rubbish")
    put(local, b"content", run_id="run-2")
    assert local.handle("raw_data").load() == b"content"


def test_a_version_is_written_once(local: Store, folder: Path) -> None:
    put(local, b"content")
    before = version_file(folder, local).stat().st_ino
    put(local, b"content", run_id="run-2")
    assert version_file(folder, local).stat().st_ino == before


@pytest.mark.fault("F03")
def test_what_was_made_of_an_input_that_is_not_in_the_store_does_not_become_current(store: Store) -> None:
    assert not put(store, b"content", asset="clean_frame", inputs={"raw_data": "0" * 64})
    assert store.current("clean_frame") is None


@pytest.mark.fault("F04")
def test_a_disk_that_fills_up_changes_nothing(local: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(local, b"good")
    before = snapshot(folder)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(backends.CannotWrite, match="No space left") as caught:
        put(local, b"other", run_id="run-2")
    assert "Free some space" in caught.value.hint
    assert snapshot(folder) == before


@pytest.mark.fault("F04")
def test_a_place_that_cannot_be_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = open_store(str(tmp_path / "file"), relative_to=tmp_path)
    with pytest.raises(backends.CannotWrite, match=r"Not a directory|File exists") as caught:
        put(store, b"content")
    assert str(tmp_path / "file") in caught.value.where


@pytest.mark.fault("F07")
def test_leftovers_of_dead_writers_go_and_those_of_the_living_stay(local: Store, folder: Path) -> None:
    put(local, b"first")
    leftover, living, link = (folder / "raw_data" / f".tmp-{name}" for name in ("dead", "living", "link"))
    for path in (leftover, living):
        path.write_bytes(b"half")
    link.symlink_to(folder / "raw_data/current.json")
    with living.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as its writer does, on whatever machine and in whatever container it is
        put(local, b"second")
        assert [path.exists() for path in (leftover, living)] == [False, True]
    put(local, b"third")
    assert not living.exists()
    assert local.handle("raw_data").load() == b"third"


@pytest.mark.fault("F07")
def test_where_nothing_can_be_locked_leftovers_go_by_their_age(
    local: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(local, b"first")
    young, old = (folder / "raw_data" / f".tmp-{name}" for name in ("young", "old"))
    for path in (young, old):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 3 * 24 * 3600,) * 2)

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    local.backend.replace("raw_data/refused.json", b"{}")
    assert [path.exists() for path in (young, old)] == [True, False]


# Writers are forked, for two hundred interpreters would take longer to start than to be killed.
ATTACK = textwrap.dedent("""
    import json, os, random, signal, sys, time
    from pathlib import Path
    from wdbc_assets.store.store import open_store

    WRITERS, AT_ONCE = 200, 4
    store = open_store(sys.argv[1], relative_to=Path("/"))
    store.draft("raw_data", b"1", run_id="imports-all-that-a-writer-needs")
    instants = random.Random(569)

    def write(name):
        number = 0
        while True:
            number += 1
            content = f"{name}:{number}:".encode() * 20_000
            store.commit(store.draft("raw_data", content, run_id=f"run-{name}-{number}"), run_id=f"run-{name}")

    def read(until):
        reads = 0
        while not until.exists():
            parts = store.handle("raw_data").load().split(b":")
            assert parts[0] == b"first" or len(set(parts[:-1:2])) == len(set(parts[1::2])) == 1, "a torn read"
            reads += 1
        os.write(1, f"{reads}\\n".encode())  # at once, for the other reader may end at the same instant

    def forked(work, argument):
        child = os.fork()
        if child:
            return child
        try:
            work(argument)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)

    over = Path(sys.argv[2])
    readers = [forked(read, over) for _ in range(2)]
    for first in range(0, WRITERS, AT_ONCE):
        writers = [forked(write, f"{first + place}") for place in range(AT_ONCE)]
        for writer in writers:
            time.sleep(instants.uniform(0, 0.03))
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
    over.touch()
    sys.exit(any(os.waitpid(reader, 0)[1] for reader in readers))
""")


@pytest.mark.slow
@pytest.mark.fault("F01")
@pytest.mark.fault("F02")
@pytest.mark.fault("F03")
def test_two_hundred_writers_killed_at_any_instant_leave_one_whole_version_for_every_reader(
    local: Store, folder: Path, tmp_path: Path
) -> None:
    put(local, b"first:")
    attack = subprocess.run(
        [sys.executable, "-c", ATTACK, str(folder), str(tmp_path / "over")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert attack.returncode == 0, attack.stdout + attack.stderr
    reads = [int(line) for line in attack.stdout.split()]
    assert len(reads) == 2
    assert sum(reads) > 1000
    assert local.handle("raw_data").load() != b"first:"
    put(local, b"last")
    assert local.handle("raw_data").load() == b"last"
    assert [path for path in (folder / "raw_data").iterdir() if path.name.startswith(".tmp")] == []


def test_two_threads_that_write_at_once_leave_a_pointer_to_one_of_them(store: Store) -> None:
    contents = [f"content {number}".encode() for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: put(store, content), contents))
    assert store.handle("raw_data").load() in contents


def test_a_refusal_is_remembered_until_something_succeeds(store: Store) -> None:
    assert store.refusal("raw_data") is None
    store.note_refusal("raw_data", run_id="run-1", reasons=["no table"])
    refusal = store.refusal("raw_data")
    assert refusal is not None
    assert refusal.reasons == ["no table"]
    put(store, b"good")
    assert store.refusal("raw_data") is None
    store.note_refusal("raw_data", run_id="run-2", reasons=["no table"])
    store.keep(store.handle("raw_data").manifest, run_id="run-3")
    assert store.refusal("raw_data") is None


def test_an_address_of_an_unknown_kind_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WdbcError, match="address cannot be used") as caught:
        open_store("nonsense://bucket", relative_to=tmp_path)
    assert caught.value.where == "WDBC_STORAGE"
