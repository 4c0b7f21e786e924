"""Cleaning up: what nothing refers to goes, and nobody who reads or writes is hurt."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import challenger, roots
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import gc, index, paths
from wdbc_assets.store.backends import CannotRead, LocalFolder
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.registry.promotions import challenge, decision, draft, promote, rollback
from wdbc_assets_tests.store.artifacts import put, snapshot

DAYS = 24 * 3600.0
RUN_LIMIT = 3600.0

WRITER = """
import sys
from pathlib import Path
from wdbc_assets.store.store import open_store
store = open_store(sys.argv[1], relative_to=Path("/"))
for number in range(int(sys.argv[2])):
    draft = store.draft("raw_data", f"content {number % 30}".encode(), run_id=f"run-{number}")
    store.commit(draft, run_id=f"run-{number}")
    assert store.handle("raw_data", run_id=f"run-{number}").load() == f"content {number % 30}".encode()
"""


@pytest.fixture(autouse=True)
def _without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def age(folder: Path, seconds: float = 30 * DAYS) -> None:
    """Let everything that lies there have been written so long ago."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - seconds,) * 2)


def survey(store: Store, *, keep: int, run_limit: float, older_than: float = 0.0) -> list[gc.Version]:
    return gc.survey(store, roots.of(store, keep=keep), run_limit=run_limit, older_than=older_than)


def collect(store: Store, *, keep: int, run_limit: float) -> list[gc.Version]:
    return gc.clean(store, roots.of(store, keep=keep), run_limit=run_limit)


def versions(store: Store, **options: float) -> dict[str, str | None]:
    """Why each version is kept, by the bytes that it holds."""
    listed = survey(store, **{"keep": 5, "run_limit": RUN_LIMIT, **options})  # type: ignore[arg-type]
    return {content(store, one): one.kept for one in listed}


def content(store: Store, one: gc.Version) -> str:
    (file,) = index.read(store).versions[one.asset, one.version]
    return store.backend.read(file.path).decode()


def test_what_is_current_stays_and_what_was_replaced_long_ago_goes_with_the_manifests_of_its_runs(
    local: Store, folder: Path
) -> None:
    for number, text in enumerate((b"old", b"new")):
        put(local, text, run_id=f"run-{number}")
    age(folder)
    assert versions(local) == {"old": None, "new": "current"}
    before = snapshot(folder)
    (gone,) = collect(local, keep=5, run_limit=RUN_LIMIT)
    assert (gone.asset, gone.size) == ("raw_data", 3)
    assert gone.age == pytest.approx(30 * DAYS, rel=0.01)
    assert set(before) - set(snapshot(folder)) == {
        f"raw_data/versions/{gone.version}/wdbc.data",
        "runs/run-0/raw_data.json",
    }
    assert local.handle("raw_data").load() == b"new"
    assert collect(local, keep=5, run_limit=RUN_LIMIT) == []


def test_a_folder_that_is_no_version_stops_no_collection(local: Store, folder: Path) -> None:
    for number, text in enumerate((b"old", b"new")):
        put(local, text, run_id=f"run-{number}")
    stray = folder / "raw_data" / "versions" / "backup" / "wdbc.data"
    stray.parent.mkdir()
    stray.write_bytes(b"a copy")
    age(folder)
    assert {one.version for one in collect(local, keep=5, run_limit=RUN_LIMIT)} >= {"backup"}
    assert not stray.exists()
    assert set(versions(local)) == {"new"}


def test_a_survey_removes_nothing(local: Store, folder: Path) -> None:
    put(local, b"old"), put(local, b"new")
    age(folder)
    before = snapshot(folder)
    versions(local)
    assert snapshot(folder) == before


def test_on_an_object_store_it_works_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"memory://{tmp_path.name}", relative_to=tmp_path)
    put(store, b"old", run_id="run-0"), put(store, b"new", run_id="run-1")
    later = time.time() + 30 * DAYS
    monkeypatch.setattr(time, "time", lambda: later)
    assert versions(store) == {"old": None, "new": "current"}
    assert len(collect(store, keep=5, run_limit=RUN_LIMIT)) == 1
    assert store.handle("raw_data").load() == b"new"
    assert versions(store) == {"new": "current"}


def test_what_a_kept_version_was_made_of_stays_back_to_the_raw_bytes(local: Store, folder: Path) -> None:
    put(local, b"raw")
    raw = local.handle("raw_data").manifest.version
    put(local, b"clean", asset="clean_frame", inputs={"raw_data": raw})
    clean = local.handle("clean_frame").manifest.version
    put(local, b"split", asset="train_test_split", inputs={"clean_frame": clean})
    split = local.handle("train_test_split").manifest.version
    bundle = local.draft("champion", b"bundle", run_id="run-9", inputs={"train_test_split": split})
    open_registry(local).promote(bundle, decision(run_id="run-9"), expected=None)
    for asset in ("raw_data", "clean_frame", "train_test_split"):
        put(local, asset.encode(), asset=asset, run_id="run-2")
    age(folder)
    kept = versions(local)
    assert kept["split"] == f"input of champion {bundle.manifest.version[:12]}"
    assert kept["clean"] == f"input of train_test_split {split[:12]}"
    assert kept["raw"] == f"input of clean_frame {clean[:12]}"
    assert collect(local, keep=1, run_limit=RUN_LIMIT) == []


def test_the_last_champions_stay_and_can_be_gone_back_to_and_older_ones_go(local: Store, folder: Path) -> None:
    for text in (b"one", b"two", b"three", b"four"):
        promote(local, text)
    age(folder)
    assert versions(local, keep=2) == {
        "one": None, "two": None, "three": "a champion that a rollback can restore", "four": "current",
    }  # fmt: skip
    collect(local, keep=2, run_limit=RUN_LIMIT)
    registry = open_registry(local)
    rollback(registry)
    assert local.handle("champion").load() == b"three"
    assert registry.standing().problems == ()


def test_a_challenger_on_experiment_stays_and_one_that_was_goes_with_what_was_paired_of_its_fit(
    local: Store, folder: Path
) -> None:
    promote(local, b"champion")
    for text in (b"fit", b"another"):
        put(local, text, asset="fitted_pipeline")
    experiment = challenge(local, b"challenger")
    paired = [
        paths.pairs(one.version) for one in survey(local, keep=5, run_limit=RUN_LIMIT) if one.asset == "fitted_pipeline"
    ]
    for pairs in paired:
        local.backend.replace(f"{pairs}/{'a' * 64}/1.jsonl", b"{}")
    age(folder)
    assert versions(local)["challenger"] == "a challenger in an experiment"
    challenger.stop(local, open_registry(local), decision(run_id=None))
    age(folder)
    gone = {content(local, one): one for one in survey(local, keep=5, run_limit=RUN_LIMIT) if one.kept is None}
    assert set(gone) == {"challenger", "fit"}
    collect(local, keep=5, run_limit=RUN_LIMIT)
    assert not (folder / paths.challenger(experiment.challenger.version)).exists()
    assert [pairs for pairs in paired if not (folder / pairs).exists()] == [paths.pairs(gone["fit"].version)]


@pytest.mark.parametrize(
    ("recent", "reason"),
    [
        (lambda path: "versions" in path.parts and path.read_bytes() == b"old", "a run may be using it"),
        (lambda path: path.parent.name == "run-0", "a run may be using it"),
        (lambda path: path.name == "current.json", "a reader may be using it"),
    ],
    ids=["just written", "stated by a run just now", "replaced just now"],
)
def test_what_a_run_or_a_reader_may_be_at_stays(
    local: Store, folder: Path, recent: Callable[[Path], bool], reason: str
) -> None:
    put(local, b"old", run_id="run-0"), put(local, b"new", run_id="run-1")
    age(folder)
    for path in folder.rglob("*"):
        if path.is_file() and recent(path):
            os.utime(path)
    assert versions(local)["old"] == reason
    assert collect(local, keep=5, run_limit=RUN_LIMIT) == []


def test_what_is_younger_than_asked_stays(local: Store, folder: Path) -> None:
    put(local, b"old"), put(local, b"new")
    age(folder, 3 * DAYS)
    assert versions(local, older_than=4 * DAYS)["old"] == "young"
    assert versions(local, older_than=2 * DAYS)["old"] is None


# Damage to what says what is kept


def _altered(path: Path) -> None:
    content = path.read_bytes()
    old = next(letter for letter in (b"a", b"c", b"d", b"e", b"f") if letter in content)  # a digest may lack some
    path.write_bytes(content.replace(old, b"b", 1))


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE = {"altered": _altered, "emptied": _emptied, "a pipe": _a_pipe}
DECIDING = [
    "raw_data/current.json", "fitted_pipeline/current.json", "champion/current.json", "champion/history.jsonl",
    "champion/history.json", "champion/experiment.json", "champion/promoted/*.json", "champion/challengers/*.json",
    "runs/run-old/fitted_pipeline.json",
]  # fmt: skip


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str | None]]:
    """Four champions, the first of a fit that is not current, an experiment, and one version without a reference.

    The folder, and why each version is kept.
    """
    folder = tmp_path_factory.mktemp("everything") / "store"
    local = open_store(str(folder), relative_to=folder)
    put(local, b"raw")
    raw = local.handle("raw_data").manifest.version
    put(local, b"old fit", asset="fitted_pipeline", run_id="run-old", inputs={"raw_data": raw})
    fit = local.handle("fitted_pipeline").manifest.version
    for text in (b"a", b"b", b"c", b"d"):
        bundle = local.draft("champion", text, run_id="run-9", inputs={"fitted_pipeline": fit})
        registry = open_registry(local)
        registry.promote(bundle, decision(run_id="run-9"), expected=registry.standing().version)
    put(local, b"new raw", run_id="run-2"), put(local, b"new fit", asset="fitted_pipeline", run_id="run-2")
    put(local, b"rest", asset="metrics", run_id="run-3"), put(local, b"metrics", asset="metrics", run_id="run-4")
    challenge(local, b"challenger")
    age(folder)
    kept = versions(local, keep=5)
    assert [text for text, reason in kept.items() if reason is None] == ["rest"]
    return folder, kept


@pytest.fixture
def kept(everything: tuple[Path, dict[str, str | None]], folder: Path) -> dict[str, str | None]:
    """A copy of everything in the folder of the test, and why each version is kept."""
    made, kept = everything
    shutil.copytree(made, folder)
    return kept


@pytest.mark.fault("F12")
@pytest.mark.parametrize("pattern", DECIDING)
@pytest.mark.parametrize("damage", DAMAGE)
def test_where_what_says_what_is_kept_is_damaged_nothing_is_removed(
    local: Store, folder: Path, kept: dict[str, str | None], pattern: str, damage: str
) -> None:
    path = min(folder.glob(pattern))
    content = path.read_bytes()
    DAMAGE[damage](path)
    age(folder)
    before = snapshot(folder)
    if pattern == "champion/experiment.json" and damage == "emptied":  # so a stopped one is; the history says otherwise
        assert set(cleaned(local)) == {"rest"}
    else:
        with pytest.raises(DamagedStore) as caught:
            collect(local, keep=1, run_limit=RUN_LIMIT)
        assert snapshot(folder) == before
        assert path.name in str(caught.value) or "entry 1 was altered" in caught.value.what
    path.unlink()
    path.write_bytes(content)
    age(folder)
    assert {text: reason for text, reason in kept.items() if text in versions(local)} == versions(local)


def cleaned(local: Store, keep: int = 5) -> list[str]:
    """What is removed, by the bytes that it held."""
    texts = {(one.asset, one.version): content(local, one) for one in survey(local, keep=keep, run_limit=RUN_LIMIT)}
    return [texts[one.asset, one.version] for one in collect(local, keep=keep, run_limit=RUN_LIMIT)]


@pytest.mark.usefixtures("kept")
@pytest.mark.fault("F12")
@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("champion/experiment.json", "a challenger in an experiment"),
        ("fitted_pipeline/current.json", "the pointer of fitted_pipeline is missing"),
        ("metrics/current.json", "the pointer of metrics is missing"),
    ],
)
def test_what_a_missing_file_may_have_named_is_kept(local: Store, folder: Path, missing: str, reason: str) -> None:
    (folder / missing).unlink()
    assert reason in versions(local).values()
    assert set(cleaned(local)) <= {"rest"}


@pytest.mark.usefixtures("kept")
@pytest.mark.fault("F12")
@pytest.mark.parametrize("names", [("history.jsonl",), ("history.json",), ("history.jsonl", "history.json")])
def test_without_a_history_nothing_is_removed_until_a_decision_and_then_every_champion_stays(
    local: Store, folder: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        (folder / "champion" / name).unlink()
    with pytest.raises(DamagedStore):
        collect(local, keep=1, run_limit=RUN_LIMIT)
    if len(names) < 2:
        return
    rollback(open_registry(local), str(open_registry(local).standing().version))
    age(folder)
    kept = versions(local, keep=1)
    assert [kept[text] for text in "abc"] == ["a champion that is not in the audit log"] * 3
    assert [text for text, reason in kept.items() if reason is None] == ["rest"]


@pytest.mark.usefixtures("kept")
@pytest.mark.fault("F12")
def test_a_kept_version_of_which_nothing_says_what_it_was_made_of_stops_it(local: Store, folder: Path) -> None:
    (folder / "runs/run-old/fitted_pipeline.json").unlink()
    with pytest.raises(DamagedStore, match="no manifest states the inputs of fitted_pipeline"):
        collect(local, keep=5, run_limit=RUN_LIMIT)
    for path in (folder / "champion/promoted").iterdir():
        path.unlink()
    with pytest.raises(DamagedStore, match="no manifest states the inputs of champion"):
        collect(local, keep=5, run_limit=RUN_LIMIT)


@pytest.mark.usefixtures("kept")
@pytest.mark.fault("F12")
def test_a_sound_manifest_in_the_place_of_another_is_damage(local: Store, folder: Path) -> None:
    first, second, *_ = sorted((folder / "champion/promoted").iterdir())
    first.write_bytes(second.read_bytes())
    with pytest.raises(DamagedStore, match="manifest of a champion is damaged"):
        collect(local, keep=5, run_limit=RUN_LIMIT)


@pytest.mark.usefixtures("kept")
@pytest.mark.fault("F12")
@pytest.mark.parametrize("name", ["champion/promoted", "runs"])
def test_a_link_in_the_place_of_a_folder_is_named_and_neither_followed_nor_passed_over(
    local: Store, folder: Path, tmp_path: Path, name: str
) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedStore, match="found a link instead of a folder"):
        collect(local, keep=1, run_limit=RUN_LIMIT)


@pytest.mark.usefixtures("kept")
@pytest.mark.fault("F12")
def test_a_store_that_cannot_be_listed_to_the_end_is_not_cleaned_up(
    local: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "promoted":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CannotRead, match="Permission denied"):
        collect(local, keep=1, run_limit=RUN_LIMIT)


def test_a_champion_that_goes_takes_its_manifest_along_and_is_no_way_back_any_more(local: Store, folder: Path) -> None:
    first = promote(local, b"one")
    promote(local, b"two"), promote(local, b"three")
    age(folder)
    assert len(collect(local, keep=2, run_limit=RUN_LIMIT)) == 1
    registry = open_registry(local)
    assert registry.promoted(str(first.after)) is None
    assert [way.damage for way in registry.ways_back(registry.standing())] == [None, None]
    with pytest.raises(WdbcError, match="is damaged, or missing"):
        rollback(registry, first.after)


def test_what_a_killed_writer_left_goes(local: Store, folder: Path) -> None:
    put(local, b"new")
    local.write(local.draft("raw_data", b"never pointed to", run_id="run-7"))
    age(folder)
    assert versions(local) == {"never pointed to": None, "new": "current"}


@pytest.mark.parametrize(("before", "removed"), [("raw_data/reused", 1), ("runs/run-2", 0)])
def test_a_writer_between_its_files_and_its_pointer_puts_back_what_is_cleaned_up_under_it(
    folder: Path, local: Store, before: str, removed: int
) -> None:
    """It finds the version lying there, old and unreferenced, and does not write it: then it goes, or has a record."""
    put(local, b"old", run_id="run-0"), put(local, b"new", run_id="run-1")
    age(folder)
    gone: list[gc.Version] = []
    looked: list[str] = []

    class Interrupted(LocalFolder):
        def replace(self, path: str, content: bytes) -> None:
            if path.startswith(before) and not looked:
                looked.append(path)
                gone.extend(collect(open_store(str(folder), relative_to=folder), keep=5, run_limit=RUN_LIMIT))
            super().replace(path, content)

    writer = Store(Interrupted(folder))
    assert put(writer, b"old", run_id="run-2")
    assert looked
    assert len(gone) == removed
    assert local.handle("raw_data").load() == b"old"


@pytest.mark.parametrize(
    ("record", "remains"), [(None, False), (b'{"at": "2020-01-01T00:00:00+00:00"}', False), (b"{", True)]
)
def test_a_version_that_was_made_again_long_ago_goes_with_its_record_and_a_damaged_record_keeps_it(
    folder: Path, local: Store, record: bytes | None, *, remains: bool
) -> None:
    for number, content in enumerate((b"old", b"new", b"old", b"new")):
        put(local, content, run_id=f"run-{number}")
    age(folder)
    path = folder / paths.reused("raw_data", local.draft("raw_data", b"old", run_id="run-5").manifest.version)
    assert path.exists()
    assert collect(local, keep=5, run_limit=RUN_LIMIT) == []  # of either, the record is from now
    for each in path.parent.iterdir():
        each.unlink() if record is None else each.write_bytes(record)
    assert bool(collect(local, keep=5, run_limit=RUN_LIMIT)) is not remains
    assert ("old" in versions(local), path.exists()) == (remains, remains)


def test_a_promotion_between_its_files_and_its_pointer_is_not_hurt_either(folder: Path, local: Store) -> None:
    promote(local, b"one"), promote(local, b"two"), promote(local, b"three")
    age(folder)
    registry, expected = open_registry(local), open_registry(local).standing().version
    candidate = draft(local, b"one")
    local.write(candidate)
    assert {one.version for one in collect(local, keep=1, run_limit=RUN_LIMIT)} > {candidate.manifest.version}
    registry.promote(candidate, decision(), expected=expected)
    assert local.handle("champion").load() == b"one"
    assert registry.standing().problems == ()


@pytest.mark.slow
def test_cleaning_up_again_and_again_beside_a_real_writer_hurts_it_not_and_shows_a_reader_nothing_torn(
    folder: Path, local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With hardly any time to spare for runs, so that the lock alone is what protects the writer.

    Readers have none here: what they are about to read may go, and then is missing; what they get is whole.
    """
    monkeypatch.setattr(gc, "READ_SECONDS", 0.0)
    put(local, b"content 0", run_id="run-first")
    torn: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                assert local.handle("raw_data").load().startswith(b"content ")
            except (WdbcError, AssertionError) as error:
                if not (isinstance(error, DamagedStore) and error.what.endswith("is missing")):
                    torn.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    removed = 0
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), "300"],
        cwd=settings.project_root(),
        stderr=subprocess.PIPE,
        text=True,
    ) as writer:
        while writer.poll() is None:
            removed += len(collect(local, keep=1, run_limit=0.01))
        assert writer.stderr is not None
        assert writer.returncode == 0, writer.stderr.read()
    stop.set()
    reader.join()
    assert torn == []
    assert removed > 10
    assert local.handle("raw_data").load() == b"content 29"
