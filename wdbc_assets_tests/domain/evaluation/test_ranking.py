"""Weighted metrics equal scikit-learn's on repeated rows, and resamples keep the class sizes."""

import numpy as np
import pytest
from sklearn import metrics

from wdbc_assets.domain.evaluation import ranking

GENERATOR = np.random.default_rng(3)
Y = np.r_[np.zeros(25, dtype=np.int64), np.ones(15, dtype=np.int64)]
P = np.round(np.clip(GENERATOR.normal(0.3 + 0.4 * Y, 0.25), 0, 1), 1)  # rounded, so that there are ties
RANKED = ranking.RankedRows(Y, P, P > 0.5)


def drawn(bootstrap: int, seed: int = 42) -> np.ndarray:
    return np.concatenate(list(ranking.resamples(Y, bootstrap=bootstrap, seed=seed)))


def test_metrics_of_a_resample_equal_those_of_its_repeated_rows() -> None:
    weights = drawn(50)
    ours = RANKED.metrics(weights)
    for number, times in enumerate(weights.astype(int)):
        y, p = np.repeat(Y, times), np.repeat(P, times)
        theirs = {
            "f1": metrics.f1_score(y, p > 0.5),
            "roc_auc": metrics.roc_auc_score(y, p),
            "pr_auc": metrics.average_precision_score(y, p),
            "log_loss": metrics.log_loss(y, np.clip(p, ranking.LOG_LOSS_CLIP, 1 - ranking.LOG_LOSS_CLIP)),
            "brier": metrics.brier_score_loss(y, p),
        }
        assert {name: values[number] for name, values in ours.items()} == pytest.approx(theirs, abs=1e-12)


def test_a_resample_keeps_the_number_of_rows_of_each_class() -> None:
    weights = drawn(200)
    assert weights.shape == (200, 40)
    assert (weights[:, Y == 1].sum(axis=1) == 15).all()
    assert (weights[:, Y == 0].sum(axis=1) == 25).all()


def test_each_row_is_drawn_about_once_per_resample() -> None:
    # The mean of 20,000 draws of 1 in 15 or 25 has a standard error below .01.
    assert drawn(20_000).mean(axis=0) == pytest.approx(np.ones(40), abs=0.05)


def test_resamples_do_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = drawn(300)
    monkeypatch.setattr(ranking, "_CELLS_PER_BLOCK", 7 * 40)
    assert len(list(ranking.resamples(Y, bootstrap=300, seed=42))) == 43
    assert np.array_equal(drawn(300), at_once)


def test_the_seed_determines_the_resamples() -> None:
    assert np.array_equal(drawn(10, seed=1), drawn(10, seed=1))
    assert not np.array_equal(drawn(10, seed=1), drawn(10, seed=2))
