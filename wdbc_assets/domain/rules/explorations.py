"""The rule for an exploration of the data. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    from wdbc_assets.domain.data.exploration import Exploration


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


RULES = (
    ResultRule(
        "counts_add_up",
        "The classes add up to the rows, and the histograms to the patients that have a value.",
        "Report a bug: the exploration does not describe this table.",
        faults=miscounted,
    ),
)
