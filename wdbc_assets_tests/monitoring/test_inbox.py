"""The inbox takes up each whole file once, refuses what is no batch with a reason, and loses nothing."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.data import incoming as batches
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batch_keys
from wdbc_assets.monitoring import inbox as inboxes
from wdbc_assets.monitoring.inbox import Arrivals, Duplicate, Inbox
from wdbc_assets.pipeline import batch_functions
from wdbc_assets.scoring import incoming
from wdbc_assets_tests import builders, monitored


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    monkeypatch.setattr(inboxes, "SETTLE_SECONDS", 0.0)  # files of these tests are whole as soon as they exist
    (tmp_path / "inbox").mkdir()
    return Inbox(tmp_path / "inbox", tmp_path / "pseudonym.key")


def drop(inbox: Inbox, name: str, *rows: dict[str, object]) -> Path:
    path = inbox.folder / name
    path.write_bytes(builders.csv(*(rows or (builders.patient(),)), header=True))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_whole_file_is_claimed_under_its_arrival_and_its_content(inbox: Inbox) -> None:
    path = drop(inbox, "patients.csv")
    arrived = path.stat().st_ctime
    (key,) = inbox.survey([]).batches
    assert key.startswith(time.strftime("%Y%m%dT%H%M%S.", time.gmtime(arrived)))
    assert batches.arrival(key).timestamp() == pytest.approx(arrived, abs=0.002)
    assert names(inbox.folder) == [f"{key}_patients.csv"]
    with inbox.reading(key) as file:
        assert (file.name, batch_keys.digits(key)) == ("patients.csv", file.sha256[:12])
    assert inbox.survey([]).batches == [key]  # until its patients are stored, under the same key


def test_an_inbox_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert Inbox(tmp_path / "none", tmp_path / "key").survey([]) == Arrivals()


@pytest.mark.fault("D16")
@pytest.mark.parametrize("name", ["patients.csv.part", "patients.csv.tmp", "patients.csv.crdownload"])
def test_a_name_of_a_half_written_file_is_left_alone(inbox: Inbox, name: str) -> None:
    drop(inbox, name)
    drop(inbox, ".hidden.csv")
    assert inbox.survey([]) == Arrivals(unfinished=[name])
    assert names(inbox.folder) == [".hidden.csv", name]


@pytest.mark.fault("D16")
def test_a_file_that_changed_just_now_waits_and_a_clock_set_back_does_not_stop_it(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "SETTLE_SECONDS", 5.0)
    path = drop(inbox, "patients.csv")
    assert inbox.survey([]) == Arrivals(unfinished=["patients.csv"])
    before = path.stat().st_ctime - 3600
    monkeypatch.setattr(time, "time", lambda: before)
    assert len(inbox.survey([]).batches) == 1


@pytest.mark.fault("D16")
def test_the_same_content_is_taken_up_once_and_reported_as_a_duplicate(inbox: Inbox) -> None:
    drop(inbox, "first.csv")
    (key,) = inbox.survey([]).batches
    drop(inbox, "again.csv")
    waiting = inbox.survey([])
    assert (waiting.batches, waiting.duplicates) == ([key], [Duplicate("again.csv", key)])
    assert inbox.taken() == set(), "its patients are not stored yet"
    inbox.acknowledge(key)
    assert inbox.survey([key]).duplicates == [Duplicate("again.csv", key)]
    drop(inbox, "again.csv")
    arrived = inbox.survey([key])
    assert (arrived.batches, [one.batch for one in arrived.duplicates]) == ([], [key])
    assert names(inbox.folder / "taken") == [f"2-{key}_again.csv", f"{key}_again.csv", f"{key}_first.csv"]


@pytest.mark.fault("D16")
def test_a_file_whose_patients_were_stored_before_a_kill_is_moved_away(inbox: Inbox) -> None:
    drop(inbox, "patients.csv")
    (key,) = inbox.survey([]).batches
    assert inbox.survey([key]) == Arrivals()
    assert names(inbox.folder) == ["taken"]
    with inbox.reading(key) as file:  # a damaged version can be made again
        assert file.path.parent.name == "taken"


def test_an_inbox_full_of_rubbish_refuses_each_with_a_reason_and_takes_up_the_good(inbox: Inbox) -> None:
    good = drop(inbox, "good.csv").read_bytes()
    rubbish = {
        "empty.csv": b"",
        "binary.parquet": b"PAR1" + os.urandom(300),
        "half.csv.gz": b"\x1f\x8b\x08\x00broken",
        "letter.txt": b"Dear Sir or Madam,\nplease find enclosed\n",
        "header.csv": good.splitlines()[0] + b"\n",
        "nobody.csv": builders.csv(builders.patient(radius_mean=-1.0), header=True),
        "new\nline \x1b[31m.csv": b"\x00\x01\x02",
        "x" * 250 + ".csv": b"?",
    }
    for name, content in rubbish.items():
        (inbox.folder / name).write_bytes(content)
    for number in range(100):
        (inbox.folder / f"note-{number}.txt").write_bytes(b"%d" % number)
    (inbox.folder / "folder").mkdir()
    (inbox.folder / "folder" / "inner.csv").write_bytes(good)
    (inbox.folder / "20260101T000000Z-0123456789ab_like_a_batch").mkdir()
    (inbox.folder / "nowhere.csv").symlink_to("missing")
    os.mkfifo(inbox.folder / "pipe.csv")

    arrived = inbox.survey([])

    assert len(arrived.batches) == 1
    assert len(arrived.refused) == len(rubbish) + 104
    assert all(one.reason and one.name.isprintable() for one in arrived.refused)
    reasons = {one.name: one.reason for one in arrived.refused}
    assert reasons["empty.csv"] == "the file is empty"
    assert reasons["folder"] == "it is a folder, not a file"
    assert reasons["nowhere.csv"] == "it is a link, not a file"
    assert reasons["pipe.csv"] == "it is a device or pipe, not a file"
    assert "nothing_is_negative" in reasons["nobody.csv"]
    refused = inbox.folder / "refused"
    assert names(inbox.folder) == [f"{arrived.batches[0]}_good.csv", "refused"]
    assert len(list(refused.glob("*.reason.txt"))) == len(arrived.refused)
    assert (refused / "folder" / "inner.csv").read_bytes() == good
    kept = [path.read_bytes() for path in refused.iterdir() if path.is_file() and not path.name.endswith(".reason.txt")]
    assert all(content in kept for content in rubbish.values())


def test_a_second_refused_file_of_the_same_name_replaces_nothing(inbox: Inbox) -> None:
    for content in (b"one", b"two"):
        (inbox.folder / "a.csv").write_bytes(content)
        inbox.survey([])
    refused = inbox.folder / "refused"
    assert names(refused) == ["2-a.csv", "2-a.csv.reason.txt", "a.csv", "a.csv.reason.txt"]
    assert ((refused / "a.csv").read_bytes(), (refused / "2-a.csv").read_bytes()) == (b"one", b"two")


def test_a_file_that_changed_after_it_was_claimed_is_refused(inbox: Inbox) -> None:
    drop(inbox, "patients.csv")
    (key,) = inbox.survey([]).batches
    drop(inbox, f"{key}_patients.csv", builders.patient(id=7))
    with pytest.raises(WdbcError, match="was changed"), inbox.reading(key):
        pass
    assert names(inbox.folder / "refused") == ["patients.csv", "patients.csv.reason.txt"]
    with pytest.raises(WdbcError, match="is not in the inbox"), inbox.reading(key):
        pass


def test_batches_are_listed_in_order_of_arrival(inbox: Inbox) -> None:
    for arrived, digest in ((2_000_000_000.25, "ab"), (2_000_000_000.125, "cd"), (1_900_000_000, "ef")):
        key = batch_keys.make(arrived, digest * 32)
        monitored.put(inbox.folder, batch_keys.claimed_name(key, "new.csv"), monitored.patients(3, int(arrived) % 1000))
    assert inbox.survey([]).batches == [
        "20300317T174640.000Z-efefefefefef",
        "20330518T033320.125Z-cdcdcdcdcdcd",  # a second has room for several batches
        "20330518T033320.250Z-abababababab",
    ]


def test_a_full_disk_is_named_and_changes_nothing(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(inbox, "patients.csv")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(WdbcError, match="No space left on device") as named:
        inbox.survey([])
    assert "WDBC_INBOX" in named.value.hint
    assert names(inbox.folder) == ["patients.csv"]


def test_a_file_that_another_process_took_meanwhile_is_left_to_it(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(inbox, "patients.csv")

    def gone(self: Path, target: Path) -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "rename", gone)
    assert inbox.survey([]) == Arrivals()


@pytest.mark.fault("D16")
@pytest.mark.parametrize("when", ["before it is read", "while it is read"])
def test_a_file_that_another_run_stored_meanwhile_is_read_in_its_new_place(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    drop(inbox, "patients.csv")
    (key,) = inbox.survey([]).batches
    owner, name = (batch_keys, "digest") if when == "before it is read" else (incoming, "read")
    original = getattr(owner, name)

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        inbox.acknowledge(key)  # as the other run
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, meanwhile)
    batch = batch_functions.incoming_batch(key, inbox)
    assert batch.value.rows == 1
    batch.acknowledge()
    assert names(inbox.folder) == ["taken"]


def test_a_file_that_is_moved_twice_at_once_is_moved_once(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop(inbox, "patients.csv")
    (key,) = inbox.survey([]).batches
    gone = path.with_name(f"{key}_patients.csv")
    monkeypatch.setattr(Inbox, "_claimed", lambda *_: [gone, gone])
    inbox.acknowledge(key)
    assert names(inbox.folder / "taken") == [gone.name]
