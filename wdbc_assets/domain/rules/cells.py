"""Rules for single cells and rows. They apply to tables of any length.

A missing cell violates only `cells_are_numbers`, because every comparison with it is false.
"""

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules.base import MISSING_ID, CellFaults, CellRule, Columns, rule

if TYPE_CHECKING:
    import numpy as np


@rule(
    CellRule,
    hint="Correct the cell or remove the row. Write measurements as 0.1471, with a decimal point and without spaces, "
    "and ids as integers: 842302, not 842302.0 or 8.42e5, which spreadsheets and pandas write if a column has gaps.",
)
def cells_are_numbers(columns: Columns) -> CellFaults:
    """Every id and every measurement is a finite decimal number."""
    import numpy as np

    if contract.ID in columns:
        yield contract.ID, columns[contract.ID] == MISSING_ID
    for column in contract.FEATURES:
        yield column, ~np.isfinite(columns[column])


@rule(CellRule, hint="Write M for malignant and B for benign.")
def diagnosis_is_m_or_b(columns: Columns) -> CellFaults:
    """The diagnosis is exactly M or B."""
    import numpy as np

    yield contract.DIAGNOSIS, np.isin(columns[contract.DIAGNOSIS], list(contract.LABELS), invert=True)


@rule(CellRule, hint="Recreate the clean frame from the raw table.")
def diagnosis_is_0_or_1(columns: Columns) -> CellFaults:
    """The diagnosis is exactly 1 (malignant) or 0 (benign)."""
    import numpy as np

    yield contract.DIAGNOSIS, np.isin(columns[contract.DIAGNOSIS], list(contract.LABELS.values()), invert=True)


@rule(CellRule, hint="Use the id that was assigned to the patient.")
def id_is_positive(columns: Columns) -> CellFaults:
    """Every id is an integer above 0."""
    ids = columns[contract.ID]
    yield contract.ID, (ids <= 0) & (ids != MISSING_ID)


@rule(CellRule, hint="Find out which row belongs to the patient. Remove the other row or correct its id.")
def id_is_unique(columns: Columns) -> CellFaults:
    """No two rows have the same id."""
    ids = columns[contract.ID]
    yield contract.ID, _repeated(ids) & (ids != MISSING_ID)


@rule(CellRule, hint="Correct the cell: sizes and fractions are never negative.")
def nothing_is_negative(columns: Columns) -> CellFaults:
    """No measurement is negative, including -0."""
    import numpy as np

    for column in contract.FEATURES:
        values = columns[column]
        yield column, np.signbit(values) & ~np.isnan(values)


@rule(CellRule, hint="Correct the cell. Do not write a missing value as 0.")
def zero_only_where_possible(columns: Columns) -> CellFaults:
    """Only concavity and concave points may be 0, and then their mean, standard error and worst value are all 0."""
    for measurement in contract.MEASUREMENTS:
        cells = {column: columns[column] for column in map(measurement.column, contract.STATISTICS)}
        mean, se, worst = cells.values()
        for column, values in cells.items():
            zero = values == 0
            yield column, zero & ((mean > 0) | (se > 0) | (worst > 0)) if measurement.may_be_zero else zero


@rule(CellRule, hint="Correct the cell or the unit of the column.")
def values_are_plausible(columns: Columns) -> CellFaults:
    """No measurement exceeds the upper bound that the data contract derives for a cell nucleus."""
    for measurement in contract.MEASUREMENTS:
        for column in map(measurement.column, contract.STATISTICS):
            yield column, columns[column] > measurement.largest


@rule(CellRule, hint="Check whether the mean and worst columns are swapped.")
def worst_is_not_below_mean(columns: Columns) -> CellFaults:
    """The worst value (the mean of the three largest values) is never below the mean of all values."""
    for measurement in contract.MEASUREMENTS:
        worst = measurement.column("worst")
        yield worst, columns[worst] < columns[measurement.column("mean")]


@rule(CellRule, hint="Check for swapped columns, and for standard deviations in place of standard errors.")
def se_is_not_above_mean(columns: Columns) -> CellFaults:
    """A standard error never exceeds the mean, which holds for any non-negative values."""
    # They are equal if all values but one are 0.
    for measurement in contract.MEASUREMENTS:
        se = measurement.column("se")
        yield se, columns[se] > columns[measurement.column("mean")]


@rule(CellRule, hint="Check for swapped columns, and for a perimeter and a radius in different units.")
def perimeter_fits_radius(columns: Columns) -> CellFaults:
    """A perimeter is close to 2 pi radius, within the tolerance of the data contract."""
    for statistic, limits in contract.PERIMETER_PER_CIRCLE.items():
        circle = 2 * math.pi * columns[f"radius_{statistic}"]
        yield f"perimeter_{statistic}", _outside(columns[f"perimeter_{statistic}"], circle, limits)


@rule(CellRule, hint="Check for swapped columns, and for an area and a radius in different units.")
def area_fits_radius(columns: Columns) -> CellFaults:
    """An area is close to pi radius², and its standard error to 2 pi radius times the standard error of the radius."""
    for statistic, limits in contract.AREA_PER_CIRCLE.items():
        circle = math.pi * columns[f"radius_{statistic}"] ** 2
        yield f"area_{statistic}", _outside(columns[f"area_{statistic}"], circle, limits)
    circle = 2 * math.pi * columns["radius_mean"] * columns["radius_se"]
    yield "area_se", _outside(columns["area_se"], circle, contract.AREA_SE_PER_CIRCLE)


@rule(CellRule, hint="Check for swapped columns.")
def compactness_fits_outline(columns: Columns) -> CellFaults:
    """The mean compactness equals perimeter² / (4 pi area) - 1 of the mean outline, or is slightly larger."""
    circle = 4 * math.pi * columns["area_mean"]
    excess = (columns["compactness_mean"] + 1) * circle - columns["perimeter_mean"] ** 2
    low, high = contract.COMPACTNESS_EXCESS
    yield "compactness_mean", (excess < low * circle) | (excess > high * circle)


@rule(CellRule, hint="Remove one of the rows: duplicates in the training and test sets are a leak.")
def no_patient_is_duplicated(columns: Columns) -> CellFaults:
    """No two rows with the same diagnosis have the same thirty measurements."""
    twins, contradict = _twins(columns)
    yield contract.DIAGNOSIS, twins & ~contradict


@rule(CellRule, hint="Find out which diagnosis is correct and remove the other row.")
def no_contradicting_diagnoses(columns: Columns) -> CellFaults:
    """No two rows have the same thirty measurements but different diagnoses."""
    yield contract.DIAGNOSIS, _twins(columns)[1]


def _outside(value: "np.ndarray", circle: "np.ndarray", limits: contract.Range) -> "np.ndarray":
    # Multiply rather than divide: a radius of 0 violates another rule and must not cause a division by zero here.
    broken: np.ndarray = (value < limits[0] * circle) | (value > limits[1] * circle)
    return broken


def _repeated(values: "np.ndarray") -> "np.ndarray":
    """Return a mask of the values that occur more than once; NaN equals nothing."""
    import numpy as np

    ordered = np.sort(values)
    return np.isin(values, ordered[1:][ordered[1:] == ordered[:-1]])


def _twins(columns: Columns) -> "tuple[np.ndarray, np.ndarray]":
    """Return masks of the rows that share all measurements with another row, and of those whose diagnoses differ."""
    import numpy as np

    diagnoses = columns[contract.DIAGNOSIS]
    twins, contradict = np.zeros(len(diagnoses), dtype=bool), np.zeros(len(diagnoses), dtype=bool)
    # Equal rows have equal sums, which select a few candidates among a million rows. With a missing cell it is NaN.
    sums = np.zeros(len(diagnoses))
    for name in contract.FEATURES:
        sums += columns[name]
    suspects = np.flatnonzero(_repeated(sums))
    measurements = np.column_stack([columns[name][suspects] for name in contract.FEATURES]) + 0.0  # -0.0 becomes 0.0
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row, cells in zip(suspects.tolist(), measurements, strict=True):
        groups[cells.tobytes()].append(row)
    for rows in groups.values():
        if len(rows) > 1:
            twins[rows] = True
            contradict[rows] = len(set(diagnoses[rows].tolist())) > 1
    return twins, contradict
