"""Recalibration: the same decisions at every prevalence, probabilities by Bayes' rule, and predictive values."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy, intervals, policy_rates, prevalence, recalibration
from wdbc_assets.domain.evaluation.decision_policy import Quantiles, Training
from wdbc_assets.domain.modeling import linear_scorer
from wdbc_assets.store import parsing
from wdbc_assets_tests import champions, results
from wdbc_assets_tests.domain import validation

PREVALENCES = (0.001, 0.05, 0.1, 0.37, 0.5, 0.9, 0.999)


def test_the_offset_is_the_difference_of_the_log_odds() -> None:
    found = recalibration.recalibrate(results.policy(), 0.1).recalibration
    assert found is not None
    assert (found.trained, found.prevalence) == (170 / 455, 0.1)
    assert found.offset == pytest.approx(math.log(0.1 / 0.9) - math.log(170 / 285))
    assert found.offset == pytest.approx(-1.6805, abs=5e-5)
    assert prevalence.offset(212 / 569, 0.1) == pytest.approx(-1.676, abs=5e-4)


def test_a_second_recalibration_replaces_the_first_and_the_training_prevalence_ends_it() -> None:
    policy = results.policy()
    once = recalibration.recalibrate(policy, 0.1)
    assert recalibration.recalibrate(once, 0.2) == recalibration.recalibrate(policy, 0.2) != once
    for same in (170 / 455, 0.3736, 0.3726):  # of 455 patients, 170 are malignant at each
        assert recalibration.recalibrate(once, same) == policy
    assert recalibration.recalibrate(once, 0.37) != policy  # 168 patients


@pytest.mark.parametrize("to", [0.0, 1.0, -0.1, 10.0, 0.0009, 0.9991, math.nan, math.inf])
def test_a_prevalence_that_is_none_or_unlike_any_is_refused(to: float) -> None:
    with pytest.raises(WdbcError, match="is not between"):
        recalibration.recalibrate(results.policy(), to)


@pytest.mark.parametrize("malignant", [0, 455])
def test_without_patients_of_both_classes_the_fitted_prevalence_is_unknown(malignant: int) -> None:
    with pytest.raises(WdbcError, match="is unknown"):
        recalibration.recalibrate(results.policy(training=Training(455, 455 - malignant, malignant)), 0.1)


def test_a_prevalence_far_from_any_seen_comes_with_a_warning() -> None:
    policy = results.policy()
    assert recalibration.warning(policy) is None
    for to in (0.01, 0.1, 0.9):
        assert recalibration.warning(recalibration.recalibrate(policy, to)) is None
    for to in (0.005, 0.95):
        warned = recalibration.warning(recalibration.recalibrate(policy, to))
        assert warned is not None
        assert f"{100 * to:g} % is far from the 37.4 % of the training set" in warned


@pytest.mark.parametrize("to", PREVALENCES)
def test_probabilities_are_those_of_log_odds_plus_offset(to: float) -> None:
    log_odds = np.linspace(-40, 30, 1000)
    policy = recalibration.recalibrate(results.policy(), to)
    assert policy.recalibration is not None
    found = recalibration.probabilities(policy, linear_scorer.sigmoid(log_odds))
    expected = linear_scorer.sigmoid(log_odds + policy.recalibration.offset)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    ends = recalibration.probabilities(policy, np.array([0.0, 5e-324, np.nextafter(1, 0), 1.0]))
    assert (ends[0], ends[-1]) == (0, 1)
    assert ((ends >= 0) & (ends <= 1)).all()


def test_without_recalibration_the_probabilities_are_those_of_the_model() -> None:
    p = np.array([0.0, 0.1, 1.0])
    assert recalibration.probabilities(results.policy(), p) is p


@pytest.mark.parametrize("to", PREVALENCES)
def test_the_order_of_neighbouring_probabilities_is_kept_in_floating_point(to: float) -> None:
    policy = recalibration.recalibrate(results.policy(), to)
    random = np.random.default_rng(3)
    for middle in (*random.random(50), 0.19, 0.53, 1e-9, 1 - 1e-9):
        neighbours = middle + np.arange(-200, 200) * np.spacing(middle)
        assert (np.diff(recalibration.probabilities(policy, neighbours[neighbours <= 1])) >= 0).all()


@pytest.mark.parametrize("recipe", ["logistic", "spline"])
@pytest.mark.parametrize("to", PREVALENCES)
def test_the_triage_of_all_patients_stays_the_same_also_at_the_bounds(recipe: str, to: float) -> None:
    policy = champions.bundle(recipe).policy
    other = recalibration.recalibrate(policy, to)
    scorer = champions.bundle(recipe).scorer
    assert scorer is not None
    frame = validation.clean_frame()
    p = scorer.probabilities(frame[list(champions.bundle(recipe).features)].to_numpy(dtype=np.float64))
    assert len(p) == 569
    ties = np.array([policy.threshold, policy.quantiles.benign, 1 - policy.quantiles.malignant])
    p = np.concatenate([p, ties, np.nextafter(ties, 0), np.nextafter(ties, 1)])
    assert (decision_policy.codes(p, policy.quantiles) == decision_policy.codes(p, other.quantiles)).all()
    assert (decision_policy.is_above(p, policy.threshold) == decision_policy.is_above(p, other.threshold)).all()
    # Comparing the reported probabilities with the reported bounds gives the same, except within rounding.
    shown, bounds = recalibration.probabilities(other, p[:569]), recalibration.bounds(other)
    assert (decision_policy.is_above(p[:569], policy.threshold) == (shown >= bounds.threshold)).all()
    assert decision_policy.triage(shown, bounds.quantiles).tolist() == (
        decision_policy.triage(p[:569], policy.quantiles).tolist()
    )
    if other.recalibration is not None:
        moved = shown[(p[:569] > 0) & (p[:569] < 1)] - p[:569][(p[:569] > 0) & (p[:569] < 1)]
        assert (moved < 0).all() if to < other.training.prevalence else (moved > 0).all()


def test_bounds_of_a_class_with_too_few_patients_let_everybody_pass_at_every_prevalence() -> None:
    policy = recalibration.recalibrate(results.policy(quantiles=Quantiles(1.0, 1.0)), 0.1)
    assert recalibration.bounds(policy).quantiles == Quantiles(1.0, 1.0)


def test_the_bounds_of_a_policy_as_it_was_derived_are_its_own() -> None:
    policy = results.policy()
    assert recalibration.bounds(policy) == recalibration.Bounds(policy.threshold, policy.quantiles)


SETS = Quantiles(benign=0.4, malignant=0.4)


def rates(tn: int, fp: int, fn: int, tp: int) -> decision_policy.Rates:
    """Return the rates of a threshold of .5 that has these counts."""
    y = np.repeat([0, 0, 1, 1], [tn, fp, fn, tp])
    return policy_rates.rates(y, np.repeat([0.1, 0.9, 0.1, 0.9], [tn, fp, fn, tp]), 0.5, SETS)


def test_predictive_values_at_the_prevalence_of_the_data_are_those_of_the_counts() -> None:
    found = recalibration.predictive_values(rates(60, 10, 2, 38), 40 / 110)
    assert found.ppv.value == pytest.approx(38 / 48)
    assert found.npv.value == pytest.approx(60 / 62)


def test_predictive_values_elsewhere_follow_bayes_rule_with_the_interval_of_the_likelihood_ratio() -> None:
    given = rates(60, 10, 2, 38)
    found = recalibration.predictive_values(given, 0.1)
    recall, specificity = 38 / 40, 60 / 70
    assert found.ppv.value == pytest.approx(recall * 0.1 / (recall * 0.1 + (1 - specificity) * 0.9))
    assert found.npv.value == pytest.approx(specificity * 0.9 / (specificity * 0.9 + (1 - recall) * 0.1))
    for value in (found.ppv, found.npv):
        assert value.low is not None
        assert value.value is not None
        assert value.high is not None
        assert 0 < value.low < value.value < value.high < 1
        assert (value.method, value.reason) == ("log_ratio", None)
    low = given.positive_likelihood_ratio.low
    assert low is not None
    assert found.ppv.low == pytest.approx(low / 9 / (1 + low / 9))


def test_the_interval_of_a_predictive_value_elsewhere_covers_as_often_as_it_says() -> None:
    random, at, covered = np.random.default_rng(5), 0.1, []
    truth = 0.95 * at / (0.95 * at + 0.1 * (1 - at))
    for _ in range(1000):
        tp, fp = int(random.binomial(170, 0.95)), int(random.binomial(285, 0.1))
        ratio = intervals.ratio(tp, 170, fp, 285, infinite="")
        given = replace(
            rates(285 - fp, fp, 170 - tp, tp) if tp < 170 else rates(285 - fp, fp, 0, 170),
            positive_likelihood_ratio=ratio,
        )
        ppv = recalibration.predictive_values(given, at).ppv
        assert ppv.low is not None
        assert ppv.high is not None
        covered.append(ppv.low <= truth <= ppv.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_where_nobody_is_on_a_side_of_the_threshold_nothing_is_said_of_it() -> None:
    y = np.array([0, 0, 1])
    nobody_above = recalibration.predictive_values(policy_rates.rates(y, np.array([0.1, 0.2, 0.3]), 0.5, SETS), 0.1)
    assert (nobody_above.ppv.value, nobody_above.ppv.reason) == (None, "no patient is at or above the threshold")
    assert nobody_above.npv.value == pytest.approx(0.9)
    nobody_below = recalibration.predictive_values(policy_rates.rates(y, np.array([0.1, 0.2, 0.3]), 0.05, SETS), 0.1)
    assert (nobody_below.npv.value, nobody_below.npv.reason) == (None, "no patient is below the threshold")
    assert nobody_below.ppv.value == pytest.approx(0.1)


def test_a_side_of_the_threshold_with_one_class_only_has_a_value_and_the_reason_for_no_interval() -> None:
    perfect = recalibration.predictive_values(rates(5, 0, 0, 5), 0.1)
    assert (perfect.ppv.value, perfect.ppv.low) == (1, None)
    assert perfect.ppv.reason == "no benign patient is at or above the threshold"
    assert (perfect.npv.value, perfect.npv.low) == (1, None)
    assert perfect.npv.reason == "a ratio of 0 has no interval on the log scale"
    inverted = recalibration.predictive_values(rates(0, 5, 5, 0), 0.1)
    assert (inverted.ppv.value, inverted.npv.value) == (0, 0)
    assert inverted.npv.reason == "no benign patient is below the threshold"


def test_out_of_fold_predictive_values_stay_without_interval_because_of_the_threshold() -> None:
    out_of_fold = champions.bundle().policy.out_of_fold
    found = recalibration.predictive_values(out_of_fold, 0.1)
    for value in (found.ppv, found.npv):
        assert value.value is not None
        assert (value.low, value.reason) == (None, policy_rates.CHOSEN_BY_RECALL)


def test_applying_a_recalibrated_policy_needs_only_numpy() -> None:
    code = (
        "import sys; from wdbc_assets.domain.evaluation import recalibration;"
        "print(*({'pandas', 'sklearn', 'scipy', 'dagster'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.project_root(), capture_output=True, text=True, check=True
    )
    assert printed.stdout == "\n"


def test_a_policy_without_recalibration_is_stored_as_before() -> None:
    made = results.policy()
    assert "recalibration" not in parsing.plain(made)
    other = recalibration.recalibrate(made, 0.1)
    plain = parsing.plain(other)
    assert plain["recalibration"] == {"trained": 170 / 455, "prevalence": 0.1, "offset": pytest.approx(-1.68, abs=1e-3)}
