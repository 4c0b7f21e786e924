"""Tests of the streams: ranks, sums that add up, and the distance of a patient from all others."""

import numpy as np
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring import references, streams
from wdbc_assets.domain.monitoring.population import SimulatedPatients
from wdbc_assets_tests.domain.monitoring import years

reference = years.reference()


def ranks(quantities: np.ndarray) -> np.ndarray:
    """Return 2 n u of each patient: the reference below counts twice, and ties once."""
    below = [
        (values[:, None] < column).sum(axis=0) for values, column in zip(reference.values, quantities, strict=True)
    ]
    tied = [
        (values[:, None] == column).sum(axis=0) for values, column in zip(reference.values, quantities, strict=True)
    ]
    return np.array([2 * less + equal for less, equal in zip(below, tied, strict=True)])


@pytest.mark.parametrize("rows", [0, 1, 2, 40])
def test_sums_count_the_reference_below_and_half_of_the_ties(rows: int) -> None:
    quantities = quantities_of(years.patients(40, 5))
    quantities[:, 0] = reference.values[:, 100]
    quantities[:, 1] = reference.values[:, -1]
    quantities[-2, 2:4] = np.inf, -np.inf
    expected = ranks(quantities[:, :rows])
    streams_of = np.concatenate([expected.sum(axis=1), np.abs(expected - reference.rows).sum(axis=1)])
    assert streams.of_quantities(reference, quantities[:, :rows]).sums == tuple(streams_of.tolist())


def test_the_reference_itself_has_a_mean_rank_of_one_half() -> None:
    drawn = years.patients(569, 0)
    own = streams.of_quantities(reference, reference.values.copy())
    assert own.rows == len(drawn.y)
    locations = np.array(own.sums[: len(streams.QUANTITIES)]) / (2 * reference.rows * own.rows)
    assert locations == pytest.approx(0.5)
    assert reference.means[:32] == pytest.approx(0.5)


def test_sketches_of_parts_add_up_to_the_sketch_of_the_whole() -> None:
    whole = years.patients(300, 6)
    parts = [slice(0, 7), slice(7, 8), slice(8, 300)]
    made = [streams.sketch(reference, whole.X[part], years.log_odds(whole.X[part])) for part in parts]
    assert sum(made, start=streams.EMPTY) == streams.sketch(reference, *_inputs(whole))


def test_the_distance_in_the_reference_leaves_the_patient_itself_out() -> None:
    drawn = years.patients(120, 8)
    made = references.build(drawn.X, years.log_odds(drawn.X), drawn.y)
    expected = []
    for row in range(len(drawn.y)):
        others = np.delete(np.arange(len(drawn.y)), row)
        logarithms = np.log(np.maximum(drawn.X + made.logarithms[0], made.logarithms[1]))
        centred = logarithms[row] - logarithms[others].mean(axis=0)
        expected.append(centred @ np.linalg.solve(np.cov(logarithms[others], rowvar=False), centred))
    assert made.values[-1] == pytest.approx(np.sort(expected), rel=1e-6)


def test_new_patients_are_as_far_away_as_those_of_the_reference() -> None:
    new = quantities_of(years.patients(20_000, 9))[-1]
    location = streams.of_quantities(reference, quantities_of(years.patients(20_000, 9))).sums[31]
    assert len(new) == 20_000
    assert location / (2 * reference.rows * len(new)) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 569))


def test_infinite_log_odds_have_a_rank_but_missing_ones_are_refused() -> None:
    batch = years.patients(2, 3)
    made = streams.sketch(reference, batch.X, np.array([np.inf, -np.inf]))
    assert made.sums[streams.QUANTITIES.index(streams.LOG_ODDS)] == 2 * reference.rows
    with pytest.raises(ValueError, match="missing"):
        streams.sketch(reference, batch.X, np.array([0.0, np.nan]))


def test_an_empty_batch_has_an_empty_sketch() -> None:
    assert streams.sketch(reference, np.empty((0, 30)), np.empty(0)) == streams.EMPTY


@pytest.mark.parametrize("count", [0, 50, 99])
def test_a_small_reference_is_refused(count: int) -> None:
    drawn = years.patients(count, 2)
    with pytest.raises(WdbcError, match="too small") as refused:
        references.build(drawn.X, years.log_odds(drawn.X), drawn.y)
    assert "at least 100" in refused.value.hint


def test_a_reference_of_one_class_is_refused() -> None:
    drawn = years.patients(200, 2)
    with pytest.raises(WdbcError, match="0 of them malignant"):
        references.build(drawn.X, years.log_odds(drawn.X), np.zeros(200))


def test_a_sketch_of_other_streams_is_refused() -> None:
    with pytest.raises(ValueError, match="do not match"):
        streams.Sketch(1, (0,) * 63, (1, *(0,) * 19))


def test_another_reference_has_another_digest() -> None:
    drawn = years.patients(569, 1)
    other = references.build(drawn.X, years.log_odds(drawn.X), drawn.y)
    assert other.digest != reference.digest


def test_a_measurement_that_never_varies_does_not_break_the_distance() -> None:
    drawn = years.patients(200, 4)
    drawn.X[:, 3] = 500.0
    made = references.build(drawn.X, years.log_odds(drawn.X), drawn.y)
    assert np.isfinite(made.values).all()


def quantities_of(batch: SimulatedPatients) -> np.ndarray:
    X, log_odds = _inputs(batch)
    return reference.quantities(X.T, log_odds)


def _inputs(batch: SimulatedPatients) -> tuple[np.ndarray, np.ndarray]:
    return batch.X, years.log_odds(batch.X)


def test_a_patient_of_unknown_diagnosis_counts_in_both_classes() -> None:
    drawn = years.patients(200, 3)
    sure = references.build(drawn.X, years.log_odds(drawn.X), drawn.y)
    unsure = references.build(drawn.X, years.log_odds(drawn.X), np.where(drawn.y == 1, 0.75, 0.25))
    assert unsure.digest == sure.digest, "the values do not depend on the diagnoses, so sketches stay comparable"
    assert unsure.prevalence == pytest.approx((drawn.y * 0.5 + 0.25).mean())
    np.testing.assert_allclose(unsure.means, sure.means)
    benign, malignant = unsure.shares
    assert (abs(malignant - benign) < abs(np.subtract(*sure.shares)) + 1e-12).all()
