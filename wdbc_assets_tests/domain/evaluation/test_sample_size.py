"""The number of patients that a model needs: published values, and what cannot be said."""

import math

import numpy as np
import pytest

from wdbc_assets.domain.evaluation import curves
from wdbc_assets.domain.evaluation.sample_size import SampleSize, external_validation, sample_size
from wdbc_assets_tests.domain import out_of_fold


def log_loss_for(r2: float, prevalence: float) -> float:
    """The log-loss at which the Cox-Snell R2 has this value."""
    null = -(prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence))
    return null + math.log(1 - r2) / 2


def test_the_criteria_are_those_of_the_published_example() -> None:
    """Riley et al. (2020): 24 parameters, a Cox-Snell R2 of .288, 17.4 % events."""
    found = sample_size(parameters=24, prevalence=0.174, log_loss=log_loss_for(0.288, 0.174))
    assert found == SampleSize(shrinkage=623, optimism=662, prevalence=221)
    assert found.needed == 662


def test_thirty_measurements_need_fewer_patients_than_there_are() -> None:
    found = sample_size(parameters=30, prevalence=212 / 569, log_loss=0.0747)
    assert found is not None
    assert 455 < found.needed == 459 < 569


@pytest.mark.parametrize("log_loss", [0.6604, 0.9])
def test_a_model_that_is_no_better_than_the_prevalence_needs_no_number(log_loss: float) -> None:
    assert sample_size(parameters=30, prevalence=212 / 569, log_loss=log_loss) is None


def test_a_perfect_model_has_a_number_too() -> None:
    found = sample_size(parameters=30, prevalence=0.5, log_loss=0.0)
    assert found is not None
    assert found.needed >= found.prevalence == 385


def test_a_validation_needs_what_the_published_formulas_say() -> None:
    """QUALITY: 168.4 patients for observed / expected; for the slope the inverse of the information matrix."""
    p = out_of_fold.honest()["probability"].to_numpy().reshape(out_of_fold.REPEATS, -1)
    found = external_validation(212 / 569, p)
    assert found.observed_expected == 169 == math.ceil(357 / 212 / 0.1**2)
    each = []
    for repeat in p:
        design = np.column_stack([np.ones(len(repeat)), np.log(repeat / (1 - repeat))])
        information = (design * (repeat * (1 - repeat))[:, None]).T @ design / len(repeat)
        each.append(np.linalg.inv(information)[1, 1] / 0.15**2)
    assert found.slope == math.ceil(np.mean(each))
    assert 350 < found.needed < 550
    assert found.events == math.ceil(found.needed * 212 / 569)


def test_the_standard_error_is_reached_by_ten_times_as_many_and_missed_by_a_third_at_first() -> None:
    """The formula is asymptotic: with so few patients, the slope varies more than it says."""
    random = np.random.default_rng(0)
    p = out_of_fold.honest()["probability"].to_numpy()[:569]
    needed = external_validation(float(p.mean()), p[None]).slope
    assert needed is not None

    def error(patients: int) -> float:
        samples = [random.choice(p, size=patients) for _ in range(300)]
        drawn = [curves.slope((random.random(patients) < sample).astype(np.float64), sample) for sample in samples]
        return float(np.std(drawn))

    assert error(10 * needed) == pytest.approx(0.15 / math.sqrt(10), rel=0.15)
    assert 0.16 < error(needed) < 0.22
    assert error(round(1.5 * needed)) < 0.17


@pytest.mark.parametrize("probability", [0.3, 0.0, 1.0])
def test_a_slope_of_equal_probabilities_needs_no_number_but_a_reason(probability: float) -> None:
    found = external_validation(0.3, np.full((2, 100), probability))
    assert (found.slope, found.needed) == (None, found.observed_expected)
    assert found.reason == "the log-odds of the patients hardly differ, so a slope has no bound"


def test_a_model_without_error_needs_a_finite_number() -> None:
    found = external_validation(0.5, np.array([[0.0, 1.0, 0.01, 0.99]]))
    assert found.slope is not None
