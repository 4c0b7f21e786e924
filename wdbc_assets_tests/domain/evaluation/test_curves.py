"""Logistic recalibration compared with scikit-learn and a likelihood, and the smooth curve with least squares."""

import numpy as np
import pytest
from scipy import optimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from wdbc_assets.domain.evaluation import curves


def patients(rows: int = 300, *, slope: float = 1.0, intercept: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes of logit(P) = intercept + slope * logit(p), and p."""
    random = np.random.default_rng(11)
    p = expit(random.normal(-0.5, 2, rows))
    return (random.random(rows) < expit(intercept + slope * logit(p))).astype(float), p


def loss(y: np.ndarray, log_odds: np.ndarray) -> float:
    return float((np.logaddexp(0, log_odds) - y * log_odds).sum())


@pytest.mark.parametrize("slope", [0.6, 1.0, 1.8])
def test_the_slope_is_that_of_an_unpenalized_logistic_regression(slope: float) -> None:
    y, p = patients(slope=slope)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(p)[:, None], y)
    assert curves.slope(y, p) == pytest.approx(model.coef_[0, 0], rel=1e-5)
    assert curves.slope(*patients(20_000, slope=slope)) == pytest.approx(slope, abs=0.07)


@pytest.mark.parametrize("intercept", [-1.0, 0.0, 0.7])
def test_the_intercept_minimizes_the_loss_with_the_log_odds_as_offset(intercept: float) -> None:
    y, p = patients(intercept=intercept)
    best = optimize.minimize_scalar(lambda a: loss(y, a + logit(p)), bounds=(-4, 4), options={"xatol": 1e-9})
    value, low, high = curves.intercept(y, p)
    assert value == pytest.approx(best.x, abs=1e-6)
    assert (low + high) / 2 == pytest.approx(value, abs=1e-12)


def test_the_interval_of_the_intercept_covers_even_if_the_slope_is_not_1() -> None:
    random, covered = np.random.default_rng(5), []
    population = expit(random.normal(-0.5, 2, 200_000))
    truth = curves.intercept(expit(1.4 * logit(population)), population)[0]
    for _ in range(400):
        p = random.choice(population, 300)
        _, low, high = curves.intercept((random.random(300) < expit(1.4 * logit(p))).astype(float), p)
        covered.append(low <= truth <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("decimals", [1, 10], ids=["ties", "no ties"])
def test_the_curve_is_a_local_parabola_by_weighted_least_squares(decimals: int) -> None:
    y, p = patients(120)
    p = np.round(p, decimals)
    found = curves.smooth(y, p)
    for row in (0, 17, 60, 119):
        distance = np.abs(p - p[row])
        reach = np.sort(distance)[90 - 1]
        root = np.sqrt(np.clip(1 - (distance / reach) ** 3, 0, None) ** 3)
        parabola = np.vander(p - p[row], 3)
        fitted = np.linalg.lstsq(root[:, None] * parabola, root * y, rcond=None)[0][2]
        assert found[row] == pytest.approx(np.clip(fitted, 0, 1), abs=1e-8)


def test_the_curve_does_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = patients()
    whole = curves.smooth(y, p)
    monkeypatch.setattr(curves, "_CELLS_PER_BLOCK", 7 * 300)
    assert np.array_equal(curves.smooth(y, p), whole)


def test_errors_are_mean_median_and_90th_percentile_of_the_distance_to_the_curve() -> None:
    y, p = patients()
    distance = np.abs(curves.smooth(y, p) - p)
    assert curves.smooth_errors(y, p) == (distance.mean(), np.median(distance), np.quantile(distance, 0.9))


def test_errors_of_a_known_miscalibration_are_its_size() -> None:
    y, p = patients(4000, intercept=1.0)
    true = np.abs(expit(logit(p) + 1) - p)
    expected = (true.mean(), np.median(true), np.quantile(true, 0.9))
    assert curves.smooth_errors(y, p) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("p", [[0.5] * 8, [0.2] * 7 + [0.8], [0.2, 0.8] * 4], ids=["one", "seven and one", "two"])
def test_a_curve_through_few_points_is_the_mean_at_each(p: list[float]) -> None:
    y, at = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]), np.array(p)
    expected = [y[at == value].mean() for value in at]
    assert curves.smooth(y, at) == pytest.approx(expected, abs=1e-9)


def test_a_slope_of_separated_classes_a_constant_or_one_class_cannot_be_said() -> None:
    y = np.array([0.0, 0.0, 1.0, 1.0])
    for p in ([0.1, 0.4, 0.6, 0.9], [0.9, 0.6, 0.4, 0.1], [0.1, 0.5, 0.5, 0.9]):
        with pytest.raises(curves.CannotBeSaid, match="separate"):
            curves.slope(y, np.array(p))
    with pytest.raises(curves.CannotBeSaid, match="equal"):
        curves.slope(y, np.full(4, 0.3))
    with pytest.raises(curves.CannotBeSaid, match="same diagnosis"):
        curves.slope(np.zeros(4), np.array([0.1, 0.2, 0.3, 0.4]))


def test_probabilities_of_0_and_1_that_are_wrong_give_finite_results() -> None:
    y, p = patients()
    p[:2], y[:2] = [0.0, 1.0], [1.0, 0.0]
    assert 0 < curves.slope(y, p) < 1
    assert np.isfinite(curves.intercept(y, p)).all()


def test_a_curve_through_groups_is_that_through_the_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = patients(3000)
    exact = curves.smooth(y, p)
    monkeypatch.setattr(curves, "MOST", 1000)
    assert np.abs(curves.smooth(y, p) - exact).max() < 1e-3
    assert curves.smooth_errors(y, p) == pytest.approx(
        (np.abs(exact - p).mean(), *np.quantile(np.abs(exact - p), [0.5, 0.9])), abs=3e-5
    )
