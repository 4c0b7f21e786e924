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


RULES = (
    ResultRule(
        "every_column_is_covered",
        "The groups contain each of the 30 columns once, and so do the contributions of a linear recipe.",
        "Report a bug: the importance does not belong to these measurements.",
        faults=not_covered,
    ),
)
