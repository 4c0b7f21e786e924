"""Tests of the e-processes: their capital, and how often they are wrong."""

import numpy as np
import pytest

from wdbc_assets.domain.monitoring import sequential


def test_the_evidence_against_the_recall_is_the_mean_of_the_products() -> None:
    evidence = sequential.recall([True, False, True])
    products = [(q / 0.95) ** 2 * (1 - q) / 0.05 for q in (0.92, 0.90, 0.85, 0.75)]
    assert evidence[-1] == pytest.approx(np.mean(products))


def test_the_evidence_for_a_rollback_is_the_mean_of_the_products() -> None:
    evidence = sequential.rollback([0.9, 0.2], [0.6, 0.3], [0, 1])
    d = np.array([0.81 - 0.36, 0.64 - 0.49])
    products = [np.prod(1 + stake * (d - 0.002) / 1.002) for stake in (0.05, 0.1, 0.2, 0.4, 0.8)]
    assert evidence[-1] == pytest.approx(np.mean(products))


def test_a_recall_at_its_least_value_is_in_alarm_as_rarely_as_promised() -> None:
    generator = np.random.default_rng(0)
    alarms = [
        (sequential.recall(generator.random(1000) < sequential.LEAST_RECALL) >= sequential.RECALL_ALARM).any()
        for _ in range(400)
    ]
    assert np.mean(alarms) <= 1 / sequential.RECALL_ALARM + 3 * np.sqrt(0.025 * 0.975 / 400)


def test_a_recall_of_85_percent_is_in_alarm_after_a_few_hundred_patients() -> None:
    generator = np.random.default_rng(1)
    assert sequential.recall(generator.random(500) < 0.85)[-1] > sequential.RECALL_ALARM


def test_equal_models_are_not_rolled_back_and_a_bad_one_is() -> None:
    generator = np.random.default_rng(2)
    p = generator.beta(0.3, 0.6, 2000)
    y = generator.random(2000) < p
    assert sequential.rollback(p, p, y).max() <= 1
    assert sequential.rollback(1 - p, p, y).max() > sequential.ROLLBACK


def test_evidence_does_not_overflow() -> None:
    with np.errstate(over="raise"):
        assert np.isfinite(sequential.recall(np.zeros(100_000))).all()
