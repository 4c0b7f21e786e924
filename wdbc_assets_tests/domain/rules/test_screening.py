"""The quick look finds whatever the rules find, and is quick."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules import rows, screening
from wdbc_assets_tests import builders

EDGES = st.sampled_from([0.0, -0.0, -1e-300, 1e-300, 1e-7, 1e9, -1e9, 1e308, -1e308, np.nan, np.inf, -np.inf])
SCALES = st.one_of(st.just(1.0), st.floats(0.2, 5.0), st.floats(0.999999, 1.000001))


def published() -> NDArray[np.float64]:
    return builders.published()[list(contract.FEATURES)].to_numpy(dtype=np.float64)


def neighbours_of_bounds() -> NDArray[np.float64]:
    """The example, once for each bound and side: on it, a hair above, a hair below."""
    patient = np.array([builders.patient()[name] for name in contract.FEATURES])
    at = {name: number for number, name in enumerate(contract.FEATURES)}
    made = []
    for measurement in contract.MEASUREMENTS:
        mean, se, worst = (at[measurement.column(statistic)] for statistic in contract.STATISTICS)
        for place, bound in (
            (worst, patient[mean]),
            (se, patient[mean]),
            *((p, measurement.largest) for p in (mean, se, worst)),
        ):
            for value in (bound, np.nextafter(bound, 0), np.nextafter(bound, np.inf), bound * (1 + 1e-12)):
                row = patient.copy()
                row[place] = value
                made.append(row)
    return np.array(made)


def assert_same(X: NDArray[np.float64]) -> None:
    assert screening.faults(X) == rows.validate(X)[1]


@given(
    st.integers(0, 568),
    st.dictionaries(st.integers(0, 29), SCALES, max_size=5),
    st.dictionaries(st.integers(0, 29), EDGES, max_size=2),
)
def test_whatever_the_rules_find_is_found(patient: int, scales: dict[int, float], edges: dict[int, float]) -> None:
    X = published()[[patient]]
    for place, scale in scales.items():
        X[0, place] *= scale
    for place, value in edges.items():
        X[0, place] = value
    assert_same(X)


def test_what_lies_on_a_bound_or_a_hair_beside_it_is_screened_as_by_the_rules() -> None:
    X = neighbours_of_bounds()
    assert len(rows.validate(X)[1]) > 50
    assert_same(X)


def test_random_tables_are_screened_as_by_the_rules() -> None:
    generator = np.random.default_rng(0)
    X = published()
    for spread in (1e-9, 1e-3, 0.05, 0.5):
        assert_same(X * generator.lognormal(0, spread, X.shape))


def test_of_the_published_patients_nine_tenths_need_no_second_look() -> None:
    assert screening._suspicious(published()).mean() < 0.1


@pytest.mark.slow
def test_one_patient_takes_a_tenth_of_the_time_of_the_rules() -> None:
    X = published()[:1]

    def seconds(judge: object) -> float:
        took = []
        for _ in range(50):
            started = time.perf_counter()
            judge(X)  # type: ignore[operator]
            took.append(time.perf_counter() - started)
        return min(took)

    assert seconds(screening.faults) < seconds(rows.validate) / 10
