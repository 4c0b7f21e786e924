"""Tests of the alerts about refused files. Refused champions are tested with the service's recorder."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.monitoring.alerts import arrival_problems
from wdbc_assets.monitoring.inbox import open_inbox
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
