"""The number of patients that a model needs: published values, and what cannot be said."""

import math

import pytest

from wdbc_assets.domain.evaluation.sample_size import SampleSize, sample_size


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
