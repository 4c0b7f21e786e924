"""One measurement by itself, against scikit-learn, scipy and counting by hand."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from wdbc_assets.domain.data import distributions
from wdbc_assets.store import parsing

RANDOM = np.random.default_rng(569)
MALIGNANT = np.arange(300) % 3 == 0

MEASUREMENTS: dict[str, NDArray[np.float64]] = {
    "symmetric": RANDOM.normal(10, 2, 300),
    "skewed": RANDOM.lognormal(0, 1, 300),
    "many ties": RANDOM.integers(0, 5, 300).astype(float),
    "tiny": RANDOM.normal(1, 0.1, 300) * 1e-9,
    "huge": RANDOM.lognormal(0, 1, 300) * 1e150,
    "separating": RANDOM.normal(0, 1, 300) + 3 * MALIGNANT,
}
EACH = pytest.mark.parametrize("values", MEASUREMENTS.values(), ids=MEASUREMENTS)


@EACH
def test_the_auc_is_scikit_learns_in_either_direction(values: NDArray[np.float64]) -> None:
    assert distributions.auc(values, MALIGNANT) == pytest.approx(roc_auc_score(MALIGNANT, values), abs=1e-12)
    assert distributions.auc(-values, MALIGNANT) == pytest.approx(1 - distributions.auc(values, MALIGNANT), abs=1e-12)


@EACH
def test_the_skew_is_scipys_without_bias(values: NDArray[np.float64]) -> None:
    scaled = values / np.abs(values).max()  # scipy's powers overflow where the values are huge
    assert distributions.skew(values) == pytest.approx(stats.skew(scaled, bias=False), rel=1e-9)


@EACH
def test_quantiles_are_those_of_the_class_interpolated(values: NDArray[np.float64]) -> None:
    found = distributions.describe(values, MALIGNANT)
    for name, of_class in (("benign", values[~MALIGNANT]), ("malignant", values[MALIGNANT])):
        expected = dict(zip(("low", "median", "high"), np.percentile(of_class, (5, 50, 95)), strict=True))
        assert vars(getattr(found, name)) == pytest.approx(expected, rel=1e-12)


def test_outliers_lie_beyond_the_fences_and_not_on_them() -> None:
    values = [1.0, 2, 3, 4, 5, 6, 7, 8, 9, 15, 15.01]
    assert np.quantile(values, (0.25, 0.75)).tolist() == [3.5, 8.5]  # so the fences are at -4 and 16
    assert distributions.outliers(np.array(values)) == 0
    assert distributions.outliers(np.array([*values[:9], 16, 16.01])) == 1
    assert distributions.outliers(-np.array([*values[:9], 16, 16.01])) == 1


def test_outliers_are_those_of_their_own_class() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 101, 102])
    assert distributions.outliers(values) == 3
    assert distributions.describe(values, values >= 100).outliers == 0


@EACH
def test_a_histogram_has_round_common_edges_and_counts_everybody(values: NDArray[np.float64]) -> None:
    histogram = distributions.describe(values, MALIGNANT).histogram
    edges = histogram.edges
    assert 2 <= len(edges) <= distributions.BINS + 3
    assert np.diff(edges) == pytest.approx(np.full(len(edges) - 1, edges[1] - edges[0]), rel=1e-6)
    assert f"{edges[1] - edges[0]:.6e}"[0] in "125"
    assert edges[0] <= np.quantile(values, 0.01) <= np.quantile(values, 0.99) <= edges[-1]
    assert (sum(histogram.benign), sum(histogram.malignant)) == (200, 100)
    inside = slice(1, -1)  # the outermost bins hold also what lies beyond
    assert list(histogram.malignant[inside]) == np.histogram(values[MALIGNANT], edges)[0].tolist()[inside]


def test_a_constant_has_no_skew_no_outliers_and_separates_nothing() -> None:
    for constant in (0.0, 0.1, -3.0, 1e-200):
        found = distributions.describe(np.full(300, constant), MALIGNANT)
        assert found.skew is None
        assert (found.auc, found.outliers) == (0.5, 0)
        assert found.zeros == (300 if constant == 0 else 0)
        assert found.histogram.edges[0] <= constant <= found.histogram.edges[-1]
        assert sum(found.histogram.benign) == 200
        json.dumps(parsing.plain(found), allow_nan=False)


def test_values_that_are_nearly_all_equal_do_not_crash() -> None:
    values = np.full(300, 5.0)
    values[7] = 6.0
    found = distributions.describe(values, MALIGNANT)
    assert found.outliers == 1
    assert sum(found.histogram.benign) == 200
