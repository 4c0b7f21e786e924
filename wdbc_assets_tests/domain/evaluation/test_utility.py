"""Net benefit and decision curves: their definition, their bounds, and what they say of useless models."""

import numpy as np
import pytest

from wdbc_assets.domain.evaluation import utility


def test_net_benefit_counts_cancers_minus_needless_biopsies_at_the_exchange_rate() -> None:
    y, p = [1, 1, 0, 0, 0], [0.9, 0.1, 0.5, 0.05, 0.2]
    # At .2: one true positive, two false positives, each worth .2 / .8 of a true one.
    assert utility.net_benefits(y, p, (0.2,)).mean() == pytest.approx((1 - 2 * 0.25) / 5)
    assert utility.net_benefits(y, p, (0.2, 0.6)).mean() == pytest.approx(((1 - 0.5) / 5 + 1 / 5) / 2)


def test_a_decision_curve_lies_in_its_band_and_between_the_defaults_and_perfection() -> None:
    rng = np.random.default_rng(1)
    truth = (rng.random(400) < 0.4).astype(int)
    p = np.clip(0.3 * rng.random((2, 400)) + 0.6 * truth, 0, 1)
    curve = utility.decision_curve(truth, p)
    assert curve.thresholds == utility.CURVE
    for at, (low, value, high) in enumerate(zip(curve.low, curve.net_benefit, curve.high, strict=True)):
        assert low <= value <= high
        assert value <= truth.mean() + 1e-12
        t = curve.thresholds[at]
        assert curve.treat_all[at] == pytest.approx(truth.mean() - (1 - truth.mean()) * t / (1 - t))
    assert curve.gain_at(0.5) == pytest.approx(truth.mean()), "nobody benign is at .5, and everybody malignant is"


def test_a_model_that_calls_everybody_malignant_gains_nothing() -> None:
    truth = np.array([0, 0, 1, 1])
    curve = utility.decision_curve(truth, np.ones((3, 4)))
    assert curve.net_benefit == pytest.approx(curve.treat_all)
    assert curve.gain_at(0.1) == pytest.approx(0)
    assert curve.gain_at(0.5) == pytest.approx(0)


@pytest.mark.nightly
def test_the_band_covers_the_net_benefit_of_the_population() -> None:
    covered, rng = [], np.random.default_rng(2)
    population = (rng.random(200_000) < 0.37).astype(int)
    p = 1 / (1 + np.exp(-(rng.normal(0, 1.5, population.size) + 4 * population - 2)))
    true = utility.net_benefits(population, p, (0.1,)).mean()
    for _ in range(200):
        some = rng.integers(population.size, size=569)
        curve = utility.decision_curve(population[some], p[None, some], (0.1,))
        covered.append(curve.low[0] <= true <= curve.high[0])
    assert np.mean(covered) >= 0.9


def test_the_interval_of_a_million_patients_is_that_of_the_normal_distribution() -> None:
    random = np.random.default_rng(3)
    p = random.random((2, 1_000_000))
    y = (random.random(1_000_000) < p.mean(axis=0)).astype(np.int64)
    curve = utility.decision_curve(y, p, (0.2,))
    gains = np.mean([utility.net_benefits(y, of, (0.2,)) for of in p], axis=0)
    half = 1.96 * gains.std() / 1000
    assert curve.net_benefit[0] == pytest.approx(gains.mean())
    assert (curve.low[0], curve.high[0]) == pytest.approx((gains.mean() - half, gains.mean() + half), abs=half / 10)
