"""Too few patients, wrong columns and odd classes are refused by the rule that names them."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import contract, failures, reading
from wdbc_assets.domain.rules import base, findings, groups, schemas, tables
from wdbc_assets_tests import builders
from wdbc_assets_tests.domain.validation import Cells, broken_rules, clean_failures, clean_frame, findings_by_rule

RULES = [rule for rule in groups.RAW_RULES if rule.blocking]
LINES = builders.bundled_uci_bytes().splitlines(keepends=True)

SHORT: dict[str, tuple[str, bytes, dict[str, Cells]]] = {
    "a cut at the end of line 568": (
        "D02",
        b"".join(LINES[:568]),
        {"no_patient_is_lost": [(None, "rows", "568 found, 569 needed; the last is line 568")]},
    ),
    "one row": (
        "D01",
        LINES[0],
        {
            "no_patient_is_lost": [(None, "rows", "1 found, 569 needed; the last is line 1")],
            "each_class_can_be_split": [
                (None, "diagnosis", "B: 0 found, 13 needed"),
                (None, "diagnosis", "M: 1 found, 13 needed"),
            ],
        },
    ),
    "too few rows to split and fold": (
        "D01",
        b"".join(LINES[:20]),
        {
            "no_patient_is_lost": [(None, "rows", "20 found, 569 needed; the last is line 20")],
            "each_class_can_be_split": [(None, "diagnosis", "B: 1 found, 13 needed")],
        },
    ),
    "a header without rows": (
        "D01",
        ",".join(column.name for column in contract.COLUMNS).encode(),
        {
            "no_patient_is_lost": [(None, "rows", "0 found, 569 needed")],
            "each_class_can_be_split": [
                (None, "diagnosis", "B: 0 found, 13 needed"),
                (None, "diagnosis", "M: 0 found, 13 needed"),
            ],
        },
    ),
}


@pytest.mark.parametrize(
    ("content", "expected"),
    [pytest.param(*case[1:], marks=pytest.mark.fault(case[0]), id=name) for name, case in SHORT.items()],
)
def test_a_table_that_is_too_short_is_refused_with_the_number_found_and_the_number_needed(
    content: bytes, expected: dict[str, Cells]
) -> None:
    assert broken_rules(content) == expected


def whole(**columns: Any) -> bytes:
    """Return the published patients with whole columns replaced; each is a function of the table."""
    table = builders.published()
    return builders.as_uci_csv(table.assign(**{name: make(table) for name, make in columns.items()}))


def swapped(one: str, other: str) -> bytes:
    return whole(**{one: lambda table: table[other], other: lambda table: table[one]})


WHOLE_COLUMNS: dict[str, tuple[str, bytes, str, int]] = {
    "mean and worst radius swapped": ("D08", swapped("radius_mean", "radius_worst"), "worst_is_not_below_mean", 567),
    "perimeter in thousands": (
        "D08",
        whole(perimeter_mean=lambda table: table["perimeter_mean"] / 1000),
        "perimeter_fits_radius",
        569,
    ),
    "area in another unit": ("D08", whole(area_worst=lambda table: table["area_worst"] * 100), "area_fits_radius", 569),
    "radius and perimeter swapped": (
        "D03",
        swapped("radius_mean", "perimeter_mean"),
        "perimeter_fits_radius",
        569,
    ),
    "standard errors of symmetry and smoothness swapped": (
        "D03",
        swapped("symmetry_se", "smoothness_se"),
        "medians_are_usual",
        2,
    ),
    "labels swapped": (
        "D08",
        whole(diagnosis=lambda table: table["diagnosis"].map({"M": "B", "B": "M"})),
        "malignant_is_larger",
        1,
    ),
    "a class absent": ("D10", whole(diagnosis=lambda _: "M"), "each_class_can_be_split", 1),
    "too few of a class for the folds": (
        "D10",
        whole(diagnosis=lambda table: np.where(np.arange(569) % 50, "M", "B")),
        "each_class_can_be_split",
        1,
    ),
    "id and radius swapped": (
        "D13",
        whole(radius_mean=lambda table: table["id"].astype("float64"), id=lambda table: table.index * 7),
        "values_are_plausible",
        469,
    ),
}


@pytest.mark.parametrize(
    ("content", "rule", "count"),
    [pytest.param(*case[1:], marks=pytest.mark.fault(case[0]), id=name) for name, case in WHOLE_COLUMNS.items()],
)
def test_a_wrong_column_is_refused_by_the_rule_that_names_it(content: bytes, rule: str, count: int) -> None:
    finding = findings_by_rule(content)[rule]

    assert (finding.passed, finding.blocking, finding.count) == (False, True, count)


@pytest.mark.fault("D03")
def test_no_two_columns_can_change_places_unnoticed() -> None:
    def is_broken(rule: base.Rule, columns: base.Columns) -> bool:
        if isinstance(rule, base.CellRule):
            return any(mask.any() for _, mask in rule.faults(columns))
        return isinstance(rule, base.TableRule) and any(rule.faults(columns))

    table = schemas.columns_of(builders.published())
    pairs = list(itertools.combinations(contract.FEATURES, 2))
    mixed = ({**table, one: table[other], other: table[one]} for one, other in pairs)

    unnoticed = [pair for pair, each in zip(pairs, mixed, strict=True) if not any(is_broken(r, each) for r in RULES)]

    assert len(pairs) == 435
    assert unnoticed == []


@pytest.mark.fault("D11")
def test_an_odd_balance_is_a_warning_and_no_refusal() -> None:
    table = builders.table_of(1500, seed=4)
    few = table.drop(table.index[(table["diagnosis"] == "M") & (np.arange(1500) % 3 > 0)])
    found = {finding.rule: finding for finding in schemas.validate_raw(reading.RawTable(few, ()))}

    warning = found["balance_is_usual"]
    assert (warning.passed, warning.blocking) == (False, False)
    assert warning.summary == "balance_is_usual: diagnosis: 16.3% malignant, usual is 22.9% to 54.3%"
    assert [name for name, finding in found.items() if not finding.passed] == ["balance_is_usual"]
    assert findings.refusal(list(found.values()), "here") is None


STRUCTURES: dict[str, tuple[Any, str, Cells]] = {
    "an id among the features": (
        lambda frame: frame.assign(id=range(569)),
        "columns_are_features_only",
        [(None, "id", "column not in schema")],
    ),
    "a feature missing": (
        lambda frame: frame.drop(columns="area_se"),
        "columns_are_features_only",
        [(None, "area_se", "column not in dataframe")],
    ),
    "columns in another order": (
        lambda frame: frame[["radius_mean", "diagnosis", *contract.FEATURES[1:]]],
        "columns_are_features_only",
        [(None, "radius_mean", "column not ordered"), (None, "diagnosis", "column not ordered")],
    ),
    "a diagnosis of letters": (
        lambda frame: frame.assign(diagnosis="M"),
        "types_match_the_contract",
        [(None, "diagnosis", "wrong datatype")],
    ),
    "features in half precision": (
        lambda frame: frame.astype({"area_se": "float32"}),
        "types_match_the_contract",
        [(None, "area_se", "wrong datatype")],
    ),
}


@pytest.mark.fault("D13")
@pytest.mark.parametrize(("spoil", "rule", "cells"), STRUCTURES.values(), ids=STRUCTURES)
def test_wrong_columns_are_named_and_leave_no_other_rule_to_judge(spoil: Any, rule: str, cells: Cells) -> None:
    found = clean_failures(spoil(clean_frame()))

    assert [(failure.row, failure.column, failure.value) for failure in found[rule].failures] == cells
    judgeable = {tables.columns_are_features_only.name, tables.types_match_the_contract.name}
    assert found.keys() - {rule} == {each.name for each in groups.CLEAN_RULES} - judgeable
    assert all("not checked" in finding.summary for name, finding in found.items() if name != rule)


@pytest.mark.fault("D13")
@pytest.mark.parametrize("ends", [(0.008, 0.06), (0.06, 0.008)])
def test_the_number_of_the_row_in_place_of_a_feature_is_refused(ends: tuple[float, float]) -> None:
    frame = clean_frame().assign(symmetry_se=np.linspace(*ends, 569))

    found = clean_failures(frame)

    assert list(found) == ["row_order_is_not_a_feature"]
    assert [failure.column for failure in found["row_order_is_not_a_feature"].failures] == ["symmetry_se"]


def test_inverted_labels_in_the_clean_frame_are_refused() -> None:
    frame = clean_frame()

    found = clean_failures(frame.assign(diagnosis=1 - frame["diagnosis"]))

    assert list(found) == ["malignant_is_larger"]


def test_a_clean_frame_that_lost_rows_or_values_is_refused() -> None:
    frame = clean_frame()
    frame.loc[3, "area_mean"] = np.nan
    frame.loc[7, "diagnosis"] = 2

    found = clean_failures(frame.iloc[:500])

    assert list(found) == ["cells_are_numbers", "diagnosis_is_0_or_1", "no_patient_is_lost"]
    assert found["cells_are_numbers"].failures == (failures.Failure(4, "area_mean", "nan"),)
    assert found["diagnosis_is_0_or_1"].failures == (failures.Failure(8, "diagnosis", "2"),)
    assert found["no_patient_is_lost"].failures[0].value == "500 found, 569 needed"


def test_the_clean_frame_is_not_changed_by_judging() -> None:
    frame = clean_frame()

    schemas.validate_clean(frame)

    pd.testing.assert_frame_equal(frame, clean_frame())


def test_nothing_is_said_of_medians_or_order_where_there_are_too_few_rows() -> None:
    # A figure of one patient would be a patient's value.
    small = builders.csv(builders.patient(id=1, radius_mean=12.3), builders.patient(id=2, diagnosis="M"))

    assert set(broken_rules(small)) == {"no_patient_is_lost", "each_class_can_be_split"}
    in_order = clean_frame().sort_values("radius_mean").iloc[:3].reset_index(drop=True)
    assert set(clean_failures(in_order)) == {"no_patient_is_lost", "each_class_can_be_split"}
