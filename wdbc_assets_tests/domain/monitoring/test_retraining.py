"""Whether a retraining is wanted: each reason, each obstacle, and both together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wdbc_assets.domain.monitoring.retraining import Alarm, Facts, Limits, assess

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
LIMITS = Limits(after_days=180, new_patients=300, cooling_days=28, most_per_year=2)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def facts(**how: Any) -> Facts:
    """Return facts for which nothing is wanted and nothing is in the way, but for what is given."""
    return Facts(**{"now": NOW, "retrained": (), "promoted": ago(10), "alarms": (), "new_patients": 100, **how})


@pytest.mark.parametrize(
    ("how", "reasons"),
    [
        ({}, ()),
        ({"alarms": (Alarm("live metrics", ago(1)),)}, ("live metrics in alarm",)),
        ({"promoted": ago(180)}, ("180 days since the champion's promotion",)),
        ({"promoted": ago(500), "retrained": (ago(200),)}, ("200 days since the last retraining",)),
        ({"promoted": None}, ()),
        ({"new_patients": 1300}, ("1,300 new diagnoses",)),
        ({"new_patients": 299}, ()),
    ],
)
def test_a_retraining_is_wanted_for_these_reasons(how: dict[str, Any], reasons: tuple[str, ...]) -> None:
    need = assess(facts(**how), LIMITS)
    assert (need.reasons, need.obstacles) == (reasons, ())
    assert need.wanted == bool(reasons)


def test_an_alarm_from_before_the_last_retraining_is_no_reason_again() -> None:
    alarm = Alarm("drift of batch b", ago(50))
    assert assess(facts(alarms=(alarm,), retrained=(ago(60),)), LIMITS).wanted
    assert not assess(facts(alarms=(alarm,), retrained=(ago(40),)), LIMITS).reasons


@pytest.mark.parametrize(
    ("how", "obstacle"),
    [
        ({"new_patients": 89}, "89 new diagnoses; a comparison needs at least 90"),
        ({"retrained": (ago(27),)}, "cooling time until 2026-09-02 12:00 UTC"),
        (
            {"retrained": (ago(400), ago(300), ago(100))},
            "2 retrainings within a year; the next one is allowed on 2026-11-05",
        ),
    ],
)
def test_a_wanted_retraining_waits_for_these_obstacles(how: dict[str, Any], obstacle: str) -> None:
    need = assess(facts(alarms=(Alarm("drift", ago(1)),), **how), LIMITS)
    assert need.reasons
    assert need.obstacles == (obstacle,)
    assert not need.wanted


def test_a_reason_can_be_turned_off_and_so_can_all_retraining() -> None:
    never = Limits(after_days=None, new_patients=None, cooling_days=0, most_per_year=1)
    assert assess(facts(promoted=ago(5000), new_patients=5000), never).reasons == ()
    none_at_all = Limits(after_days=1, new_patients=1, cooling_days=0, most_per_year=0)
    need = assess(facts(), none_at_all)
    assert need.reasons
    assert need.obstacles == ("no retraining is allowed: at most 0 within a year",)
