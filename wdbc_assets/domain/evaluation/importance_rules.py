"""Rules for the importance of the measurements. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.importance import Importance


def not_covered(importance: "Importance") -> list[str]:
    """Return a message for each list that does not contain the 30 columns of the contract once each."""
    covered = {"groups": [column for group in importance.groups for column in group.columns]}
    if importance.linear is not None:
        typical = importance.linear.typical
        covered |= {
            "coefficients": list(importance.linear.coefficients),
            "contributions of benign": list(typical.benign),
            "contributions of malignant": list(typical.malignant),
        }
    expected = sorted(contract.FEATURES)
    return [
        f"{name} is a list of {len(columns)} columns, needed: each of the {len(expected)} once"
        for name, columns in covered.items()
        if sorted(columns) != expected
    ]


def nothing_matters(importance: "Importance") -> list[str]:
    """Return a message if permuting no cluster certainly makes the predictions worse."""
    first = importance.groups[0]
    if first.permuted.low is not None and first.permuted.low > 0:
        return []
    return [f"increase of {first.cluster} is from {first.permuted.low} on, needed: above 0"]


RULES = (
    ResultRule(
        "every_column_is_covered",
        "The groups contain each of the 30 columns once, and so do the contributions of a linear recipe.",
        "Report a bug: the importance does not belong to these measurements.",
        faults=not_covered,
    ),
    ResultRule(
        "a_cluster_matters",
        "Permuting the most important cluster increases the log-loss: its interval is above 0.",
        "The model ignores the measurements: look at the penalty that the search selected, and at the data.",
        blocking=False,
        faults=nothing_matters,
    ),
)
