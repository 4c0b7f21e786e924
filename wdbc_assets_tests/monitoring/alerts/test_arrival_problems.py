"""Tests of the alerts about refused files and rows. Refused champions are tested with the service's recorder."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.rules.incoming import validate
from wdbc_assets.monitoring import batch_keys
from wdbc_assets.monitoring.alerts import arrival_problems
from wdbc_assets.monitoring.inbox import open_inbox
from wdbc_assets.scoring import incoming
from wdbc_assets.store.manifest import RecordedCheck
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import monitored
from wdbc_assets_tests.monitored import inbox

__all__ = ["inbox"]


def test_refused_files_are_one_alert_until_the_folder_is_empty(inbox: Path) -> None:
    config = settings.load()
    assert list(arrival_problems.refused_files(config)) == []
    inbox.mkdir()
    for seconds, name in ((1000, "8675309.csv"), (2000, "Smith.csv")):
        (inbox / name).write_bytes(b"" if name == "Smith.csv" else b"Dear Sir or Madam,\n")
        open_inbox(config).survey([])
        os.utime(inbox / "refused" / f"{name}.reason.txt", (seconds, seconds))
    (found,) = arrival_problems.refused_files(config)
    assert (found.cause, found.subject, found.version) == ("refused-files", "the inbox", "")
    assert found.text == "2 files were refused; the last one: the file is empty"
    assert found.since == datetime.fromtimestamp(1000, UTC)
    for path in (inbox / "refused").iterdir():
        path.unlink()
    assert list(arrival_problems.refused_files(config)) == []


@pytest.mark.fault("X09")
def test_an_alert_about_a_refused_file_shows_neither_its_name_nor_a_control_character(inbox: Path) -> None:
    (inbox / "refused").mkdir(parents=True)
    (inbox / "refused" / "Smith 8675309.csv.reason.txt").write_bytes(b"it is \x1b[31m\xff broken\nmore\n")
    (found,) = arrival_problems.refused_files(settings.load())
    assert found.text.startswith("1 file was refused; the last one: it is ")
    assert "\x1b" not in found.text
    assert not {"Smith", "8675309", "more"} & set(found.text.replace(".", " ").split())


def take_up(store: Store, tmp_path: Path, *, bad: int, hours_ago: float = 0) -> str:
    """Store a batch of 60 patients of whom so many cannot be scored; return its key."""
    table = monitored.patients(60, seed=bad)
    table.loc[: bad - 1, "radius_mean"] = -1.0
    batch = incoming.read(str(monitored.put(tmp_path, "batch.csv", table)), pseudonym="<{}>".format)
    key = batch_keys.make((datetime.now(UTC) - timedelta(hours=hours_ago)).timestamp(), f"{bad:012x}")
    checks = [
        RecordedCheck(one.rule, passed=one.passed, blocking=False, count=one.count, summary=one.summary)
        for one in validate(batch)
    ]
    draft = store.draft("incoming_batch", batch, run_id="run-1", partition=key, checks=checks)
    assert store.commit(draft, run_id="run-1")
    return key


@pytest.fixture
def store(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


def text(store: Store) -> str:
    (found,) = arrival_problems.set_aside_rows(store)
    assert (found.cause, found.subject) == ("set-aside-rows", "incoming_batch")
    return found.text


def test_rows_that_are_set_aside_are_counted_until_a_day_has_passed_and_the_latest_batch_is_whole(
    store: Store, tmp_path: Path
) -> None:
    assert list(arrival_problems.set_aside_rows(store)) == []
    old = take_up(store, tmp_path, bad=45, hours_ago=30)
    assert text(store).startswith(f"45 of 60 rows of batch {old} were set aside, by ")
    take_up(store, tmp_path, bad=0, hours_ago=25)
    assert list(arrival_problems.set_aside_rows(store)) == []
    earlier, later = take_up(store, tmp_path, bad=3, hours_ago=5), take_up(store, tmp_path, bad=10, hours_ago=4)
    assert f"10 of 60 rows of batch {later} " in text(store)
    assert text(store).endswith("; 3 more in 1 batch within a day")
    (before,) = arrival_problems.set_aside_rows(store)
    take_up(store, tmp_path, bad=0, hours_ago=1)
    (found,) = arrival_problems.set_aside_rows(store)
    assert found == before, "a whole batch does not hide them within a day"
    assert found.version == store.handle("incoming_batch", partition=earlier).manifest.version


def test_a_partition_that_is_no_batch_counts_as_the_latest_only(store: Store, tmp_path: Path) -> None:
    take_up(store, tmp_path, bad=0)
    draft = store.draft("incoming_batch", b"", run_id="run-1", partition="by-hand")
    store.commit(draft, run_id="run-1")
    assert list(arrival_problems.set_aside_rows(store)) == []
