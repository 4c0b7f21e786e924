"""DeLong's interval of the ROC-AUC: published and computed cases, perfect separation, and classes of one patient."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from wdbc_assets.domain.evaluation import delong
from wdbc_assets.domain.evaluation.intervals import Interval


def with_ties(benign: int = 30, malignant: int = 20) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    return np.round(random.normal(0.3, 0.2, benign), 1), np.round(random.normal(0.6, 0.2, malignant), 1)


def by_pairs(benign: np.ndarray, malignant: np.ndarray) -> tuple[float, float]:
    """Return the AUC and its variance by the definition: all pairs, as in DeLong et al. (1988), equations 2 to 6."""
    pairs = np.array([[1.0 if m > b else 0.5 if m == b else 0.0 for b in benign] for m in malignant])
    auc = pairs.mean()
    of_malignant = sum((row.mean() - auc) ** 2 for row in pairs) / (len(malignant) - 1)
    of_benign = sum((column.mean() - auc) ** 2 for column in pairs.T) / (len(benign) - 1)
    return float(auc), of_malignant / len(malignant) + of_benign / len(benign)


@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_the_interval_is_that_of_all_pairs_on_the_logit_scale(confidence: float) -> None:
    benign, malignant = with_ties()
    auc, variance = by_pairs(benign, malignant)
    middle, se = math.log(auc / (1 - auc)), math.sqrt(variance) / (auc * (1 - auc))
    ends = [1 / (1 + math.exp(-end)) for end in stats.norm.interval(confidence, middle, se)]
    found = delong.roc_auc(benign, malignant, confidence=confidence)
    assert found.value == pytest.approx(auc, abs=1e-12)
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-12)
    assert (found.method, found.reason) == ("delong", None)


def test_the_value_is_scikit_learns() -> None:
    benign, malignant = with_ties()
    y = np.r_[np.zeros(len(benign)), np.ones(len(malignant))]
    assert delong.roc_auc(benign, malignant).value == pytest.approx(
        metrics.roc_auc_score(y, np.r_[benign, malignant]), abs=1e-12
    )


@pytest.mark.parametrize(("benign", "malignant"), [(72, 42), (42, 72), (2, 1)])
def test_at_auc_1_the_lower_bound_is_the_exact_one_of_the_smaller_class(benign: int, malignant: int) -> None:
    low, high = np.linspace(0.1, 0.4, benign), np.linspace(0.6, 0.9, malignant)
    smaller = min(benign, malignant)
    exact = stats.binomtest(smaller, smaller).proportion_ci(method="exact").low
    perfect = delong.roc_auc(low, high)
    assert (perfect.value, perfect.high, perfect.method) == (1.0, 1.0, "clopper_pearson")
    assert perfect.low == pytest.approx(0.025 ** (1 / smaller), abs=1e-15)
    assert perfect.low == pytest.approx(exact, abs=1e-9)
    reversed_ = delong.roc_auc(1 - low, 1 - high)
    assert (reversed_.value, reversed_.low) == (0.0, 0.0)
    assert reversed_.high == pytest.approx(1 - exact, abs=1e-9)


@pytest.mark.parametrize(
    ("benign", "malignant", "value", "reason"),
    [
        ([0.2, 0.6], [0.4], 0.5, delong.ONE_PATIENT),
        ([0.4], [0.2, 0.6], 0.5, delong.ONE_PATIENT),
        ([0.5, 0.5], [0.5, 0.5], 0.5, delong.NO_VARIANCE),
    ],
)
def test_without_a_variance_there_is_no_interval_but_a_reason(
    benign: list[float], malignant: list[float], value: float, reason: str
) -> None:
    found = delong.roc_auc(np.array(benign), np.array(malignant))
    assert found == Interval(value=value, low=None, high=None, method="delong", reason=reason)


def test_an_auc_just_below_1_has_finite_bounds() -> None:
    malignant = np.r_[0.5, np.linspace(0.8, 0.9, 41)]
    found = delong.roc_auc(np.r_[0.6, np.linspace(0.1, 0.4, 71)], malignant)
    assert found.low is not None
    assert found.high is not None
    assert found.value == 1 - 1 / (42 * 72)
    assert 0.99 < found.low < found.value < found.high < 1
