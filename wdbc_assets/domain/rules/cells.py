"""Rules for single cells and rows. They apply to tables of any length.

A missing cell violates only `cells_are_numbers`, because every comparison with it is false.
"""

import math
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules.base import CellFaults, CellRule, rule

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@rule(
    CellRule,
    hint="Correct the cell or remove the row. Write measurements as 0.1471, with a decimal point and without spaces, "
    "and ids as integers: 842302, not 842302.0 or 8.42e5, which spreadsheets and pandas write if a column has gaps.",
)
def cells_are_numbers(frame: "pd.DataFrame") -> CellFaults:
    """Every id and every measurement is a finite decimal number."""
    import numpy as np

    for column in frame.columns:
        if column != contract.DIAGNOSIS:
            yield column, ~np.isfinite(frame[column].to_numpy(dtype="float64", na_value=math.nan))


@rule(CellRule, hint="Write M for malignant and B for benign.")
def diagnosis_is_m_or_b(frame: "pd.DataFrame") -> CellFaults:
    """The diagnosis is exactly M or B."""
    yield contract.DIAGNOSIS, ~_true(frame[contract.DIAGNOSIS].isin(list(contract.LABELS)))


@rule(CellRule, hint="Recreate the clean frame from the raw table.")
def diagnosis_is_0_or_1(frame: "pd.DataFrame") -> CellFaults:
    """The diagnosis is exactly 1 (malignant) or 0 (benign)."""
    yield contract.DIAGNOSIS, ~_true(frame[contract.DIAGNOSIS].isin(list(contract.LABELS.values())))


@rule(CellRule, hint="Use the id that was assigned to the patient.")
def id_is_positive(frame: "pd.DataFrame") -> CellFaults:
    """Every id is an integer above 0."""
    yield contract.ID, _true(frame[contract.ID] <= 0)


@rule(CellRule, hint="Find out which row belongs to the patient. Remove the other row or correct its id.")
def id_is_unique(frame: "pd.DataFrame") -> CellFaults:
    """No two rows have the same id."""
    ids = frame[contract.ID]
    yield contract.ID, _true(ids.duplicated(keep=False) & ids.notna())


@rule(CellRule, hint="Correct the cell: sizes and fractions are never negative.")
def nothing_is_negative(frame: "pd.DataFrame") -> CellFaults:
    """No measurement is negative, including -0."""
    import numpy as np

    for column in contract.FEATURES:
        values = frame[column].to_numpy()
        yield column, np.signbit(values) & ~np.isnan(values)


@rule(CellRule, hint="Correct the cell. Do not write a missing value as 0.")
def zero_only_where_possible(frame: "pd.DataFrame") -> CellFaults:
    """Only concavity and concave points may be 0, and then their mean, standard error and worst value are all 0."""
    for measurement in contract.MEASUREMENTS:
        cells = {column: frame[column].to_numpy() for column in map(measurement.column, contract.STATISTICS)}
        mean, se, worst = cells.values()
        for column, values in cells.items():
            zero = values == 0
            yield column, zero & ((mean > 0) | (se > 0) | (worst > 0)) if measurement.may_be_zero else zero


@rule(CellRule, hint="Correct the cell or the unit of the column.")
def values_are_plausible(frame: "pd.DataFrame") -> CellFaults:
    """No measurement exceeds the upper bound that the data contract derives for a cell nucleus."""
    for measurement in contract.MEASUREMENTS:
        for column in map(measurement.column, contract.STATISTICS):
            yield column, frame[column].to_numpy() > measurement.largest


@rule(CellRule, hint="Check whether the mean and worst columns are swapped.")
def worst_is_not_below_mean(frame: "pd.DataFrame") -> CellFaults:
    """The worst value (the mean of the three largest values) is never below the mean of all values."""
    for measurement in contract.MEASUREMENTS:
        worst = measurement.column("worst")
        yield worst, frame[worst].to_numpy() < frame[measurement.column("mean")].to_numpy()


@rule(CellRule, hint="Check for swapped columns, and for standard deviations in place of standard errors.")
def se_is_not_above_mean(frame: "pd.DataFrame") -> CellFaults:
    """A standard error never exceeds the mean, which holds for any non-negative values."""
    # They are equal if all values but one are 0.
    for measurement in contract.MEASUREMENTS:
        se = measurement.column("se")
        yield se, frame[se].to_numpy() > frame[measurement.column("mean")].to_numpy()


@rule(CellRule, hint="Check for swapped columns, and for a perimeter and a radius in different units.")
def perimeter_fits_radius(frame: "pd.DataFrame") -> CellFaults:
    """A perimeter is close to 2 pi radius, within the tolerance of the data contract."""
    for statistic, limits in contract.PERIMETER_PER_CIRCLE.items():
        circle = 2 * math.pi * frame[f"radius_{statistic}"]
        yield f"perimeter_{statistic}", _outside(frame[f"perimeter_{statistic}"], circle, limits)


@rule(CellRule, hint="Check for swapped columns, and for an area and a radius in different units.")
def area_fits_radius(frame: "pd.DataFrame") -> CellFaults:
    """An area is close to pi radius², and its standard error to 2 pi radius times the standard error of the radius."""
    for statistic, limits in contract.AREA_PER_CIRCLE.items():
        circle = math.pi * frame[f"radius_{statistic}"] ** 2
        yield f"area_{statistic}", _outside(frame[f"area_{statistic}"], circle, limits)
    circle = 2 * math.pi * frame["radius_mean"] * frame["radius_se"]
    yield "area_se", _outside(frame["area_se"], circle, contract.AREA_SE_PER_CIRCLE)


@rule(CellRule, hint="Check for swapped columns.")
def compactness_fits_outline(frame: "pd.DataFrame") -> CellFaults:
    """The mean compactness equals perimeter² / (4 pi area) - 1 of the mean outline, or is slightly larger."""
    circle = 4 * math.pi * frame["area_mean"]
    excess = (frame["compactness_mean"] + 1) * circle - frame["perimeter_mean"] ** 2
    low, high = contract.COMPACTNESS_EXCESS
    yield "compactness_mean", _true((excess < low * circle) | (excess > high * circle))


@rule(CellRule, hint="Remove one of the rows: duplicates in the training and test sets are a leak.")
def no_patient_is_duplicated(frame: "pd.DataFrame") -> CellFaults:
    """No two rows with the same diagnosis have the same thirty measurements."""
    twins, contradict = _twins(frame)
    yield contract.DIAGNOSIS, twins & ~contradict


@rule(CellRule, hint="Find out which diagnosis is correct and remove the other row.")
def no_contradicting_diagnoses(frame: "pd.DataFrame") -> CellFaults:
    """No two rows have the same thirty measurements but different diagnoses."""
    yield contract.DIAGNOSIS, _twins(frame)[1]


def _true(mask: "pd.Series[bool]") -> "np.ndarray":
    return mask.to_numpy(dtype=bool, na_value=False)


def _outside(value: "pd.Series[float]", circle: "pd.Series[float]", limits: contract.Range) -> "np.ndarray":
    # Multiply rather than divide: a radius of 0 violates another rule and must not cause a division by zero here.
    return _true((value < limits[0] * circle) | (value > limits[1] * circle))


def _twins(frame: "pd.DataFrame") -> "tuple[np.ndarray, np.ndarray]":
    """Return masks of the rows that share all measurements with another row, and of those whose diagnoses differ."""
    import numpy as np

    features = list(contract.FEATURES)
    # Three columns select a few candidates among a million rows; only those are compared in all thirty columns.
    suspects = np.flatnonzero(frame.duplicated(features[:3], keep=False))
    rows = frame.iloc[suspects].set_axis(suspects).dropna(subset=features)
    rows = rows[rows.duplicated(features, keep=False)]
    twins, contradict = np.zeros(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
    if len(rows):
        diagnoses = rows.groupby(features, sort=False)[contract.DIAGNOSIS].transform("nunique")
        twins[rows.index] = True
        contradict[rows.index[diagnoses > 1]] = True
    return twins, contradict
