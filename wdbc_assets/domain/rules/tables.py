"""Rules for a table as a whole: its columns, the number of patients per class, and the typical measurements.

Messages contain counts and medians, never a single patient's value.
"""

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules.base import StructureRule, TableFaults, TableRule, rule

if TYPE_CHECKING:
    import pandas as pd

columns_are_features_only = StructureRule(
    "columns_are_features_only",
    "The columns are exactly those of the data contract, in its order, without an id or a row number.",
    "Recreate the table from its input. Adding or removing a feature changes the model.",
    reasons=frozenset(
        {"COLUMN_NOT_IN_DATAFRAME", "COLUMN_NOT_IN_SCHEMA", "COLUMN_NOT_ORDERED", "DUPLICATE_COLUMN_LABELS"}
    ),
)

types_match_the_contract = StructureRule(
    "types_match_the_contract",
    "Every column has the type stated in the data contract: float64 for features, int64 for the diagnosis.",
    "Recreate the table from its input.",
    reasons=frozenset({"WRONG_DATATYPE"}),
)


@rule(
    TableRule,
    hint="Fetch the file again: it is truncated or rows were dropped. A smaller study needs another data contract.",
)
def no_patient_is_lost(frame: "pd.DataFrame") -> TableFaults:
    """The table has at least as many patients as the published study, which is closed."""
    if len(frame) < contract.PUBLISHED_ROWS:
        counts = f"{len(frame)} found, {contract.PUBLISHED_ROWS} needed"
        named = len(frame) and frame.index.name is not None
        yield "rows", f"{counts}; the last is {frame.index.name} {frame.index[-1]}" if named else counts


@rule(TableRule, hint="Remove the column: the row order alone predicts malignancy (AUC 0.67).")
def row_order_is_not_a_feature(frame: "pd.DataFrame") -> TableFaults:
    """No feature increases or decreases strictly from row to row, as a row number does."""
    import numpy as np

    if len(frame) < 2 * contract.LEAST_PER_CLASS:  # a few rows are in order by chance
        return
    for column in contract.FEATURES:
        steps = np.diff(frame[column].to_numpy())
        if (steps > 0).all() or (steps < 0).all():
            yield column, "increases or decreases strictly from row to row"


@rule(TableRule, hint="Add patients of the smaller class, or find out why they are missing.")
def each_class_can_be_split(frame: "pd.DataFrame") -> TableFaults:
    """Each class has enough rows for two in each of five folds after a fifth was set aside for testing."""
    for label in contract.LABELS:
        count = int(_of_class(frame, label).sum())
        if count < contract.LEAST_PER_CLASS:
            yield contract.DIAGNOSIS, f"{label}: {count} found, {contract.LEAST_PER_CLASS} needed"


@rule(TableRule, hint="Check whether the labels M and B (or 1 and 0) are swapped.")
def malignant_is_larger(frame: "pd.DataFrame") -> TableFaults:
    """The median radius of malignant patients exceeds that of benign patients; otherwise the labels are inverted."""
    malignant, benign = (frame["radius_mean"][_of_class(frame, label)] for label in ("M", "B"))
    enough = min(len(malignant), len(benign)) >= contract.LEAST_PER_CLASS
    if enough and malignant.median() <= benign.median():
        yield "radius_mean", f"median {malignant.median():.3g} of malignant, {benign.median():.3g} of benign"


@rule(TableRule, hint="Check for swapped columns and for a different unit.")
def medians_are_usual(frame: "pd.DataFrame") -> TableFaults:
    """The median of each column is between the 5th and 95th percentiles of the published patients."""
    if len(frame) < contract.PUBLISHED_ROWS:  # too few rows for a reliable median; no_patient_is_lost reports this
        return
    for measurement in contract.MEASUREMENTS:
        for statistic, (low, high) in measurement.usual.items():
            column = measurement.column(statistic)
            median = float(frame[column].median())
            if median < low or median > high:
                yield column, f"median {median:.3g}, usual is {low:g} to {high:g}"


@rule(
    TableRule,
    hint="Check how the patients were selected. Probabilities and thresholds are valid for the usual class balance.",
    blocking=False,
)
def balance_is_usual(frame: "pd.DataFrame") -> TableFaults:
    """The odds of malignant to benign are between half and twice the published ones."""
    share = float(_of_class(frame, "M").mean())
    low, high = contract.USUAL_MALIGNANT_SHARE
    if share < low or share > high:
        yield contract.DIAGNOSIS, f"{share:.1%} malignant, usual is {low:.1%} to {high:.1%}"


def _of_class(frame: "pd.DataFrame", label: str) -> "pd.Series[bool]":
    # The raw table has letters, the clean frame has numbers.
    return frame[contract.DIAGNOSIS].isin([label, contract.LABELS[label]])
