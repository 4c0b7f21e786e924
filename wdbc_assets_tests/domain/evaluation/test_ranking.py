"""Metrics of ranked rows equal scikit-learn's, with ties and at the very ends."""

import numpy as np
import pytest
from sklearn import metrics

from wdbc_assets.domain.evaluation import ranking

GENERATOR = np.random.default_rng(3)
Y = np.r_[np.zeros(25, dtype=np.int64), np.ones(15, dtype=np.int64)]


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_average_precision_equals_scikit_learns(decimals: int) -> None:
    p = np.round(np.clip(GENERATOR.normal(0.3 + 0.4 * Y, 0.25), 0, 1), decimals)
    ours = ranking.RankedRows(Y, p).average_precision()
    assert ours == pytest.approx(metrics.average_precision_score(Y, p), abs=1e-12)


def test_a_loss_is_largest_for_a_wrong_prediction_without_doubt() -> None:
    losses = ranking.losses(np.array([0, 1, 0, 1]), np.array([1.0, 0.0, 0.0, 1.0]))
    assert losses["brier"].tolist() == [ranking.LARGEST_LOSS["brier"]] * 2 + [0.0] * 2
    assert losses["log_loss"] == pytest.approx([ranking.LARGEST_LOSS["log_loss"]] * 2 + [1e-7] * 2, rel=1e-6)
