"""The rules of a decision policy: each fails only on its own violation and reports the value."""

import dataclasses
import math

import pytest

from wdbc_assets.domain.data import splitting
from wdbc_assets.domain.evaluation import policy_derivation, policy_rules
from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy, Quantiles
from wdbc_assets.domain.modeling import fitting
from wdbc_assets_tests import results
from wdbc_assets_tests.domain import validation


def broken(policy: DecisionPolicy) -> dict[str, list[str]]:
    found = {rule.name: rule.faults(policy) for rule in policy_rules.RULES}
    return {name: lines for name, lines in found.items() if lines}


def test_a_valid_policy_passes_and_bounds_are_inclusive() -> None:
    assert broken(results.policy()) == {}
    assert broken(results.policy(recall=0.98, referred=policy_rules.MOST_REFERRED)) == {}
    assert broken(results.policy(threshold=1.0, quantiles=Quantiles(1.0, 1.0))) == {}


@pytest.mark.parametrize("recall", [0.9799, 0.0, None])
def test_a_recall_below_the_target_is_reported(recall: float | None) -> None:
    assert broken(results.policy(recall=recall)) == {
        "recall_reaches_the_target": [f"recall is {recall}, needed: at least 0.98"]
    }


@pytest.mark.parametrize("value", [0.0, -0.1, 1.0001, math.nan])
def test_a_bound_that_is_not_a_probability_is_reported_by_name(value: float) -> None:
    assert broken(results.policy(threshold=value)) == {
        "bounds_are_probabilities": [f"threshold is {value}, needed: above 0, up to 1"]
    }
    assert broken(results.policy(quantiles=Quantiles(0.5, value))) == {
        "bounds_are_probabilities": [f"quantile of malignant is {value}, needed: above 0, up to 1"]
    }


def test_too_many_referrals_are_reported_but_do_not_block() -> None:
    assert broken(results.policy(referred=0.25)) == {"referrals_are_few": ["referred is 0.2500, needed: at most 0.12"]}
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
    made = policy_derivation.derive(blind, fit)
    assert (made.out_of_fold.referred.value or 0) > 0.9
    assert list(broken(made)) == ["referrals_are_few"]
