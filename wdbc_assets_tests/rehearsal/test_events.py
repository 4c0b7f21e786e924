"""The events of the rehearsal: what they change, and that only what the platform says finds them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.monitoring.drift import StreamDrift
from wdbc_assets.rehearsal import events, summary
from wdbc_assets.rehearsal.year import Observed, Year

CALM = Observed(
    week=14,
    failures=(),
    drift=None,
    new_alarms=(),
    live=None,
    waiting=0,
    champion="a",
    patients=114,
    wrong=1,
    referred=9,
)
NOBODY = cast("Year", None)


def alarm(quantity: str) -> StreamDrift:
    return StreamDrift(quantity, "location", 6.0, 2)


def test_an_instrument_that_drifts_is_found_by_an_alarm_of_its_measurement_only() -> None:
    event = events.InstrumentDrift(14)
    event.look(NOBODY, CALM)
    event.look(NOBODY, replace(CALM, new_alarms=(alarm("area_mean"),)))
    assert event.by == ""
    event.look(NOBODY, replace(CALM, week=16, new_alarms=(alarm("area_mean"), alarm("texture_worst"))))
    assert (event.found, event.repaired) == (16, 18)
    assert event.by == "drift report: texture_worst z = +6.0 over 2 batches"


def test_a_measurement_changes_while_the_event_lasts() -> None:
    X = np.ones((2, 30))
    texture = [name.startswith("texture") for name in contract.FEATURES]
    event = events.InstrumentDrift(14)
    assert (event.measured(X, 13) == 1).all()
    assert np.allclose(event.measured(X, 15)[:, texture], 1.04)
    assert (event.measured(X, 15)[:, np.invert(texture)] == 1).all()
    event.repaired = 16
    assert (event.measured(X, 16) == 1).all()


def test_wrong_labels_are_corrected_once_after_they_were_found() -> None:
    event = events.WrongLabels(3)
    known = {str(number): contract.MALIGNANT for number in range(16)} | {"benign": contract.BENIGN}
    recorded = event.recorded(known, 3)
    wrong = {patient for patient in known if recorded[patient] != known[patient]}
    assert len(wrong) == 2
    event.repaired = 4
    assert event.recorded({"later": contract.BENIGN}, 4) == {"later": 0} | dict.fromkeys(wrong, contract.MALIGNANT)
    assert event.recorded({"later": contract.BENIGN}, 5) == {"later": 0}


def test_a_bad_model_counts_as_found_once_another_one_serves() -> None:
    class Platform:
        @staticmethod
        def decisions() -> list[Any]:
            return [SimpleNamespace(actor="guard", reason="E = 25")]

    year = cast("Year", type("Rehearsed", (), {"platform": Platform}))
    event = events.ForcedModel(14)
    event._version = "bad"
    event.look(year, replace(CALM, champion="bad"))
    assert event.by == ""
    event.look(year, replace(CALM, week=17, champion="a"))
    assert (event.found, event.by) == (17, "guard: E = 25")


@pytest.mark.parametrize(
    ("quantity", "week", "unexplained"),
    [
        ("texture_mean", 15, False),
        ("log_odds", 15, False),  # moves with any measurement
        ("texture_mean", 13, True),  # before the event
        ("area_mean", 15, True),
    ],
)
def test_an_alarm_that_no_event_explains_is_a_false_one(quantity: str, week: int, unexplained: bool) -> None:
    year: Any = type("Rehearsed", (), {"alarms": {(quantity, "spread"): week}, "events": (events.InstrumentDrift(14),)})
    expected = [f"week {week}: {quantity} (spread)"] if unexplained else []
    assert list(summary._unexplained_drift(year)) == expected


def test_wrong_answers_are_counted_until_the_event_is_found() -> None:
    event = events.InstrumentDrift(2)
    event.found = 3
    weeks = [replace(CALM, week=week, wrong=week) for week in (1, 2, 3, 4)]
    year: Any = type("Rehearsed", (), {"weeks": weeks})
    result = summary._of_event(event, year)
    assert (result.wrong, result.patients) == (5, 228)
