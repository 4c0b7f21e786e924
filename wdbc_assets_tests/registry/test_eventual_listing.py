"""A listing that is behind: it omits what was just written, or still shows what was removed. Neither harms anything.

Amazon, Google and Azure list what is there. Other servers with the API of S3 may not, for some seconds or minutes.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from wdbc_assets.cli import wdbc
from wdbc_assets.registry import roots
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import copying, gc, index, removals
from wdbc_assets.store.backends import Listed, LocalFolder
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.removals import Removal, Removed
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.registry.promotions import challenge, decision, promote, rollback
from wdbc_assets_tests.store.artifacts import put, snapshot

DAYS = 24 * 3600.0
RUN_LIMIT = 3600.0
OMITTED = "2026-11-24"

Behind = Callable[[Callable[[list[Listed]], list[Listed]]], None]


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> Behind:
    """A function with which listings are altered from now on."""
    listed = LocalFolder.listed

    def behind(altered: Callable[[list[Listed]], list[Listed]]) -> None:
        def stale(backend: LocalFolder, below: str = "") -> list[Listed]:
            prefix = f"{below}/" if below else ""
            return [file for file in altered(listed(backend)) if file.path.startswith(prefix)]

        monkeypatch.setattr(LocalFolder, "listed", stale)

    return behind


@pytest.fixture(autouse=True)
def _without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def age(folder: Path) -> None:
    """Let everything that lies there have been written long ago."""
    for record in folder.glob("*/reused/*.json"):
        record.write_text('{"at": "2020-01-01T00:00:00+00:00"}')
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 30 * DAYS,) * 2)


def collect(store: Store) -> set[str]:
    """Clean up, and return the versions that were removed."""
    return {one.version for one in gc.clean(store, roots.of(store, keep=1), run_limit=RUN_LIMIT)}


def current(store: Store, asset: str) -> str:
    return store.handle(asset).manifest.version


@pytest.mark.fault("F11")
def test_what_a_listing_omits_is_kept_whichever_file_it_is(local: Store, folder: Path, listing: Behind) -> None:
    put(local, b"raw of the champion", run_id="run-1")
    inputs = {"raw_data": current(local, "raw_data")}
    put(local, b"clean", asset="clean_frame", run_id="run-1", inputs=inputs)
    bundle = local.draft("champion", b"bundle", run_id="run-1", inputs={"clean_frame": current(local, "clean_frame")})
    open_registry(local).promote(bundle, decision(), expected=None)
    for day in ("monday", "tuesday"):
        put(local, day.encode(), asset="incoming_batch", run_id=f"run-{day}", partition=day)
    put(local, b"newer raw", run_id="run-2")
    age(folder)
    before = snapshot(folder)
    omitted = ""
    listing(lambda files: [file for file in files if file.path != omitted])
    for path in before:
        omitted = path
        with contextlib.suppress(DamagedStore):
            assert collect(local) == set(), omitted
        assert snapshot(folder) == before, omitted


@pytest.mark.fault("F11")
def test_a_version_whose_pointer_moved_since_the_listing_stays_for_its_readers(
    local: Store, folder: Path, listing: Behind
) -> None:
    put(local, b"old", run_id="run-1")
    old = current(local, "raw_data")
    age(folder)
    earlier = local.backend.listed()
    put(local, b"new", run_id="run-2")
    listing(lambda _: earlier)
    (one,) = gc.survey(local, roots.of(local, keep=1), run_limit=RUN_LIMIT)
    assert (one.version, one.kept) == (old, "a reader may be using it")
    assert collect(local) == set()
    assert local.handle("raw_data").load() == b"new"


@pytest.mark.fault("F11")
def test_a_promotion_that_a_listing_does_not_show_can_be_undone(local: Store, folder: Path, listing: Behind) -> None:
    promote(local, b"one")
    age(folder)
    earlier = local.backend.listed()
    promote(local, b"two")
    listing(lambda _: earlier)
    assert collect(local) == set()
    rollback(open_registry(local))
    assert local.handle("champion").load() == b"one"
    assert open_registry(local).standing().problems == ()


@pytest.mark.fault("F11")
def test_content_that_another_partition_has_again_is_kept_before_its_pointer_is_listed(
    local: Store, folder: Path, listing: Behind
) -> None:
    put(local, b"patients", asset="incoming_batch", run_id="run-1", partition="monday")
    removals.remove(local.backend, "incoming_batch", "monday", Removal("2026-11-27T00:00:00+00:00", "too old"))
    age(folder)
    earlier = local.backend.listed()
    put(local, b"patients", asset="incoming_batch", run_id="run-2", partition="tuesday")
    listing(lambda _: earlier)
    assert collect(local) == set()
    assert local.handle("incoming_batch", partition="tuesday").load() == b"patients"


@pytest.mark.fault("F11")
def test_an_input_of_what_is_not_listed_stays_when_its_asset_returns_to_earlier_content(
    local: Store, folder: Path, listing: Behind
) -> None:
    for number, content in enumerate((b"one", b"two", b"one")):
        put(local, content, run_id=f"run-{number}")
    raw = local.handle("raw_data").manifest
    inputs = {"raw_data": raw.version}
    age(folder)
    earlier = local.backend.listed()
    put(local, b"clean", asset="clean_frame", run_id="run-3", inputs=inputs)
    put(local, b"two", run_id="run-4")
    listing(lambda _: earlier)
    assert collect(local) == set()
    assert local.handle("clean_frame").manifest.inputs == inputs
    assert local.value(raw) == b"one"


@pytest.mark.fault("F11")
@pytest.mark.parametrize("kind", ["champion", "challenger"])
def test_what_a_champion_or_challenger_that_is_not_listed_was_made_of_stays(
    local: Store, folder: Path, listing: Behind, kind: str
) -> None:
    put(local, b"fit", asset="fitted_pipeline", run_id="run-1")
    fit = local.handle("fitted_pipeline").manifest
    inputs = {"fitted_pipeline": fit.version}
    put(local, b"newer fit", asset="fitted_pipeline", run_id="run-2")
    if kind == "challenger":
        promote(local, b"champion")
    age(folder)
    earlier = local.backend.listed()
    if kind == "challenger":
        challenge(local, b"challenger", fit=fit.version)
    else:
        made = local.draft("champion", b"champion", run_id="run-3", inputs=inputs)
        open_registry(local).promote(made, decision(), expected=None)
    listing(lambda _: earlier)
    assert collect(local) == set()
    assert local.value(fit) == b"fit"


@pytest.mark.fault("F11")
def test_what_was_removed_and_is_still_listed_is_not_there(local: Store, folder: Path, listing: Behind) -> None:
    for number in range(2):
        put(local, str(number).encode(), run_id=f"run-{number}")
    age(folder)
    earlier = local.backend.listed()
    (gone,) = collect(local)
    listing(lambda _: earlier)
    assert collect(local) == {gone}  # removed once more, which is nothing
    assert local.handle("raw_data").load() == b"1"
    assert index.read(local).newest("raw_data", lambda _: True) == local.current("raw_data")
    target = open_store(str(folder.with_name("copy")), relative_to=folder)
    with pytest.raises(DamagedStore, match="is missing"):
        copying.copy(local.backend, target.backend)
    assert target.current("raw_data") is None


@pytest.mark.fault("F11")
@pytest.mark.parametrize("case", ["still shown", "omitted"])
def test_status_and_verify_say_the_same_of_what_is_current(environment: Path, listing: Behind, case: str) -> None:
    store = open_store(str(environment / "results"), relative_to=environment)
    promote(store, b"champion")
    for number, day in enumerate(("2026-11-23", "2026-11-24")):
        put(store, b"x", asset="incoming_batch", run_id=f"run-{number}", partition=day)
    earlier = store.backend.listed()
    removals.remove(store.backend, "incoming_batch", "2026-11-23", Removal("2026-11-27T00:00:00+00:00", "too old"))
    truth = {command: CliRunner().invoke(wdbc, [command]) for command in ("status", "verify")}

    def altered(files: list[Listed]) -> list[Listed]:
        return earlier if case == "still shown" else [file for file in files if OMITTED not in file.path]

    listing(altered)
    for command, expected in truth.items():
        done = CliRunner().invoke(wdbc, [command])
        assert (done.exit_code, type(done.exception)) == (expected.exit_code, type(expected.exception)), done.output
        lines = done.output.splitlines()
        assert [line for line in expected.output.splitlines() if "champion" in line] == [
            line for line in lines if "champion" in line
        ]
    with pytest.raises(Removed):
        store.handle("incoming_batch", partition="2026-11-23")
