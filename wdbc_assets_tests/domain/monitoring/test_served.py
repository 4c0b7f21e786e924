"""Tests of the windows of the service: their names, their ends, and how deliveries add up."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from wdbc_assets.domain.monitoring import served
from wdbc_assets.domain.monitoring.served import ServedWindows
from wdbc_assets.store import parsing
from wdbc_assets_tests.served import NOON, sketch, window

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.thresholds import Cadence


@pytest.mark.parametrize(
    ("moment", "week", "day"),
    [
        ("2026-11-26T12:00:00+00:00", "2026-W48", "2026-11-26"),
        ("2026-11-30T00:30:00+01:00", "2026-W48", "2026-11-29"),  # still Sunday in UTC
        ("2027-01-01T00:00:00+00:00", "2026-W53", "2027-01-01"),
        ("2024-12-30T00:00:00+00:00", "2025-W01", "2024-12-30"),
    ],
)
def test_a_moment_belongs_to_one_week_and_one_day_in_utc(moment: str, week: str, day: str) -> None:
    time = datetime.fromisoformat(moment)
    assert (served.name_of(time, "weekly"), served.name_of(time, "daily")) == (week, day)
    for name in (week, day):
        assert served.end(name) > time
        assert served.name_of(served.end(name) - timedelta(microseconds=1), served.cadence_of(name)) == name


def test_the_next_window_begins_where_one_ends() -> None:
    hours = [NOON + timedelta(hours=hour) for hour in range(24 * 400)]
    lengths: dict[Cadence, int] = {"weekly": 7, "daily": 1}
    for cadence, length in lengths.items():
        names = [name for name, _ in itertools.groupby([served.name_of(hour, cadence) for hour in hours])]
        for name, later in itertools.pairwise(names):
            assert served.end(later) - served.end(name) == timedelta(days=length)


@pytest.mark.parametrize("name", ["", "2026-W60", "2026-W00", "2026-13-01", "rubbish", "2026-W4x", "../2026-W01"])
def test_what_names_no_window_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="names no window"):
        served.end(name)
    with pytest.raises(ValueError, match="names no window"):
        window(name)


def test_a_window_of_few_patients_cannot_exist() -> None:
    with pytest.raises(ValueError, match="fewer than 30"):
        window(rows=29)


def test_the_files_of_several_workers_add_up_and_windows_stand_in_order() -> None:
    files = [("b", window("2026-W41", 50)), ("a", window("2026-W40", 40, champion="v2")), ("c", window("2026-W40", 30))]
    taken = ServedWindows().with_deliveries(files)
    assert [(one.window, one.sketch, one.champions) for one in taken.windows] == [
        ("2026-W40", sketch(70), ("v2", "v1")),
        ("2026-W41", sketch(50), ("v1",)),
    ]
    late = taken.with_deliveries([("d", window("2026-W40", 35))])
    assert [one.sketch.rows for one in late.windows] == [105, 50]


def test_a_file_that_was_taken_up_before_adds_nothing() -> None:
    once = ServedWindows().with_deliveries([("a", window())])
    again = once.with_deliveries([("a", window()), ("b", window(rows=31))])
    assert [one.sketch.rows for one in again.windows] == [71]
    assert again.taken == ("a", "b")


def test_sketches_with_another_reference_or_cadence_are_not_compared() -> None:
    files = [("a", window("2026-W40")), ("b", window("2026-W41", 50, reference="b" * 64)), ("c", window("2026-09-30"))]
    taken = ServedWindows().with_deliveries(files)
    assert len(taken.windows) == 3
    assert [one.batch for one in taken.sketches("a" * 64, "weekly")] == ["2026-W40"]
    assert [one.batch for one in taken.sketches("b" * 64, "weekly")] == ["2026-W41"]
    assert [one.batch for one in taken.sketches("a" * 64, "daily")] == ["2026-09-30"]


def test_windows_are_read_back_from_their_json() -> None:
    taken = ServedWindows().with_deliveries([("a", window())], damaged=["b"])
    assert parsing.build(ServedWindows, parsing.plain(taken)) == taken
    assert served.end("2026-W40") == datetime(2026, 10, 5, tzinfo=UTC)
