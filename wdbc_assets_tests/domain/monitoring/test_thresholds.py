"""The thresholds of the alarms promise what was simulated, and the page shows it."""

import json
from typing import Any

import pytest

from tools.calibration import page
from wdbc_assets.domain.monitoring import thresholds

RATES: dict[str, Any] = json.loads(page.RATES.read_bytes())["false_alarms"]


@pytest.mark.parametrize(
    ("name", "promised"),
    [*thresholds.DRIFT.items(), ("outcomes", thresholds.OUTCOMES)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_threshold_promises_the_rate_that_was_simulated(name: str, promised: thresholds.Threshold) -> None:
    rate = RATES[name][str(promised.value)]
    assert (promised.false_alarms, promised.error) == (rate["share"], rate["error"])
    assert promised.false_alarms <= 0.025


def test_all_alarms_together_are_false_in_at_most_one_year_in_twenty() -> None:
    assert RATES["together"]["share"] <= 0.05


def test_the_page_shows_the_stored_rates() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.page(text, json.loads(page.RATES.read_bytes())), "run: python -m tools.calibration.page"
