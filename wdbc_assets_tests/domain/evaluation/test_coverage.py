"""How often the intervals of the test set cover the true value, by simulation of test sets of 114 patients.

The log-odds of each class are drawn from a gamma distribution with the quantiles of the default recipe's out-of-fold
log-odds on the published data. On these test sets, percentile intervals of 1,000 resamples cover the true ROC-AUC in
78 %, the log-loss in 88 % and the Brier score in 88 %.
"""

import numpy as np
import pytest
from scipy.special import expit

from wdbc_assets.domain.evaluation import delong, metrics, ranking

BENIGN, MALIGNANT = 72, 42
TEST_SETS = 400


def probabilities(random: np.random.Generator, benign: int, malignant: int) -> tuple[np.ndarray, np.ndarray]:
    return expit(13.2 - 0.55 * random.gamma(36, size=benign)), expit(3.6 * random.gamma(4.1, size=malignant) - 5)


def true_values() -> dict[str, float]:
    """Return each metric of the population, in which the classes are as frequent as in a test set."""
    benign, malignant = probabilities(np.random.default_rng(0), 400_000, 400_000)
    losses = ranking.losses(np.r_[np.zeros(400_000, int), np.ones(400_000, int)], np.r_[benign, malignant])
    tp, fp = MALIGNANT * (malignant > 0.5).mean(), BENIGN * (benign > 0.5).mean()
    return {
        "recall": float((malignant > 0.5).mean()),
        "f1": float(2 * tp / (tp + MALIGNANT + fp)),
        "roc_auc": float(delong.placements(benign, malignant)[0].mean()),
        **{
            name: float((BENIGN * each[:400_000].mean() + MALIGNANT * each[400_000:].mean()) / (BENIGN + MALIGNANT))
            for name, each in losses.items()
        },
    }


@pytest.mark.slow
def test_the_intervals_cover_the_true_value_about_as_often_as_stated() -> None:
    random, y = np.random.default_rng(114), np.repeat([0, 1], [BENIGN, MALIGNANT])
    truth, covered = true_values(), []
    for seed in range(TEST_SETS):
        p = np.concatenate(probabilities(random, BENIGN, MALIGNANT))
        found = metrics.evaluate(y, p, bootstrap=1000, seed=seed).by_name
        covered.append(
            [(found[name].low or 0) <= value <= (found[name].high or np.inf) for name, value in truth.items()]
        )
    shares = dict(zip(truth, np.mean(covered, axis=0), strict=True))
    # A share of .95 has a standard error of .011 here. The log-loss may fall short as `metrics_result.NOTES` states.
    lowest = {"recall": 0.92, "f1": 0.92, "roc_auc": 0.93, "log_loss": 0.88, "brier": 0.92}
    assert {name: share for name, share in shares.items() if share < lowest[name]} == {}
