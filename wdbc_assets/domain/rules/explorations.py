"""The rule for an exploration of the data. This module imports no heavy libraries."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from wdbc_assets.domain.rules.base import Rule

if TYPE_CHECKING:
    from wdbc_assets.domain.data.exploration import Exploration

counts_add_up = Rule(
    "counts_add_up",
    "The classes add up to the rows, and the histograms to the patients that have a value.",
    "Report a bug: the exploration does not describe this table.",
)


def miscounted(exploration: "Exploration") -> list[str]:
    """Return a message for each sum that is wrong."""
    messages = []
    if exploration.benign + exploration.malignant != exploration.rows:
        both = exploration.benign + exploration.malignant
        messages.append(f"benign and malignant together is {both}, needed: {exploration.rows}")
    counted = 0
    for measurement in exploration.measurements.values():
        counted += sum(measurement.histogram.benign) + sum(measurement.histogram.malignant)
    cells = exploration.rows * len(exploration.measurements) - exploration.missing
    if counted != cells:
        messages.append(f"patients in all histograms is {counted}, needed: {cells}")
    return messages


BREACHES: Mapping[Rule, Callable[["Exploration"], list[str]]] = {counts_add_up: miscounted}
"""Each rule, and the function that returns its violations, one line each: `name is value, needed: ...`."""

RULES = tuple(BREACHES)
