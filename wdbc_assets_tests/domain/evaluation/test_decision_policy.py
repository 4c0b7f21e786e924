"""The decision policy: thresholds and quantiles on computed cases, and its coverage over twenty splits."""

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from wdbc_assets import settings
from wdbc_assets.domain.data import splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy, intervals, policy_derivation, policy_rates
from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy, Quantiles, RecallPromise
from wdbc_assets.domain.evaluation.intervals import Interval
from wdbc_assets.domain.modeling import fitting, prediction, recipes
from wdbc_assets_tests import results
from wdbc_assets_tests.domain import validation

PROMISED = 0.98


@pytest.fixture(scope="module")
def split() -> splitting.Split:
    return splitting.split(validation.clean_frame())


@pytest.fixture(scope="module")
def fit(split: splitting.Split) -> fitting.Fit:
    return fitting.fit(split.X_train, split.y_train, recipe="logistic")


@pytest.fixture(scope="module")
def made(split: splitting.Split, fit: fitting.Fit) -> DecisionPolicy:
    return policy_derivation.derive(split, fit)


@pytest.mark.parametrize(
    ("share", "probability", "rank"),
    # ceil(share * 6), but at most 5
    [(0.01, 0.9, 1), (0.2, 0.8, 2), (0.5, 0.7, 3), (0.51, 0.4, 4), (0.6, 0.4, 4), (0.8, 0.1, 5), (1.0, 0.1, 5)],
)
def test_the_threshold_is_the_probability_of_that_rank_among_the_malignant(
    share: float, probability: float, rank: int
) -> None:
    assert policy_derivation.recall_threshold(np.array([0.1, 0.7, 0.9, 0.4, 0.8]), share) == (probability, rank)


def test_the_threshold_never_separates_ties() -> None:
    malignant = np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    threshold, rank = policy_derivation.recall_threshold(malignant, 0.3)
    assert (threshold, rank) == (0.5, 2)
    assert decision_policy.is_above(malignant, threshold).sum() == 4


@pytest.mark.parametrize(("share", "of", "rank"), [(0.55, 99, 55), (0.29, 99, 29), (0.07, 99, 7), (0.98, 170, 168)])
def test_ranks_use_exact_decimal_arithmetic(share: float, of: int, rank: int) -> None:
    assert policy_derivation.recall_threshold(np.linspace(1, 0, of), share)[1] == rank


def promise(malignant: int, target: float, benign: int = 100) -> RecallPromise:
    """Return the promise of evenly spread probabilities of both classes."""
    ranked, of_benign = np.linspace(0.99, 0.01, malignant), np.linspace(0, 1, benign)
    rank = policy_derivation.recall_threshold(ranked, target)[1]
    return policy_derivation.recall_promise(of_benign, ranked, rank=rank, target=target)


def test_the_promise_is_the_beta_distribution_of_the_rank() -> None:
    found = promise(170, 0.98)
    assert found.expected == pytest.approx(168 / 171)
    assert found.low == pytest.approx(stats.beta(168, 3).ppf(0.05), abs=1e-9)
    assert found.low == pytest.approx(0.963, abs=5e-4)
    assert (found.sure_rank, found.confidence, found.reason) == (170, 0.95, None)
    assert stats.beta(169, 2).ppf(0.05) < 0.98 <= stats.beta(170, 1).ppf(0.05)
    assert found.sure_specificity == pytest.approx(0.01, abs=0.01)


@pytest.mark.parametrize(("malignant", "expected"), [(48, 48 / 49), (2, 2 / 3)])
def test_too_few_patients_for_the_target_are_reported(malignant: int, expected: float) -> None:
    found = promise(malignant, 0.98)
    assert found.expected == pytest.approx(expected)
    assert found.reason == f"{malignant} malignant patients are too few to expect a recall of 0.98"
    assert (found.sure_rank, found.sure_specificity) == (None, None)
    assert promise(49, 0.98).reason is None


def test_the_recall_of_new_patients_is_as_promised() -> None:
    random = np.random.default_rng(7)
    ranked = np.sort(random.random((4000, 170)))[:, ::-1]
    recall = 1 - ranked[:, 168 - 1]  # of uniform probabilities
    found = promise(170, 0.98)
    assert recall.mean() == pytest.approx(found.expected, abs=5e-4)
    assert (recall >= found.low).mean() == pytest.approx(0.95, abs=0.01)


def test_the_promise_is_stated_in_words() -> None:
    assert results.policy().promised == (
        "expect a recall of 98.2% for new malignant patients, and at least 96.3% with 95% confidence; to promise 98.0%"
        " with 95% confidence, rank 170 of 170 would be needed, with a specificity of 53.0%"
    )
    few = results.policy(promise=promise(48, 0.98)).promised
    assert few.startswith("48 malignant patients are too few to expect a recall of 0.98: expect a recall of 98.0%")
    assert few.endswith("; no threshold promises 98.0% with 95% confidence")


@pytest.mark.parametrize(
    ("rows", "alpha", "expected"),
    [(9, 0.1, 9), (9, 0.2, 8), (19, 0.1, 18), (49, 0.02, 49), (99, 0.02, 98), (100, 0.02, 99)],
)
def test_the_quantile_is_the_score_of_the_conformal_rank(rows: int, alpha: float, expected: int) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1, rows + 1)) / 1000
    assert policy_derivation.conformal_quantile(scores, alpha) == expected / 1000


@pytest.mark.parametrize(("rows", "alpha"), [(48, 0.02), (8, 0.1), (1, 0.02)])
def test_a_class_with_too_few_patients_is_in_every_prediction_set(rows: int, alpha: float) -> None:
    quantile = policy_derivation.conformal_quantile(np.full(rows, 0.001), alpha)
    assert quantile == 1
    holds = decision_policy.possible([0.0, 0.5, 1.0], Quantiles(benign=quantile, malignant=quantile))
    assert all(possible.all() for possible in holds.values())


def test_equal_scores_at_the_quantile_all_belong_to_the_class() -> None:
    scores = np.array([0.1, 0.2, 0.2, 0.2, 0.9])
    quantile = policy_derivation.conformal_quantile(scores, 0.5)
    assert quantile == 0.2
    assert decision_policy.possible(scores, Quantiles(benign=quantile, malignant=0))["benign"].sum() == 4


def test_patients_with_two_classes_or_none_in_the_set_are_referred() -> None:
    both = decision_policy.triage([0.0, 0.09, 0.1, 0.3, 0.5, 0.51, 1.0], Quantiles(benign=0.5, malignant=0.9))
    assert both.tolist() == ["benign", "benign", "refer", "refer", "refer", "malignant", "malignant"]
    none = decision_policy.triage([0.0, 0.3, 0.31, 0.39, 0.4, 1.0], Quantiles(benign=0.3, malignant=0.6))
    assert none.tolist() == ["benign", "benign", "refer", "refer", "malignant", "malignant"]
    assert decision_policy.triage([], Quantiles(benign=0.3, malignant=0.6)).tolist() == []


@pytest.mark.parametrize("probabilities", [[math.nan], [-0.1], [1.1], [[0.5]]])
def test_values_that_are_not_probabilities_are_rejected(probabilities: Any) -> None:
    for reading in (decision_policy.triage, decision_policy.possible):
        with pytest.raises(WdbcError, match="probabilities"):
            reading(probabilities, Quantiles(benign=0.5, malignant=0.5))
    with pytest.raises(WdbcError, match="probabilities"):
        decision_policy.is_above(probabilities, 0.5)


def test_applying_a_stored_policy_needs_only_numpy() -> None:
    code = (
        "import sys; from wdbc_assets.domain.evaluation import decision_policy;"
        "print(*decision_policy.triage([.01, .2, .9], decision_policy.Quantiles(benign=.5, malignant=.9)));"
        "print(*({'pandas', 'sklearn', 'scipy', 'dagster'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.project_root(), capture_output=True, text=True, check=True
    )
    assert printed.stdout.split("\n") == ["benign refer malignant", "", ""]


@pytest.mark.parametrize("recipe", ["logistic", "airflow_baseline"])
def test_out_of_fold_probabilities_equal_scikit_learns(split: splitting.Split, recipe: str) -> None:
    fit = fitting.fit(split.X_train, split.y_train, recipe=recipe, grid="small")
    done: list[int] = []
    found = policy_derivation.out_of_fold(
        split.X_train, split.y_train, fit, folds=10, seed=42, on_fold=lambda: done.append(1)
    )
    with threadpool_limits(limits=1):
        expected = cross_val_predict(
            clone(fit.pipeline),
            split.X_train,
            split.y_train,
            cv=StratifiedKFold(10, shuffle=True, random_state=42),
            method="predict_proba",
        )
    np.testing.assert_allclose(found, expected[:, 1], rtol=0, atol=1e-10)
    assert len(done) == 10


def test_the_log_loss_of_the_winner_is_that_of_repeated_cross_validation_with_fixed_parameters(
    split: splitting.Split, fit: fitting.Fit, made: DecisionPolicy
) -> None:
    X, y = pd.concat([split.X_train, split.X_test]), pd.concat([split.y_train, split.y_test])
    losses = []
    for seed in range(3):
        folds = StratifiedKFold(10, shuffle=True, random_state=seed)
        with threadpool_limits(limits=1):
            p = cross_val_predict(clone(fit.pipeline), X, y, cv=folds, method="predict_proba")[:, 1]
        losses.append(log_loss(y, p))
    assert made.winner_log_loss == pytest.approx(np.mean(losses), abs=1e-8)


def test_progress_counts_the_folds_of_the_policy_and_those_of_the_winner(split: splitting.Split) -> None:
    fit = fitting.fit(split.X_train, split.y_train, recipe="logistic", grid="small")
    counts: list[tuple[int, int]] = []
    policy_derivation.derive(split, fit, folds=2, progress=lambda *count: counts.append(count))
    assert counts == [(done, 32) for done in range(1, 33)]


def test_the_policy_follows_its_definitions(split: splitting.Split, fit: fitting.Fit, made: DecisionPolicy) -> None:
    y, y_test = split.y_train.to_numpy(), split.y_test.to_numpy()
    p = policy_derivation.out_of_fold(split.X_train, split.y_train, fit, folds=10, seed=42)
    p_test = prediction.predict(fit.pipeline, split.X_test)
    assert made.training == decision_policy.Training(rows=455, benign=285, malignant=170)
    assert made.rank == 168
    assert made.threshold == np.sort(p[y == 1])[-168]
    assert made.promise.sure_rank == 170
    assert made.promise.sure_specificity == (p[y == 0] < p[y == 1].min()).mean()
    assert made.quantiles.benign == np.sort(p[y == 0])[281 - 1]  # ceil(286 * .98)
    assert made.quantiles.malignant == np.sort(1 - p[y == 1])[168 - 1]  # ceil(171 * .98)
    assert made.out_of_fold.recall == intervals.without(168 / 170, policy_rates.CHOSEN_BY_RECALL)
    for found, truth, probability in ((made.out_of_fold, y, p), (made.test, y_test, p_test)):
        assert found.recall.value == (probability[truth == 1] >= made.threshold).mean()
        assert found.specificity.value == (probability[truth == 0] < made.threshold).mean()
        assert found.referred.value == (decision_policy.triage(probability, made.quantiles) == "refer").mean()
        counts = np.array(found.confusion_matrix)
        assert found.ppv.value == counts[1, 1] / counts[:, 1].sum()
        assert found.npv.value == counts[0, 0] / counts[:, 0].sum()
        for code, diagnosis in enumerate(("benign", "malignant")):
            outcomes = decision_policy.triage(probability[truth == code], made.quantiles).tolist()
            assert found.triage[diagnosis] == {name: outcomes.count(name) for name in decision_policy.OUTCOMES}
    withheld = {name for name, rate in made.out_of_fold.by_name.items() if rate.low is None}
    assert withheld == {"recall", "ppv", "npv", "positive_likelihood_ratio", "negative_likelihood_ratio"}
    coverage = made.test.coverage
    assert coverage.benign.value == (p_test[y_test == 0] <= made.quantiles.benign).mean()
    assert coverage.malignant.value == (1 - p_test[y_test == 1] <= made.quantiles.malignant).mean()
    assert coverage.malignant.method == "wilson"


SETS = Quantiles(benign=0.4, malignant=0.4)


def test_rates_follow_from_the_counts_at_the_threshold() -> None:
    found = policy_rates.rates(np.array([0, 0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.5, 0.9, 0.45, 0.8]), 0.45, SETS)
    assert found.confusion_matrix == ((2, 2), (0, 2))
    assert (found.ppv.value, found.npv.value) == (0.5, 1.0)
    assert found.positive_likelihood_ratio.value == 2.0
    assert found.negative_likelihood_ratio.value == 0.0
    assert found.negative_likelihood_ratio.reason == "a ratio of 0 has no interval on the log scale"
    assert found.triage["benign"] == {"benign": 2, "malignant": 1, "refer": 1}
    assert found.triage["malignant"] == {"benign": 0, "malignant": 1, "refer": 1}


def test_what_cannot_be_said_of_nobody_has_a_reason() -> None:
    y, p = np.array([0, 0, 1]), np.array([0.1, 0.2, 0.3])
    nobody_above = policy_rates.rates(y, p, 0.5, SETS)
    assert (nobody_above.ppv.value, nobody_above.ppv.reason) == (None, "no patient is at or above the threshold")
    assert nobody_above.positive_likelihood_ratio.value is None
    assert nobody_above.positive_likelihood_ratio.reason == "no benign patient is at or above the threshold"
    nobody_below = policy_rates.rates(y, p, 0.05, SETS)
    assert (nobody_below.npv.value, nobody_below.npv.reason) == (None, "no patient is below the threshold")
    assert nobody_below.negative_likelihood_ratio.reason == "no benign patient is below the threshold"


def test_the_histogram_counts_every_patient_in_fixed_bins(
    split: splitting.Split, fit: fitting.Fit, made: DecisionPolicy
) -> None:
    histogram = made.out_of_fold.histogram
    assert (histogram.edges[0], histogram.edges[-1]) == (0, 1)
    assert list(histogram.edges) == sorted(set(histogram.edges))
    assert (sum(histogram.benign), sum(histogram.malignant)) == (285, 170)
    assert len(histogram.benign) == len(histogram.malignant) == len(histogram.edges) - 1
    other = splitting.split(validation.clean_frame(), seed=1)
    another = policy_derivation.derive(
        other, fitting.fit(other.X_train, other.y_train, recipe="logistic", grid="small")
    )
    assert another.out_of_fold.histogram.edges == histogram.edges


def test_the_policy_is_reproducible_and_depends_on_the_seed(
    split: splitting.Split, fit: fitting.Fit, made: DecisionPolicy
) -> None:
    assert policy_derivation.derive(split, fit) == made
    assert policy_derivation.derive(split, fit, seed=43).threshold != made.threshold


def test_the_policy_uses_the_winners_parameters_without_a_search(split: splitting.Split, fit: fitting.Fit) -> None:
    other = replace(fit, winner={"logistic__C": 0.1})
    assert other.winner != fit.winner
    assert policy_derivation.derive(split, other).winner == other.winner
    assert policy_derivation.derive(split, other).threshold != policy_derivation.derive(split, fit).threshold


@pytest.mark.parametrize(
    ("setting", "value"),
    [("recall_target", 0.0), ("recall_target", 1.1), ("alpha", 0.0), ("alpha", 1.0), ("folds", 1), ("seed", -1)],
)
def test_a_setting_out_of_range_is_rejected(
    split: splitting.Split, fit: fitting.Fit, setting: str, value: float
) -> None:
    with pytest.raises(WdbcError, match=f"{setting} = {value}"):
        policy_derivation.derive(split, fit, **{setting: value})  # type: ignore[arg-type]


def test_a_fold_that_cannot_be_fitted_is_reported(
    split: splitting.Split, fit: fitting.Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipes.named("logistic")
    stuck = recipes.Recipe(
        name="logistic",
        summary=recipe.summary,
        scoring=recipe.scoring,
        grids=recipe.grids,
        build=lambda seed: recipe.build(seed).set_params(logistic__solver="lbfgs", logistic__max_iter=1),
    )
    monkeypatch.setitem(recipes.RECIPES, "logistic", stuck)
    with pytest.raises(WdbcError, match="not on all training rows") as refused:
        policy_derivation.derive(split, fit)
    assert refused.value.where == "fold 1 of 10 of the decision policy, logistic"


@pytest.mark.nightly
def test_mean_coverage_and_referrals_over_twenty_splits() -> None:
    """Only the mean over splits is guaranteed: the coverage of one split ranges from .93 to 1."""
    frame = validation.clean_frame()
    policies = []
    for seed in range(20):
        split = splitting.split(frame, seed=seed)
        fit = fitting.fit(split.X_train, split.y_train, recipe="logistic")
        policies.append(policy_derivation.derive(split, fit, recall_target=PROMISED, alpha=1 - PROMISED))

    def mean(rate: Callable[[DecisionPolicy], Interval]) -> float:
        return float(np.mean([rate(one).value for one in policies]))

    assert 0.96 <= mean(lambda one: one.test.coverage.benign) <= 1
    assert 0.96 <= mean(lambda one: one.test.coverage.malignant) <= 1
    assert mean(lambda one: one.test.referred) <= 0.12
    # The recall of one split has a spread of .025 over splits, the specificity one of .039.
    assert mean(lambda one: one.test.recall) == pytest.approx(168 / 171, abs=0.015)
    assert mean(lambda one: one.test.specificity) == pytest.approx(0.9, abs=0.03)
    assert all((one.out_of_fold.recall.value or 0) >= PROMISED for one in policies)
