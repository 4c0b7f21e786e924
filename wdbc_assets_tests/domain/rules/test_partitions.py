"""A raw table in partitions is refused for what a whole table is refused for, with file and row."""

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import membership
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules import partitions
from wdbc_assets_tests import builders
from wdbc_assets_tests.domain.partitioned import cuts, raw_in

SEVEN = cuts(569, 7)


def refused(frame: pd.DataFrame) -> WdbcError:
    with pytest.raises(WdbcError) as refusal:
        partitions.validate(raw_in(frame, SEVEN))
    return refusal.value


def place(row: int) -> str:
    number, part = next((number, part) for number, part in enumerate(SEVEN) if part.start <= row < part.stop)
    return f"part-{number}.parquet, row {row - part.start + 1}"


def test_the_published_table_passes_in_any_partitions_empty_and_skewed_ones_included() -> None:
    frame = builders.published()
    partitions.validate(raw_in(frame, SEVEN))
    partitions.validate(raw_in(frame, [slice(0, 0), slice(0, 5), slice(5, 569), slice(569, 569)]))
    partitions.validate(raw_in(frame.sort_values("diagnosis", kind="stable"), cuts(569, 2)))


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [("radius_mean", -1.0, "nothing_is_negative"), ("area_mean", np.nan, "cells_are_numbers")],
)
def test_a_bad_cell_is_refused_with_file_and_row(column: str, value: float, rule: str) -> None:
    frame = builders.published()
    frame[column] = np.where(np.arange(569) == 400, value, frame[column])
    error = refused(frame)
    assert error.what.startswith(f"{rule}: {column}, 1 rows")
    assert error.where == place(400)


def test_an_id_in_two_partitions_is_refused_with_both_places() -> None:
    frame = builders.published()
    frame["id"] = np.where(np.arange(569) == 500, frame["id"].iloc[3], frame["id"])
    error = refused(frame)
    assert error.what.startswith(f"id_is_unique: the same values as in {place(3)}")
    assert error.where == place(500)


@pytest.mark.parametrize(
    ("same_diagnosis", "rule"), [(True, "no_patient_is_duplicated"), (False, "no_contradicting_diagnoses")]
)
def test_measurements_in_two_partitions_are_refused(same_diagnosis: bool, rule: str) -> None:
    frame = builders.published()
    frame.iloc[500, 2:] = frame.iloc[3, 2:]
    frame.iloc[500, 1] = "M" if (frame["diagnosis"].iloc[3] == "M") == same_diagnosis else "B"
    error = refused(frame)
    assert error.what.startswith(f"{rule}: the same values as in {place(3)}")
    assert error.where == place(500)


def test_rows_whose_digests_collide_are_compared_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "digests", lambda frame: np.zeros(len(frame), dtype=np.uint64))
    partitions.validate(raw_in(builders.published(), SEVEN))


def test_too_few_patients_of_a_class_are_refused() -> None:
    frame = builders.published()
    with pytest.raises(WdbcError, match="Number of malignant patients: 0"):
        partitions.validate(raw_in(frame[frame["diagnosis"] == "B"], cuts(357, 2)))
