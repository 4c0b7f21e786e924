"""Judging patients one by one: exactly what the rules find in a table, and nothing that other rows bear on."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules import base, cells, groups, rows, schemas
from wdbc_assets_tests import builders

SCALES = st.sampled_from([1.0, 1.0, 1.0, 1.0, 0.0, -1.0, -0.0, 2.0, 0.5, 1e6, 1e308, np.nan, np.inf, -np.inf])


def matrix(*patients: dict[str, float]) -> NDArray[np.float64]:
    return np.array([[patient[name] for name in contract.FEATURES] for patient in patients], dtype=np.float64)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.integers(0, 29), SCALES, max_size=4), min_size=1, max_size=5))
def test_what_is_found_is_what_the_rules_find_in_a_table_of_pandas(changes: list[dict[int, float]]) -> None:
    X = np.tile(matrix(builders.patient()), (len(changes), 1))
    for row, scales in enumerate(changes):
        for place, scale in scales.items():
            with np.errstate(over="ignore"):
                X[row, place] *= scale
    columns = schemas.columns_of(pd.DataFrame(X, columns=list(contract.FEATURES)))
    with np.errstate(all="ignore"):
        expected = {
            (int(position), column, rule.name)
            for rule in groups.MEASUREMENT_RULES
            for column, broken in rule.faults(columns)
            for position in np.flatnonzero(broken)
        }
    for order in (X, np.asfortranarray(X)):
        kept, faults = rows.validate(order)
        assert {(fault.position, fault.column, fault.rule) for fault in faults} == expected
        assert len(faults) == len(expected)
        assert np.flatnonzero(~kept).tolist() == sorted({position for position, _, _ in expected})
        assert [fault.position for fault in faults] == sorted(fault.position for fault in faults)


def test_the_published_patients_keep_every_rule() -> None:
    kept, faults = rows.validate(builders.published()[list(contract.FEATURES)].to_numpy())
    assert kept.all()
    assert faults == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"texture_mean": np.nan}, rows.BrokenRule(1, "texture_mean", "cells_are_numbers")),
        ({"symmetry_worst": 2.0}, rows.BrokenRule(1, "symmetry_worst", "values_are_plausible")),
        ({"texture_worst": 17.0}, rows.BrokenRule(1, "texture_worst", "worst_is_not_below_mean")),
        ({"smoothness_se": 0.2}, rows.BrokenRule(1, "smoothness_se", "se_is_not_above_mean")),
        ({"concavity_se": -0.0}, rows.BrokenRule(1, "concavity_se", "nothing_is_negative")),
        ({"area_worst": 5600.0}, rows.BrokenRule(1, "area_worst", "area_fits_radius")),
    ],
)
def test_a_fault_names_row_column_and_rule(changes: dict[str, float], fault: rows.BrokenRule) -> None:
    kept, faults = rows.validate(matrix(builders.patient(), builders.patient(**changes), builders.patient()))
    assert kept.tolist() == [True, False, True]
    assert fault in faults
    assert {one.position for one in faults} == {1}


def test_the_rules_are_those_of_the_raw_table_that_ask_neither_id_nor_diagnosis_nor_another_row() -> None:
    others = {
        cells.diagnosis_is_m_or_b, cells.id_is_positive, cells.id_is_unique,
        cells.no_patient_is_duplicated, cells.no_contradicting_diagnoses,
    }  # fmt: skip
    of_cells = [rule for rule in groups.RAW_RULES if isinstance(rule, base.CellRule)]
    assert list(groups.MEASUREMENT_RULES) == [rule for rule in of_cells if rule not in others]


def test_no_rows_have_no_faults() -> None:
    kept, faults = rows.validate(np.empty((0, 30)))
    assert (len(kept), faults) == (0, [])
