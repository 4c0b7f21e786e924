"""A split that is not a split of its frame is refused, with the row that shows it."""

from dataclasses import replace

import numpy as np
import pytest

from wdbc_assets.domain.data import contract, failures, splitting
from wdbc_assets.domain.rules import schemas
from wdbc_assets_tests.domain.validation import clean_frame, split_failures


@pytest.mark.fault("D12")
def test_a_training_row_in_the_test_part_is_refused_by_row() -> None:
    frame = clean_frame()
    split = splitting.split(frame)
    X_test = split.X_test.copy()
    X_test.iloc[5] = split.X_train.iloc[9]

    found = split_failures(replace(split, X_test=X_test), frame)

    assert list(found) == ["sets_are_rows_of_the_frame", "no_measurements_in_both_sets"]
    for finding in found.values():
        assert [(failure.row, failure.column) for failure in finding.failures] == [(6, "X_test")]


@pytest.mark.fault("D12")
def test_a_row_of_the_frame_in_both_parts_is_refused() -> None:
    frame = clean_frame()
    split = splitting.split(frame)
    train, test = split.rows()
    rows = [train[0], *test[1:]]
    X_test = frame[list(contract.FEATURES)].iloc[rows].reset_index(drop=True)
    y_test = frame["diagnosis"].iloc[rows].reset_index(drop=True)
    shared = replace(split, X_test=X_test, y_test=y_test, rows_test=np.array(rows), stratified=False)

    found = split_failures(shared, frame)

    assert list(found) == ["sets_are_disjoint", "sets_are_complete", "no_measurements_in_both_sets"]
    assert found["sets_are_disjoint"].failures == (failures.Failure(int(rows[0]) + 1, "clean_frame", "in both sets"),)
    lost = int(test[0]) + 1
    assert found["sets_are_complete"].failures == (failures.Failure(lost, "clean_frame", "in neither set"),)


@pytest.mark.fault("D12")
def test_a_row_twice_in_one_part_is_refused() -> None:
    frame = clean_frame()
    split = splitting.split(frame)
    rows = split.rows()[0].copy()
    rows[1] = rows[0]

    found = split_failures(replace(split, rows_train=rows), frame)

    text = "more than once in the training set"
    assert found["sets_are_disjoint"].failures == (failures.Failure(int(rows[0]) + 1, "clean_frame", text),)


@pytest.mark.fault("D12")
def test_parts_that_do_not_add_up_are_refused() -> None:
    frame = clean_frame()
    split = splitting.split(frame)

    found = split_failures(replace(split, X_test=split.X_test.iloc[:-1]), frame)

    text = "113 rows of features, 114 diagnoses, 114 rows of the frame"
    assert list(found) == ["sets_are_complete"]
    assert found["sets_are_complete"].failures == (failures.Failure(None, "X_test", text),)


@pytest.mark.fault("D12")
def test_rows_that_the_frame_does_not_have_are_refused() -> None:
    frame = clean_frame()
    split = splitting.split(frame)

    found = split_failures(split, frame.iloc[:500])

    assert {"sets_are_rows_of_the_frame"} <= found.keys()


def test_a_diagnosis_that_was_changed_is_refused() -> None:
    frame = clean_frame()
    split = splitting.split(frame)
    y_train = split.y_train.copy()
    y_train.iloc[3] = 1 - y_train.iloc[3]

    found = split_failures(replace(split, y_train=y_train), frame)

    assert [failure.row for failure in found["sets_are_rows_of_the_frame"].failures] == [4]


def test_a_patient_under_two_numbers_is_refused_when_the_parts_share_the_measurements() -> None:
    frame = clean_frame()
    train, test = splitting.split(frame, stratified=False).rows()
    features = list(contract.FEATURES)
    frame.loc[test[0], features] = frame.loc[train[0], features]

    found = split_failures(splitting.split(frame, stratified=False), frame)

    assert list(found) == ["no_measurements_in_both_sets"]
    assert found["no_measurements_in_both_sets"].summary == (
        "no_measurements_in_both_sets: row 1 of X_test: the training set has the same measurements"
    )


@pytest.mark.fault("D13")
def test_an_id_among_the_features_of_a_part_is_refused() -> None:
    frame = clean_frame()
    split = splitting.split(frame)

    found = split_failures(replace(split, X_train=split.X_train.assign(id=1)), frame)

    assert found["columns_are_features_only"].failures == (
        failures.Failure(None, "X_train.id", "column not in schema"),
    )
    assert "not checked" in found["sets_are_disjoint"].summary


@pytest.mark.fault("D13")
def test_the_place_in_the_frame_as_number_of_the_row_is_refused() -> None:
    frame = clean_frame()
    split = splitting.split(frame)

    found = split_failures(replace(split, X_train=split.X_train.set_axis(split.rows()[0])), frame)

    assert list(found) == ["rows_are_renumbered"]
    assert found["rows_are_renumbered"].failures[0].column == "X_train"


def test_a_split_that_is_not_stratified_is_refused_if_it_should_be() -> None:
    frame = clean_frame()
    loose = splitting.split(frame, seed=3, stratified=False)

    assert split_failures(loose, frame) == {}
    assert list(split_failures(replace(loose, stratified=True), frame)) == ["sets_are_stratified"]


def test_a_split_from_the_store_can_no_longer_be_validated() -> None:
    frame = clean_frame()
    split = splitting.split(frame)

    with pytest.raises(ValueError, match="no longer knows its rows"):
        schemas.validate_split(replace(split, rows_train=None), frame)
