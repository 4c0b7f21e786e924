"""The clock of events: the system's, unless a rehearsal sets it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wdbc_assets import clock

CHRISTMAS = datetime(2025, 12, 24, 18, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_WDBC_CLOCK", "")  # restored after the test, which sets it


def test_outside_of_a_rehearsal_it_is_the_clock_of_the_system() -> None:
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_rehearsal_sets_it_and_moves_it_on(tmp_path: Path) -> None:
    clock.set_time(tmp_path / "clock", CHRISTMAS)
    assert clock.now() == CHRISTMAS
    clock.set_time(tmp_path / "clock", CHRISTMAS + timedelta(days=7))
    assert clock.now() == CHRISTMAS + timedelta(days=7)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-12-24T18:00:00+00:00", CHRISTMAS),
        ("2025-12-24T19:00:00+01:00", CHRISTMAS),
        ("2025-12-24T18:00:00", CHRISTMAS),
        ("Christmas", None),
        ("", None),
        (None, None),
    ],
)
def test_a_stored_time_has_a_zone_and_one_that_cannot_be_read_is_none(text: str | None, time: datetime | None) -> None:
    assert clock.time_of(text) == time


def test_the_processes_of_a_rehearsal_share_it(tmp_path: Path) -> None:
    clock.set_time(tmp_path / "clock", CHRISTMAS)
    program = [sys.executable, "-c", "from wdbc_assets import clock; print(clock.now().isoformat())"]
    printed = subprocess.run(program, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == CHRISTMAS.isoformat()
