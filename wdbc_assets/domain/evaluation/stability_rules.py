"""Rules for the stability of a recipe. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.stability import Stability

LARGEST_ERROR = 0.05
"""The mean instability (MAPE) from which on predictions are called unstable: three times that of the published data."""

LARGEST_CLASS_CHANGES = 0.05


def inconsistent(value: "Stability") -> list[str]:
    """Return a message for each part of the outcomes that the summary does not count, or that is not there."""
    summary, refits = value.summary, value.summary.refits + 1
    counts = {
        "rows of probabilities": (len(value.probabilities), refits * summary.patients),
        "developments": (len(value.developments), refits),
        "splits": (len(value.learning), summary.splits),
        "patients in the bins": (sum(bin_.patients for bin_ in summary.bins), summary.patients),
        "refits by selected parameters": (sum(selected.refits for selected in summary.selected), summary.refits),
    }
    return [f"{name}: {counted}, needed: {needed}" for name, (counted, needed) in counts.items() if counted != needed]


def unstable(value: "Stability") -> list[str]:
    """Return a message for each measure of instability that exceeds its bound."""
    bounds = {
        "mean difference of the probabilities": (value.summary.error, LARGEST_ERROR),
        "share of class changes": (value.summary.class_changes, LARGEST_CLASS_CHANGES),
    }
    return [
        f"{name} is {measured:.4f}, needed: <= {bound}"
        for name, (measured, bound) in bounds.items()
        if measured > bound
    ]


def no_worse_than_apparent(value: "Stability") -> list[str]:
    """Return a message if the corrected log-loss is below the apparent one: no model is better on new patients."""
    log_loss = value.summary.log_loss
    if log_loss.corrected >= log_loss.apparent:
        return []
    return [f"corrected log-loss is {log_loss.corrected:.4f}, needed: >= {log_loss.apparent:.4f}"]


RULES = (
    ResultRule(
        "every_refit_is_counted",
        "The summary counts every refit, split and patient once.",
        "Report a bug: the summary does not belong to these refits.",
        faults=inconsistent,
    ),
    ResultRule(
        "predictions_are_stable",
        f"On average, a probability differs by at most {LARGEST_ERROR} from that of a bootstrap refit, and at most"
        f" {100 * LARGEST_CLASS_CHANGES:.0f} % of the refits are on the other side of 0.5.",
        "Develop the model on more patients, or choose a recipe with a stronger penalty.",
        blocking=False,
        faults=unstable,
    ),
    ResultRule(
        "optimism_is_corrected",
        "The log-loss corrected for optimism is not below the apparent one.",
        "Use more bootstrap refits (WDBC_BOOTSTRAP_REFITS); if it stays so, report a bug.",
        blocking=False,
        faults=no_worse_than_apparent,
    ),
)
