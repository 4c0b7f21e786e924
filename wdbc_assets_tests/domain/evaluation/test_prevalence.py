"""Prevalence shift: recalibrated probabilities are right elsewhere, and those of the model as it is are too high."""

import math

import numpy as np
import pytest

from wdbc_assets.domain.evaluation import prevalence, ranking


def test_the_offset_is_the_difference_of_the_logits() -> None:
    assert prevalence.offset(0.3726, 0.1) == pytest.approx(-1.676, abs=1e-3)
    assert prevalence.offset(0.2, 0.2) == 0


def test_at_the_prevalence_of_the_data_nothing_changes() -> None:
    rng = np.random.default_rng(0)
    p = rng.random((2, 300))
    y = (rng.random(300) < p[0]).astype(int)
    found = prevalence.elsewhere(y, p, float(y.mean()))
    assert found.offset == 0
    assert found.recalibrated_log_loss == pytest.approx(found.log_loss)
    assert found.log_loss == pytest.approx(np.mean([ranking.losses(y, one)["log_loss"].mean() for one in p]))
    assert found.observed_expected == pytest.approx(y.mean() / p.mean())


def test_calibrated_probabilities_are_too_high_elsewhere_and_right_again_after_recalibration() -> None:
    rng, n = np.random.default_rng(0), 200_000
    p = rng.random(n)
    y = (rng.random(n) < p).astype(int)
    found = prevalence.elsewhere(y, p[None], 0.1)
    assert found.observed_expected < 0.5
    shifted = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + found.offset)))
    weights = np.where(y == 1, 0.1 / y.mean(), 0.9 / (1 - y.mean())) / n
    assert 0.1 / (shifted @ weights) == pytest.approx(1, abs=0.02)
    assert found.recalibrated_log_loss < found.log_loss


def test_probabilities_of_0_and_1_stay_what_they_are() -> None:
    found = prevalence.elsewhere([0, 1, 0, 1], np.array([[0.0, 1.0, 0.2, 0.8]]), 0.05)
    assert math.isfinite(found.log_loss)
    assert math.isfinite(found.recalibrated_log_loss)
