"""A split by hash of a frame in partitions: each fault is found by the rule that is for it, with the number of rows."""

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import contract, splitting
from wdbc_assets.domain.rules import groups, partitions, schemas
from wdbc_assets.domain.rules.findings import Finding
from wdbc_assets_tests.domain.partitioned import Elsewhere, clean_in, cuts
from wdbc_assets_tests.domain.validation import clean_frame

DRAW = splitting.Draw(0.2, 42)


def drawn(frame: pd.DataFrame, draw: splitting.Draw = DRAW) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training set and the test set, with the columns of the clean frame."""
    split = splitting.split(frame, test_size=draw.test_size, seed=draw.seed, method="hash")
    train, test = split.X_train, split.X_test
    train.insert(0, contract.DIAGNOSIS, split.y_train)
    test.insert(0, contract.DIAGNOSIS, split.y_test)
    return train, test


def found(
    train: pd.DataFrame, test: pd.DataFrame, frame: pd.DataFrame, parts: int = 3, draw: splitting.Draw = DRAW
) -> list[Finding]:
    train_in, test_in = (Elsewhere([one.iloc[part] for part in cuts(len(one), parts)], []) for one in (train, test))
    return partitions.validate_split(train_in, test_in, clean_in(frame, cuts(len(frame), parts)), draw)


def failed(train: pd.DataFrame, test: pd.DataFrame, frame: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    return {
        finding.rule: [(failure.column, failure.value) for failure in finding.failures]
        for finding in found(train, test, frame)
        if not finding.passed
    }


def moved(frame: pd.DataFrame, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the sets after the last training rows were moved into the test set."""
    train, test = drawn(frame)
    return train.iloc[:-rows], pd.concat([test, train.iloc[-rows:]])


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_a_split_passes_with_the_findings_of_the_split_in_one_piece(parts: int) -> None:
    frame = clean_frame()
    whole = schemas.validate_split(splitting.split(frame, method="hash"), frame)
    assert all(finding.passed for finding in whole)
    assert found(*drawn(frame), frame, parts) == whole


def test_patients_with_equal_measurements_are_rows_of_their_own() -> None:
    frame = clean_frame()
    frame = pd.concat([frame, frame.iloc[:300]], ignore_index=True)
    train, test = drawn(frame)
    assert failed(train, test, frame) == {}
    assert failed(train.drop(index=train.index[0]), test, frame) == {
        "sets_are_complete": [("clean_frame", "rows in neither set: 1")]
    }


def test_rows_that_were_lost_are_counted() -> None:
    frame = clean_frame()
    train, test = drawn(frame)
    assert failed(train.iloc[:-3], test, frame) == {"sets_are_complete": [("clean_frame", "rows in neither set: 3")]}


def test_rows_twice_in_one_set_are_counted() -> None:
    frame = clean_frame()
    train, test = drawn(frame)
    assert failed(pd.concat([train, train.iloc[:2]]), test, frame) == {
        "sets_are_disjoint": [("clean_frame", "rows in both sets, or more than once in one set: 2")]
    }


@pytest.mark.fault("D12")
def test_training_rows_in_the_test_set_are_counted() -> None:
    frame = clean_frame()
    train, test = drawn(frame)
    assert failed(train, pd.concat([test, train.iloc[:4]]), frame) == {
        "sets_are_disjoint": [("clean_frame", "rows in both sets, or more than once in one set: 4")],
        "sets_follow_the_hash": [("test", "rows that belong to the other set by the hash of their measurements: 4")],
        "no_measurements_in_both_sets": [("test", "rows with the measurements of a row of the training set: 4")],
    }


def test_rows_that_do_not_follow_the_hash_are_counted() -> None:
    frame = clean_frame()
    assert failed(*moved(frame, 5), frame) == {
        "sets_follow_the_hash": [("test", "rows that belong to the other set by the hash of their measurements: 5")]
    }


@pytest.mark.parametrize("column", ["diagnosis", "symmetry_se"])
def test_cells_that_differ_from_the_clean_frame_are_counted(column: str) -> None:
    frame = clean_frame()
    train, test = drawn(frame)
    cells = 1 - train[column] if column == "diagnosis" else train[column] * 2
    train[column] = np.where(np.arange(len(train)) < 2, cells, train[column])
    faults = failed(train, test, frame)
    faults.pop("sets_follow_the_hash", None)  # other measurements may have another hash
    assert faults == {
        "sets_are_complete": [("clean_frame", "rows in neither set: 2")],
        "sets_are_rows_of_the_frame": [("train", "rows not of the clean frame: 2")],
    }


def test_a_diagnosis_that_is_neither_0_nor_1_is_not_of_the_frame() -> None:
    frame = clean_frame()
    train, test = drawn(frame)
    test.iloc[3, 0] = 7
    assert failed(train, test, frame)["sets_are_rows_of_the_frame"] == [("test", "rows not of the clean frame: 1")]


def test_a_test_set_that_chance_does_not_make_is_refused() -> None:
    frame = clean_frame()
    train, test = drawn(frame)
    malignant = train[contract.DIAGNOSIS] == 1
    faults = failed(train[~malignant], pd.concat([test, train[malignant]]), frame)
    assert faults["sets_are_stratified"] == [("y_test", "212 of 212 of class M, 42.4 expected by the hash")]


def test_another_seed_is_refused() -> None:
    frame = clean_frame()
    faults = failed(*drawn(frame, splitting.Draw(0.2, 43)), frame)
    assert list(faults) == ["sets_follow_the_hash"]
    assert [place for place, _ in faults["sets_follow_the_hash"]] == ["train", "test"]


@pytest.mark.fault("D13")
def test_a_column_of_its_own_is_refused_and_nothing_else_is_checked() -> None:
    frame = clean_frame()
    train, test = drawn(frame)
    findings = found(train, test.assign(id=1), frame)
    assert [finding.rule for finding in findings] == [rule.name for rule in groups.SPLIT_RULES]
    assert [(one.column, one.value) for one in findings[0].failures] == [("test.id", "column not in schema")]
    assert all("not checked" in finding.summary for finding in findings[2:])


def test_empty_partitions_and_an_empty_set_are_no_error() -> None:
    frame = clean_frame()
    train, test = drawn(frame)
    nothing = train.iloc[:0]
    clean = clean_in(frame, [slice(0, 0), slice(0, 569)])
    findings = partitions.validate_split(Elsewhere([nothing, train], []), Elsewhere([test, nothing], []), clean, DRAW)
    assert all(finding.passed for finding in findings)
    findings = partitions.validate_split(Elsewhere([train], []), Elsewhere([nothing], []), clean, DRAW)
    assert [one.rule for one in findings if not one.passed] == ["sets_are_complete", "sets_are_stratified"]
