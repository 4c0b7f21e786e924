"""The clean frame: every patient, in order, without an id; 1 is malignant."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from wdbc_assets.domain.data import cleaning, contract, reading
from wdbc_assets_tests import builders
from wdbc_assets_tests.domain.validation import changed

REAL_FILE = os.environ.get("WDBC_REAL_FILE", "")  # read here, for each test has an environment of its own


def test_the_clean_frame_has_the_diagnosis_and_the_features_of_every_row_in_order() -> None:
    table = reading.read(builders.bundled_uci_bytes())

    frame = cleaning.clean(table)

    assert list(frame.columns) == [contract.DIAGNOSIS, *contract.FEATURES]
    assert frame.index.equals(pd.RangeIndex(569))
    assert frame[contract.DIAGNOSIS].tolist() == [int(label == "M") for label in table.frame[contract.DIAGNOSIS]]
    assert frame[contract.DIAGNOSIS].sum() == 212
    assert_frame_equal(frame[list(contract.FEATURES)], table.frame[list(contract.FEATURES)].reset_index(drop=True))


def test_the_clean_frame_is_that_of_scikit_learn_with_the_classes_the_right_way_round() -> None:
    from sklearn.datasets import load_breast_cancer

    X, benign = load_breast_cancer(return_X_y=True)

    frame = cleaning.clean(reading.read(builders.bundled_uci_bytes()))

    assert np.array_equal(frame[list(contract.FEATURES)].to_numpy(), X)
    assert np.array_equal(frame[contract.DIAGNOSIS].to_numpy(), 1 - benign)


def test_types_are_those_of_the_contract() -> None:
    frame = cleaning.clean(reading.read(builders.bundled_uci_bytes()))

    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        column.name: column.dtype for column in contract.CLEAN_COLUMNS
    }


def test_the_raw_table_stays_as_it_is() -> None:
    table = reading.read(builders.bundled_uci_bytes())

    frame = cleaning.clean(table)
    frame.iloc[:, 1:] = 0.0

    assert_frame_equal(table.frame, builders.published())


@pytest.mark.parametrize(("column", "text"), [("area_se", "x"), ("diagnosis", "m"), ("id", "")])
def test_a_table_that_breaks_its_rules_is_not_cleaned(column: str, text: str) -> None:
    with pytest.raises(ValueError, match="validate it first"):
        cleaning.clean(reading.read(changed(column, text)))


@pytest.mark.skipif(not REAL_FILE, reason="WDBC_REAL_FILE names no copy of UCI's file")
def test_the_real_file_and_the_bundled_copy_give_the_same_clean_frame() -> None:
    real = cleaning.clean(reading.read(Path(REAL_FILE).read_bytes()))

    assert_frame_equal(real, cleaning.clean(reading.read(builders.bundled_uci_bytes())))
