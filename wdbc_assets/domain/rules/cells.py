"""What must be true of single cells and rows, for any table of patients, however short.

A missing cell breaks `cells_are_numbers` and no other rule: comparisons with it are false.
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
    hint="Correct the cell or remove the row; write measurements like 0.1471, with a point, without spaces, and ids as "
    "whole numbers, 842302, not 842302.0 or 8.42e5: as a spreadsheet or pandas writes them of a column with gaps.",
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


@rule(CellRule, hint="Make the clean frame again from the raw table.")
def diagnosis_is_0_or_1(frame: "pd.DataFrame") -> CellFaults:
    """The diagnosis is exactly 1 (malignant) or 0 (benign)."""
    yield contract.DIAGNOSIS, ~_true(frame[contract.DIAGNOSIS].isin(list(contract.LABELS.values())))


@rule(CellRule, hint="Give the patient's number as it was assigned.")
def id_is_positive(frame: "pd.DataFrame") -> CellFaults:
    """An id is a whole number above 0."""
    yield contract.ID, _true(frame[contract.ID] <= 0)


@rule(CellRule, hint="Find out which row belongs to the patient, and remove or renumber the other.")
def id_is_unique(frame: "pd.DataFrame") -> CellFaults:
    """No two rows have the same id."""
    ids = frame[contract.ID]
    yield contract.ID, _true(ids.duplicated(keep=False) & ids.notna())


@rule(CellRule, hint="Correct the cell: a size or a share has no sign.")
def nothing_is_negative(frame: "pd.DataFrame") -> CellFaults:
    """No measurement is below 0, nor minus 0."""
    import numpy as np

    for column in contract.FEATURES:
        values = frame[column].to_numpy()
        yield column, np.signbit(values) & ~np.isnan(values)


@rule(CellRule, hint="Correct the cell; a missing value is not to be written as 0.")
def zero_only_where_possible(frame: "pd.DataFrame") -> CellFaults:
    """Only concavity and concave points may be 0, and all three statistics at once: each nucleus then has 0."""
    for measurement in contract.MEASUREMENTS:
        cells = {column: frame[column].to_numpy() for column in map(measurement.column, contract.STATISTICS)}
        mean, se, worst = cells.values()
        for column, values in cells.items():
            zero = values == 0
            yield column, zero & ((mean > 0) | (se > 0) | (worst > 0)) if measurement.may_be_zero else zero


@rule(CellRule, hint="Correct the cell, or the unit of the column.")
def values_are_plausible(frame: "pd.DataFrame") -> CellFaults:
    """No measurement is above what a nucleus can have: the contract gives each bound, with its reason."""
    for measurement in contract.MEASUREMENTS:
        for column in map(measurement.column, contract.STATISTICS):
            yield column, frame[column].to_numpy() > measurement.largest


@rule(CellRule, hint="Look for mean and worst columns that changed places.")
def worst_is_not_below_mean(frame: "pd.DataFrame") -> CellFaults:
    """The mean of the three largest values is never below the mean of all."""
    for measurement in contract.MEASUREMENTS:
        worst = measurement.column("worst")
        yield worst, frame[worst].to_numpy() < frame[measurement.column("mean")].to_numpy()


@rule(CellRule, hint="Look for columns that changed places, or standard deviations instead of standard errors.")
def se_is_not_above_mean(frame: "pd.DataFrame") -> CellFaults:
    """A standard error is at most the mean, as of any values that are never negative (equal if all but one are 0)."""
    for measurement in contract.MEASUREMENTS:
        se = measurement.column("se")
        yield se, frame[se].to_numpy() > frame[measurement.column("mean")].to_numpy()


@rule(CellRule, hint="Look for columns that changed places, or a perimeter in another unit than the radius.")
def perimeter_fits_radius(frame: "pd.DataFrame") -> CellFaults:
    """A perimeter is near 2 pi radius, within the contract's tolerance."""
    for statistic, limits in contract.PERIMETER_PER_CIRCLE.items():
        circle = 2 * math.pi * frame[f"radius_{statistic}"]
        yield f"perimeter_{statistic}", _outside(frame[f"perimeter_{statistic}"], circle, limits)


@rule(CellRule, hint="Look for columns that changed places, or an area in another unit than the radius.")
def area_fits_radius(frame: "pd.DataFrame") -> CellFaults:
    """An area is near pi radius², and its standard error near 2 pi radius times that of the radius."""
    for statistic, limits in contract.AREA_PER_CIRCLE.items():
        circle = math.pi * frame[f"radius_{statistic}"] ** 2
        yield f"area_{statistic}", _outside(frame[f"area_{statistic}"], circle, limits)
    circle = 2 * math.pi * frame["radius_mean"] * frame["radius_se"]
    yield "area_se", _outside(frame["area_se"], circle, contract.AREA_SE_PER_CIRCLE)


@rule(CellRule, hint="Look for columns that changed places.")
def compactness_fits_outline(frame: "pd.DataFrame") -> CellFaults:
    """The mean compactness is that of the mean outline, perimeter² / (4 pi area) - 1, or a little more."""
    circle = 4 * math.pi * frame["area_mean"]
    excess = (frame["compactness_mean"] + 1) * circle - frame["perimeter_mean"] ** 2
    low, high = contract.COMPACTNESS_EXCESS
    yield "compactness_mean", _true((excess < low * circle) | (excess > high * circle))


@rule(CellRule, hint="Remove one of the rows: in both parts of a split it would be its own answer.")
def no_patient_is_duplicated(frame: "pd.DataFrame") -> CellFaults:
    """No two rows with one diagnosis share all thirty measurements."""
    twins, contradict = _twins(frame)
    yield contract.DIAGNOSIS, twins & ~contradict


@rule(CellRule, hint="Find out which diagnosis is true, and remove the other row.")
def no_contradicting_diagnoses(frame: "pd.DataFrame") -> CellFaults:
    """No two rows share all thirty measurements and differ in the diagnosis."""
    yield contract.DIAGNOSIS, _twins(frame)[1]


def _true(mask: "pd.Series[bool]") -> "np.ndarray":
    return mask.to_numpy(dtype=bool, na_value=False)


def _outside(value: "pd.Series[float]", circle: "pd.Series[float]", limits: contract.Range) -> "np.ndarray":
    # Multiplied, not divided: a radius of 0 breaks a rule of its own, not the arithmetic of this one.
    return _true((value < limits[0] * circle) | (value > limits[1] * circle))


def _twins(frame: "pd.DataFrame") -> "tuple[np.ndarray, np.ndarray]":
    """Mask the rows that share all measurements with another, and those of them that differ in the diagnosis."""
    import numpy as np

    features = list(contract.FEATURES)
    # Three columns find the few suspects among a million rows; only those are compared in all thirty.
    suspects = np.flatnonzero(frame.duplicated(features[:3], keep=False))
    rows = frame.iloc[suspects].set_axis(suspects).dropna(subset=features)
    rows = rows[rows.duplicated(features, keep=False)]
    twins, contradict = np.zeros(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
    if len(rows):
        diagnoses = rows.groupby(features, sort=False)[contract.DIAGNOSIS].transform("nunique")
        twins[rows.index] = True
        contradict[rows.index[diagnoses > 1]] = True
    return twins, contradict
