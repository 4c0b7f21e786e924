"""Tests of the drift report: what it finds, and what it says of what it cannot find."""

import numpy as np
import pytest

from wdbc_assets.domain.monitoring import drift, scan, streams, thresholds
from wdbc_assets.store import parsing
from wdbc_assets_tests.domain.monitoring import years

TEXTURE = 1


def test_z_is_the_difference_of_means_in_standard_errors() -> None:
    z = scan.scores(
        np.array([50, 60]),
        np.array([[25.0], [36.0]]),
        np.array([[50 / 12], [60 / 12]]),
        lengths=[1, 2],
        reference_rows=500,
        reference_sums=np.array([250.0]),
        reference_variances=np.array([500 / 12]),
    )
    assert z[:, 0] == pytest.approx(
        [
            (36 / 60 - 275 / 550) / np.sqrt((1 / 60 + 1 / 550) / 12),
            (61 / 110 - 250 / 500) / np.sqrt((1 / 110 + 1 / 500) / 12),
        ]
    )


def test_weeks_without_a_change_raise_no_alarm() -> None:
    weeks = years.weeks(13)
    for count in range(len(weeks)):
        found = drift.report(years.reference(), weeks[:count], weeks[count])
        assert (found.verdict, found.alarms, found.cause) == ("no drift", (), None)
    assert found.earlier_batches == 12
    assert found.earlier_rows == 12 * years.WEEK


def test_a_shifted_measurement_is_found_and_named() -> None:
    batch = years.patients(years.WEEK, 77)
    batch.X[:, TEXTURE] += years.population().sd[TEXTURE]
    found = drift.report(years.reference(), years.weeks(4), years.sketched(batch))
    assert found.verdict == "drift"
    measured = next(alarm for alarm in found.alarms if alarm.quantity != streams.DISTANCE)
    assert (measured.quantity, measured.aspect) == ("texture_mean", "location")
    assert measured.z > found.threshold
    assert found.cause == "measurements"


def test_a_changed_spread_is_found_although_the_mean_stays() -> None:
    batch = years.patients(years.WEEK, 78)
    column = batch.X[:, TEXTURE]
    batch.X[:, TEXTURE] = np.median(column) + 0.2 * (column - np.median(column))
    found = drift.report(years.reference(), years.weeks(4), years.sketched(batch))
    assert ("texture_mean", "spread") in {(alarm.quantity, alarm.aspect) for alarm in found.alarms}


def test_a_changed_prevalence_is_called_so() -> None:
    weeks = [
        *years.weeks(8),
        *(years.sketched(years.patients(years.WEEK, 500 + week, prevalence=0.65)) for week in range(4)),
    ]
    found = drift.report(years.reference(), weeks[:-1], weeks[-1])
    assert found.cause == "prevalence"
    assert found.prevalence is not None
    assert found.prevalence.estimate == pytest.approx(0.65, abs=0.07)


def test_few_patients_are_too_few_to_say_until_they_add_up() -> None:
    small = [years.sketched(years.patients(20, 90 + week)) for week in range(2)]
    alone = drift.report(years.reference(), [], small[0])
    assert (alone.verdict, alone.streams, alone.detectable) == ("too few to say", (), None)
    together = drift.report(years.reference(), small[:1], small[1])
    assert together.verdict == "no drift"
    assert {stream.window for stream in together.streams} == {2}


def test_the_detectable_shift_shrinks_with_more_batches() -> None:
    weeks = years.weeks(9)
    sizes = [drift.report(years.reference(), weeks[:count], weeks[count]).detectable for count in (0, 3, 8)]
    first, middle, last = [size or 0 for size in sizes]
    assert first > middle > last > 0


def test_a_report_states_what_its_threshold_promises() -> None:
    found = drift.report(years.reference(), [], years.weeks(1)[0], cadence="daily")
    promised = thresholds.DRIFT["daily"]
    assert (found.threshold, found.false_alarms) == (promised.value, promised.false_alarms)


def test_a_report_is_read_back_from_its_json() -> None:
    batch = years.patients(years.WEEK, 79)
    batch.X[:, TEXTURE] *= 2
    found = drift.report(years.reference(), years.weeks(2), years.sketched(batch))
    assert parsing.build(drift.DriftReport, parsing.plain(found)) == found
