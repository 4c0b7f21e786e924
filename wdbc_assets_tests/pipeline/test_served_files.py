"""Tests of the files that the service leaves: whole or absent, private, and taken up once their window is over."""

import dataclasses
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from wdbc_assets.domain.monitoring import served
from wdbc_assets.domain.monitoring.served import ServedWindow
from wdbc_assets.pipeline.served_files import GRACE, RefusedChampion, ServedFiles, ServedPredictions
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets_tests.served import NOON, prediction, window


@pytest.fixture
def files(tmp_path: Path) -> ServedFiles:
    return ServedFiles(tmp_path / "served")


def test_a_window_is_read_as_it_was_written_and_replaced_by_its_worker(files: ServedFiles) -> None:
    for rows in (40, 50):
        files.put_window(window(rows=rows), "0a1b_aaaa")
    (path,) = files.all_windows()
    assert files.read(ServedWindow, path) == window(rows=50)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_window_waits_until_its_workers_have_had_time(files: ServedFiles) -> None:
    files.put_window(window("2026-W48"), "0a1b_aaaa")
    end = served.end("2026-W48")
    for moment in (NOON, end, end + GRACE - timedelta(seconds=1)):
        assert files.ended_windows(moment) == []
    assert files.ended_windows(end + GRACE) == files.all_windows()
    assert files.ended_windows(NOON - timedelta(days=365)) == [], "the clock was set back"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b'{"window": "2026-W40"',
        b'{"window": 1, "reference": "", "recipe": "", "champions": [], "sketch": {}}',
    ],
)
def test_a_damaged_window_is_reported_with_its_place_and_set_aside(files: ServedFiles, content: bytes) -> None:
    files.windows.mkdir(parents=True)
    path = files.windows / "2026-W40_0a1b_aaaa.json"
    path.write_bytes(content)
    with pytest.raises(DamagedStore, match="damaged") as damaged:
        files.read(ServedWindow, path)
    assert damaged.value.where == str(path)
    files.set_aside([path])
    assert files.all_windows() == []
    assert (files.folder / "damaged" / path.name).read_bytes() == content


def test_sums_that_contradict_their_number_of_patients_are_damage(files: ServedFiles) -> None:
    files.put_window(window(rows=40), "0a1b_aaaa")
    (path,) = files.all_windows()
    path.write_bytes(path.read_bytes().replace(b'"rows": 40', b'"rows": 41'))
    with pytest.raises(DamagedStore, match="contradict"):
        files.read(ServedWindow, path)


def test_a_file_whose_name_says_no_window_is_taken_up_to_be_reported(files: ServedFiles) -> None:
    files.windows.mkdir(parents=True)
    (files.windows / "2026-W99_0a1b.json").write_bytes(b"{}")
    (files.windows / ".tmp-half-written").write_bytes(b"{")
    assert [path.name for path in files.ended_windows(NOON)] == ["2026-W99_0a1b.json"]


def test_kept_predictions_are_files_of_their_own(files: ServedFiles) -> None:
    for second in (1, 0):
        files.put_predictions([prediction(str(second))], "0a1b", NOON + timedelta(seconds=second))
    read = [files.read(ServedPredictions, path) for path in files.kept_predictions()]
    assert [answer.id for one in read for answer in one.predictions] == ["0", "1"]
    files.acknowledge(files.kept_predictions())
    assert files.kept_predictions() == []


def test_a_refused_champion_is_forgotten_with_its_worker(files: ServedFiles) -> None:
    refused = RefusedChampion("0123456789ab", "a file was altered", NOON.isoformat())
    files.put_refused(refused, "0a1b")
    files.put_refused(dataclasses.replace(refused, at=(NOON - timedelta(hours=1)).isoformat()), "dead")
    (files.refused / "beef.json").write_bytes(b"rubbish")
    (files.refused / "bead.json").write_bytes(b'{"version": "v", "reason": "r", "at": "2026-11-26T12:00:00"}')
    assert files.refused_champions(NOON + timedelta(seconds=10)) == [refused]
    files.put_refused(None, "0a1b")
    files.put_refused(None, "0a1b")
    assert files.refused_champions(NOON) == []
