"""The split is scikit-learn's, whole and repeatable; what cannot be split is refused in words of this project."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal

from wdbc_assets.domain.data import contract, splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets_tests.domain.validation import clean_frame


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(("test_size", "seed"), [(0.2, 42), (0.25, 0), (0.5, 2**32 - 1)])
def test_the_split_is_that_of_scikit_learn_row_by_row(test_size: float, seed: int, stratified: bool) -> None:
    from sklearn.model_selection import train_test_split

    frame = clean_frame()
    X, y = frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS]
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=test_size, random_state=seed, stratify=y if stratified else None
    )

    ours = splitting.split(frame, test_size=test_size, seed=seed, stratified=stratified)

    assert_frame_equal(ours.X_train, X_train.reset_index(drop=True))
    assert_frame_equal(ours.X_test, X_test.reset_index(drop=True))
    assert_series_equal(ours.y_train, y_train.reset_index(drop=True))
    assert_series_equal(ours.y_test, y_test.reset_index(drop=True))


def test_the_default_split_is_the_seed_projects() -> None:
    split = splitting.split(clean_frame())

    assert (split.X_train.shape, split.X_test.shape) == ((455, 30), (114, 30))
    assert (split.y_train.sum(), split.y_test.sum()) == (170, 42)
    assert split.rows()[1][:5].tolist() == [120, 250, 375, 99, 455]


def test_the_parts_know_their_rows() -> None:
    frame = clean_frame()
    split = splitting.split(frame)

    train, test = split.rows()

    assert sorted([*train, *test]) == list(range(569))
    assert np.array_equal(split.X_test.to_numpy(), frame[list(contract.FEATURES)].to_numpy()[test])


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.floats(0.001, 0.999), st.integers(0, 2**32 - 1), st.booleans())
def test_any_split_has_both_classes_in_both_parts_or_is_refused(
    malignant: int, benign: int, test_size: float, seed: int, stratified: bool
) -> None:
    diagnosis = [contract.MALIGNANT] * malignant + [contract.BENIGN] * benign
    frame = pd.DataFrame({contract.DIAGNOSIS: diagnosis} | dict.fromkeys(contract.FEATURES, 1.0))

    try:
        split = splitting.split(frame, test_size=test_size, seed=seed, stratified=stratified)
    except WdbcError:
        return

    assert set(split.y_train) == set(split.y_test) == {0, 1}
    assert len(split.y_train) + len(split.y_test) == malignant + benign


@pytest.mark.fault("T03")
@pytest.mark.parametrize("test_size", [0.0, 1.0, -0.2, 1.5, float("nan"), float("inf")])
def test_a_test_size_out_of_range_is_refused(test_size: float) -> None:
    with pytest.raises(WdbcError, match=r"test_size is .*; it must lie between 0 and 1"):
        splitting.split(clean_frame(), test_size=test_size)


@pytest.mark.fault("T03")
@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(WdbcError, match="the seed of the split is"):
        splitting.split(clean_frame(), seed=seed)


@pytest.mark.fault("D01")
def test_too_few_rows_are_refused_with_the_number_found_and_needed() -> None:
    with pytest.raises(WdbcError, match="3 rows leave 1 in one part; 2 are needed"):
        splitting.split(clean_frame().iloc[:3])


@pytest.mark.fault("D10")
@pytest.mark.parametrize("found", [0, 1])
def test_too_few_of_a_class_are_refused_with_the_number_found_and_needed(found: int) -> None:
    frame = clean_frame()
    rows = pd.concat([frame[frame["diagnosis"] == 0], frame[frame["diagnosis"] == 1].iloc[:found]])

    with pytest.raises(WdbcError, match=f"{found} rows of class M found, 2 needed"):
        splitting.split(rows)


@pytest.mark.fault("D10")
def test_a_part_without_a_class_is_refused() -> None:
    frame = clean_frame().sort_values("diagnosis").iloc[:360]

    with pytest.raises(WdbcError, match="the test part of 4 rows holds one class only"):
        splitting.split(frame, test_size=0.01)
