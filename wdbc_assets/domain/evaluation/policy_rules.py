"""What must be true of a decision policy before it is stored. Nothing heavy is imported here.

That it covers a class is not asked: on the few malignant patients of one test part a good policy may miss a patient
more than it should, and a bad one none. It is tried over many splits, in the tests.
"""

from collections.abc import Callable, Mapping
from typing import Any

from wdbc_assets.domain.rules.base import Rule

MOST_REFERRED = 0.12
"""Of the out-of-fold patients. Seen with the default recipe over split seeds 0 to 19: .02 to .10, in the mean .07."""

recall_reaches_the_target = Rule(
    "recall_reaches_the_target",
    "The out-of-fold recall at the threshold is at least the recall target, as its rank makes it by construction.",
    "Make the policy again; if it is refused again, report it: the threshold was not taken from these probabilities.",
)
bounds_are_probabilities = Rule(
    "bounds_are_probabilities",
    "The threshold and both quantiles are above 0 and at most 1: else they call everybody, or nobody, malignant.",
    "Look whether the recipe's probabilities are all 0 or no numbers; fit the pipeline again.",
)
referrals_are_few = Rule(
    "referrals_are_few",
    f"Of the out-of-fold patients at most {MOST_REFERRED:.0%} are referred: more, and the model decides too little.",
    "Look whether the source or the recipe changed, or ask for less certainty with a larger alpha.",
    blocking=False,
)


def recall_missed(policy: Mapping[str, Any]) -> list[str]:
    """Say what the out-of-fold recall is, if it is below the target or undefined."""
    found, target = policy["out_of_fold"]["recall"]["value"], policy["recall_target"]
    return [] if found is not None and found >= target else [f"recall is {found}, needed: at least {target:g}"]


def bounds_out_of_range(policy: Mapping[str, Any]) -> list[str]:
    """Say of the threshold and of each quantile that is no probability above 0 what it is."""
    bounds = {
        "threshold": policy["threshold"],
        **{f"quantile of {name}": value for name, value in policy["quantiles"].items()},
    }
    return [f"{name} is {value}, needed: above 0, up to 1" for name, value in bounds.items() if not 0 < value <= 1]


def too_many_referred(policy: Mapping[str, Any]) -> list[str]:
    """Say what share of the out-of-fold patients is referred, if it is beyond the bound."""
    found = policy["out_of_fold"]["referred"]["value"]
    return [f"referred is {found:.4f}, needed: at most {MOST_REFERRED:g}"] if found > MOST_REFERRED else []


BREACHES: Mapping[Rule, Callable[[Mapping[str, Any]], list[str]]] = {
    recall_reaches_the_target: recall_missed,
    bounds_are_probabilities: bounds_out_of_range,
    referrals_are_few: too_many_referred,
}
"""Each rule, and what says how a policy breaks it: one line each, `name is value, needed: ...`."""

RULES = tuple(BREACHES)
