"""Tests of the synthetic population."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from wdbc_assets_tests.domain.monitoring import years


def test_classes_keep_mean_and_spread_of_the_logarithms() -> None:
    data = load_breast_cancer()
    drawn = years.patients(20_000, 1)
    for kind in (0, 1):
        real, made = np.log(data.data[data.target == 1 - kind] + 0.01), np.log(drawn.X[drawn.y == kind] + 0.01)
        assert made.mean(axis=0) == pytest.approx(real.mean(axis=0), abs=0.05 * real.std(axis=0).max())
        assert made.std(axis=0) == pytest.approx(real.std(axis=0), rel=0.15)


def test_patients_are_new_and_never_negative() -> None:
    drawn = years.patients(2000, 2)
    assert (drawn.X >= 0).all()
    assert len(np.unique(drawn.X[:, 0])) == 2000


def test_the_prevalence_is_that_of_the_data_unless_another_is_asked_for() -> None:
    assert years.patients(20_000, 3).y.mean() == pytest.approx(212 / 569, abs=0.02)
    assert years.patients(20_000, 3, prevalence=0.1).y.mean() == pytest.approx(0.1, abs=0.02)


def test_the_same_seed_gives_the_same_patients() -> None:
    assert (years.patients(10, 4).X == years.patients(10, 4).X).all()
