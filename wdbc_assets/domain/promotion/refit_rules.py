"""The rules of a refit and of its comparison with the champion. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    from wdbc_assets.domain.promotion.bundles import Bundle
    from wdbc_assets.domain.promotion.refit_comparison import RefitComparison


def without_later_patients(bundle: "Bundle") -> list[str]:
    """Return a message unless a refit states up to which batch it was fitted."""
    return [] if bundle.trained_until else ["last batch is none, needed: the arrival of a batch"]


def uncompared(comparison: "RefitComparison") -> list[str]:
    """Return a message unless the refit has seen all that the champion has, and the counts agree."""
    lines = []
    if comparison.trained_until < comparison.champion_trained_until:
        lines.append("batches that only the champion was fitted on is 1 or more, needed: 0")
    if comparison.held_back != comparison.verdict.patients:
        lines.append(f"patients compared is {comparison.verdict.patients}, needed: {comparison.held_back}")
    return lines


REFIT = (
    ResultRule(
        "refit_states_its_last_batch",
        "The refit states the arrival of the last batch that it was fitted on.",
        "Report a bug: a refit is fitted on at least one batch.",
        faults=without_later_patients,
    ),
)
COMPARISON = (
    ResultRule(
        "both_models_are_compared_on_later_patients",
        "Neither model was fitted on a patient that both are compared on.",
        "Report a bug: the split by time is wrong.",
        faults=uncompared,
    ),
)
