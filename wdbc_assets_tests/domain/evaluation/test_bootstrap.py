"""The bootstrap-t of mean losses: an independent computation, losses without spread, and the resamples."""

import math

import numpy as np
import pytest

from wdbc_assets.domain.evaluation import bootstrap
from wdbc_assets.domain.evaluation.intervals import Interval

Y = np.r_[np.zeros(25, dtype=np.int64), np.ones(15, dtype=np.int64)]
LOSSES = np.random.default_rng(3).gamma(0.3, size=40)


def interval(losses: np.ndarray, y: np.ndarray = Y, *, largest: float = 1000.0, resamples: int = 1000) -> Interval:
    found = bootstrap.mean_losses(y, {"loss": losses}, largest={"loss": largest}, bootstrap=resamples, seed=42)
    return found["loss"]


def drawn(count: int, seed: int = 42) -> np.ndarray:
    return np.concatenate(list(bootstrap.resamples(Y, bootstrap=count, seed=seed)))


def log_mean(losses: np.ndarray) -> tuple[float, float]:
    """Return the logarithm of the mean and its standard error, given the losses in the order of `Y`."""
    variance = sum((of.size / losses.size) ** 2 * of.var() / of.size for of in (losses[Y == 0], losses[Y == 1]))
    return math.log(losses.mean()), math.sqrt(variance) / losses.mean()


def test_the_interval_equals_one_from_repeated_rows() -> None:
    middle, se = log_mean(LOSSES)
    statistics = []
    for times in drawn(999).astype(int):
        again, of_again = log_mean(np.r_[np.repeat(LOSSES[:25], times[:25]), np.repeat(LOSSES[25:], times[25:])])
        statistics.append((again - middle) / of_again)
    statistics.sort()
    found = interval(LOSSES, resamples=999)
    assert found.value == LOSSES.mean()
    assert found.low == pytest.approx(math.exp(middle - statistics[-25] * se), rel=1e-9)
    assert found.high == pytest.approx(math.exp(middle - statistics[24] * se), rel=1e-9)
    assert (found.method, found.reason) == ("bootstrap_t", None)


def test_the_interval_scales_with_the_losses() -> None:
    once, twice = interval(LOSSES), interval(2 * LOSSES)
    assert twice.low == pytest.approx(2 * (once.low or 0), rel=1e-9)
    assert twice.high == pytest.approx(2 * (once.high or 0), rel=1e-9)


def test_no_bound_exceeds_the_largest_possible_loss() -> None:
    assert (interval(LOSSES).high or 0) > 0.4
    assert interval(LOSSES, largest=0.4).high == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        (np.zeros(40), bootstrap.NO_LOSS),
        (np.full(40, 0.1), bootstrap.NO_SPREAD),
        (np.r_[np.zeros(39), 1.0], bootstrap.FEW_LOSSES),  # a third of the resamples lack the only loss
    ],
    ids=["no loss", "equal losses", "one loss"],
)
def test_without_a_spread_there_is_no_interval_but_a_reason(losses: np.ndarray, reason: str) -> None:
    found = interval(losses)
    assert found == Interval(value=losses.mean(), low=None, high=None, method="bootstrap_t", reason=reason)


def test_a_class_of_one_patient_does_not_prevent_an_interval() -> None:
    y = np.r_[np.zeros(39, dtype=np.int64), 1]
    found = interval(LOSSES, y)
    assert found.low is not None
    assert found.high is not None
    assert found.low < LOSSES.mean() < found.high


def test_a_resample_keeps_the_number_of_rows_of_each_class() -> None:
    weights = drawn(200)
    assert weights.shape == (200, 40)
    assert (weights[:, Y == 1].sum(axis=1) == 15).all()
    assert (weights[:, Y == 0].sum(axis=1) == 25).all()


def test_each_row_is_drawn_about_once_per_resample() -> None:
    # The mean of 20,000 draws of 1 in 15 or 25 has a standard error below .01.
    assert drawn(20_000).mean(axis=0) == pytest.approx(np.ones(40), abs=0.05)


def test_resamples_and_intervals_do_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, whole = drawn(300), interval(LOSSES, resamples=300)
    monkeypatch.setattr(bootstrap, "_CELLS_PER_BLOCK", 7 * 40)
    assert len(list(bootstrap.resamples(Y, bootstrap=300, seed=42))) == 43
    assert np.array_equal(drawn(300), at_once)
    assert interval(LOSSES, resamples=300) == whole


def test_the_seed_determines_the_resamples() -> None:
    assert np.array_equal(drawn(10, seed=1), drawn(10, seed=1))
    assert not np.array_equal(drawn(10, seed=1), drawn(10, seed=2))
