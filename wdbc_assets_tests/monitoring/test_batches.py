"""No store is begun in the place of one that was moved or emptied: nothing is taken up, and alerts say so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batches, service_windows
from wdbc_assets.monitoring import inbox as inboxes
from wdbc_assets.monitoring.alerts import detectors
from wdbc_assets.monitoring.inbox import open_inbox
from wdbc_assets.store import paths
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import monitored

KEY = "20260301T000000Z-0123456789ab"


@pytest.fixture
def folder(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WDBC_INBOX", str(environment / "inbox"))
    return environment / "results"


def opened(folder: Path) -> Store:
    return open_store(str(folder), relative_to=folder)


def took_up(key: str) -> None:
    taken = open_inbox(settings.load()).folder / "taken"
    taken.mkdir(parents=True, exist_ok=True)
    (taken / f"{key}_patients.csv").write_bytes(b"x")


def found(folder: Path) -> list[str]:
    return [
        f"{one.cause} {one.subject}"
        for one in detectors.detect(detectors.Watched(opened(folder), settings.load()), None)
    ]


def test_a_new_store_and_one_without_a_champion_are_not_away(folder: Path) -> None:
    inbox = open_inbox(settings.load())
    batches.require_store(opened(folder), inbox)
    store = monitored.make_store(folder)
    monitored.take_up(store, KEY, monitored.patients(30))
    took_up(KEY)
    batches.require_store(store, inbox)
    shutil.rmtree(folder / "champion")
    batches.require_store(opened(folder), inbox)


def test_two_equal_files_before_the_first_champion_are_no_sign_of_a_store_that_is_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "SETTLE_SECONDS", 0.0)
    inbox, store = open_inbox(settings.load()), opened(folder)
    for name in ("a.csv", "b.csv"):
        monitored.put(inbox.folder, name, monitored.patients(5))
    (first,) = batches.arrivals(store, inbox).batches
    assert batches.arrivals(store, inbox).batches == [first]


@pytest.mark.fault("O24")
def test_a_store_that_was_moved_is_named_and_nothing_is_claimed(folder: Path) -> None:
    monitored.make_store(folder)
    took_up(KEY)
    inbox = open_inbox(settings.load())
    waiting = monitored.put(inbox.folder, "new.csv", monitored.patients(5))
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(batches.StoreAway, match="none of the 1 batches taken up"):
        batches.arrivals(opened(folder), inbox)
    assert waiting.exists()
    assert not folder.exists()
    folder.with_name("elsewhere").rename(folder)
    batches.require_store(opened(folder), inbox)


@pytest.mark.fault("O24")
def test_while_the_store_is_away_alerts_say_so_and_no_other_one_closes(folder: Path) -> None:
    store = monitored.make_store(folder)
    store.note_refusal("raw_data", run_id="a-run", reasons=["the source is empty"])
    took_up(KEY)
    assert "refused-asset raw_data" in found(folder)
    folder.rename(folder.with_name("elsewhere"))
    watched = detectors.Watched(opened(folder), settings.load())
    detection = detectors.detect(watched, None)
    assert [f"{one.cause} {one.subject}" for one in detection] == ["damaged-store the store"]
    assert "assets" not in detection.occurrences, "a detector that did not look closes nothing"
    folder.with_name("elsewhere").rename(folder)
    assert "damaged-store the store" not in found(folder)


@pytest.mark.parametrize("missing_input", [batches.missing_input, service_windows.missing_input])
def test_an_input_that_was_never_made_or_is_damaged_is_missing(
    folder: Path, missing_input: Callable[[Store], WdbcError | None]
) -> None:
    store = monitored.make_store(folder)
    assert missing_input(store) is None
    pointer = folder / paths.pointer("cross_validation")
    pointer.write_bytes(b"{")
    assert isinstance(missing_input(opened(folder)), DamagedStore)
    pointer.unlink()
    missing = missing_input(opened(folder))
    assert missing is not None
    assert missing.what == "cross_validation has never been materialized"
