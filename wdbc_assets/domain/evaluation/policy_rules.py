"""Rules for a decision policy before it is stored. This module imports no heavy libraries.

There is no rule for the coverage: a test set has too few malignant patients to tell a good policy from a bad one. The
tests check the coverage over many splits.
"""

from typing import TYPE_CHECKING

from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy

MOST_REFERRED = 0.12
"""The largest share of out-of-fold patients. For the default recipe and split seeds 0 to 19: .02 to .10, mean .07."""


def recall_missed(policy: "DecisionPolicy") -> list[str]:
    """Return a message if the out-of-fold recall is below the target or undefined."""
    recall, target = policy.out_of_fold.recall.value, policy.recall_target
    return [] if recall is not None and recall >= target else [f"recall is {recall}, needed: at least {target:g}"]


def bounds_out_of_range(policy: "DecisionPolicy") -> list[str]:
    """Return a message for each of the threshold and the quantiles that is not above 0 and at most 1."""
    bounds = {
        "threshold": policy.threshold,
        "quantile of benign": policy.quantiles.benign,
        "quantile of malignant": policy.quantiles.malignant,
    }
    return [f"{name} is {value}, needed: above 0, up to 1" for name, value in bounds.items() if not 0 < value <= 1]


def too_many_referred(policy: "DecisionPolicy") -> list[str]:
    """Return a message if the share of out-of-fold patients that are referred exceeds the bound."""
    referred = policy.out_of_fold.referred.value
    if referred is None or referred <= MOST_REFERRED:
        return []
    return [f"referred is {referred:.4f}, needed: at most {MOST_REFERRED:g}"]


RULES = (
    ResultRule(
        "recall_reaches_the_target",
        "The out-of-fold recall at the threshold is at least the recall target, by the choice of the threshold.",
        "Recreate the policy. If it is rejected again, report a bug: the threshold does not belong to these"
        " probabilities.",
        faults=recall_missed,
    ),
    ResultRule(
        "bounds_are_probabilities",
        "The threshold and both quantiles are above 0 and at most 1.",
        "Check whether the recipe's probabilities are all 0 or NaN, and fit the pipeline again.",
        faults=bounds_out_of_range,
    ),
    ResultRule(
        "referrals_are_few",
        f"At most {MOST_REFERRED:.0%} of the out-of-fold patients are referred.",
        "Check whether the source or the recipe changed, or increase alpha to require less certainty.",
        blocking=False,
        faults=too_many_referred,
    ),
)
