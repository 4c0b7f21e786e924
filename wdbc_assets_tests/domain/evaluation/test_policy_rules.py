"""The rules of a decision policy: each fails only on its own violation and reports the value."""

import dataclasses
import math
from typing import Any

import pytest

from wdbc_assets.domain.data import splitting
from wdbc_assets.domain.evaluation import decision_policy, policy_rules
from wdbc_assets.domain.modeling import fitting
from wdbc_assets_tests.domain import validation


def good(**changes: Any) -> dict[str, Any]:
    return {
        "recall_target": 0.98,
        "threshold": 0.19,
        "quantiles": {"benign": 0.53, "malignant": 0.93},
        "out_of_fold": {
            "recall": {"value": changes.pop("recall", 0.982)},
            "referred": {"value": changes.pop("refer", 0.07)},
        },
        **changes,
    }


def broken(policy: dict[str, Any]) -> dict[str, list[str]]:
    found = {rule.name: breaches(policy) for rule, breaches in policy_rules.BREACHES.items()}
    return {name: lines for name, lines in found.items() if lines}


def test_a_valid_policy_passes_and_bounds_are_inclusive() -> None:
    assert broken(good()) == {}
    assert broken(good(recall=0.98, refer=policy_rules.MOST_REFERRED)) == {}
    assert broken(good(threshold=1.0, quantiles={"benign": 1.0, "malignant": 1.0})) == {}


@pytest.mark.parametrize("recall", [0.9799, 0.0, None])
def test_a_recall_below_the_target_is_reported(recall: float | None) -> None:
    assert broken(good(recall=recall)) == {"recall_reaches_the_target": [f"recall is {recall}, needed: at least 0.98"]}


@pytest.mark.parametrize("value", [0.0, -0.1, 1.0001, math.nan])
def test_a_bound_that_is_not_a_probability_is_reported_by_name(value: float) -> None:
    assert broken(good(threshold=value)) == {
        "bounds_are_probabilities": [f"threshold is {value}, needed: above 0, up to 1"]
    }
    assert broken(good(quantiles={"benign": 0.5, "malignant": value})) == {
        "bounds_are_probabilities": [f"quantile of malignant is {value}, needed: above 0, up to 1"]
    }


def test_too_many_referrals_are_reported_but_do_not_block() -> None:
    assert broken(good(refer=0.25)) == {"referrals_are_few": ["referred is 0.2500, needed: at most 0.12"]}
    blocking = {rule.name: rule.blocking for rule in policy_rules.RULES}
    assert blocking == {
        "recall_reaches_the_target": True,
        "bounds_are_probabilities": True,
        "referrals_are_few": False,
    }


def test_with_random_labels_the_rule_reports_too_many_referrals() -> None:
    split = splitting.split(validation.clean_frame())
    shuffled = split.y_train.sample(frac=1, random_state=0, ignore_index=True)
    blind = dataclasses.replace(split, y_train=shuffled)
    fit = fitting.fit(blind.X_train, blind.y_train, recipe="logistic")
    made = decision_policy.policy(blind, fit)
    assert made["out_of_fold"]["referred"]["value"] > 0.9
    assert list(broken(made)) == ["referrals_are_few"]
