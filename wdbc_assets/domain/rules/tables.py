"""What must be true of a table as a whole: its columns, how many patients of which class, where their measurements lie.

Its sentences hold counts and medians, never a single patient's value.
"""

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules.base import StructureRule, TableFaults, TableRule, rule

if TYPE_CHECKING:
    import pandas as pd

columns_are_features_only = StructureRule(
    "columns_are_features_only",
    "The columns are those of the contract in their order and no others: no id, no number of the row.",
    "Make it again from its input; a feature more or less changes what a model is.",
    reasons=frozenset(
        {"COLUMN_NOT_IN_DATAFRAME", "COLUMN_NOT_IN_SCHEMA", "COLUMN_NOT_ORDERED", "DUPLICATE_COLUMN_LABELS"}
    ),
)

types_match_the_contract = StructureRule(
    "types_match_the_contract",
    "Every column has the type of the contract: float64 for features, int64 for the diagnosis.",
    "Make it again from its input.",
    reasons=frozenset({"WRONG_DATATYPE"}),
)


@rule(
    TableRule,
    hint="Fetch the file anew: it was cut, or rows were dropped. To judge a smaller study, change the contract.",
)
def no_patient_is_lost(frame: "pd.DataFrame") -> TableFaults:
    """There are at least as many patients as were published: the study is closed, and can only have been added to."""
    if len(frame) < contract.PUBLISHED_ROWS:
        found = f"{len(frame)} found, {contract.PUBLISHED_ROWS} needed"
        named = len(frame) and frame.index.name is not None
        yield "rows", f"{found}; the last is {frame.index.name} {frame.index[-1]}" if named else found


@rule(TableRule, hint="Remove the column: the order of the rows alone tells malignant from benign (AUC 0.67).")
def row_order_is_not_a_feature(frame: "pd.DataFrame") -> TableFaults:
    """No feature rises, or falls, from every row to the next, as a row's number does."""
    import numpy as np

    if len(frame) < 2 * contract.LEAST_PER_CLASS:  # a few rows are in order by chance
        return
    for column in contract.FEATURES:
        steps = np.diff(frame[column].to_numpy())
        if (steps > 0).all() or (steps < 0).all():
            yield column, "rises or falls from every row to the next"


@rule(TableRule, hint="Add patients of the class that is short, or look why they are missing.")
def each_class_can_be_split(frame: "pd.DataFrame") -> TableFaults:
    """Each class has enough rows for two in every fold of five, after a fifth was kept for testing."""
    for label in contract.LABELS:
        found = int(_of_class(frame, label).sum())
        if found < contract.LEAST_PER_CLASS:
            yield contract.DIAGNOSIS, f"{label}: {found} found, {contract.LEAST_PER_CLASS} needed"


@rule(TableRule, hint="Look whether M and B, or 1 and 0, changed places.")
def malignant_is_larger(frame: "pd.DataFrame") -> TableFaults:
    """Malignant nuclei are larger on average: the median radius is, or the labels are inverted."""
    malignant, benign = (frame["radius_mean"][_of_class(frame, label)] for label in ("M", "B"))
    enough = min(len(malignant), len(benign)) >= contract.LEAST_PER_CLASS
    if enough and malignant.median() <= benign.median():
        yield "radius_mean", f"median {malignant.median():.3g} of malignant, {benign.median():.3g} of benign"


@rule(TableRule, hint="Look for columns that changed places, or another unit.")
def medians_are_usual(frame: "pd.DataFrame") -> TableFaults:
    """Each column's median lies where nine tenths of the published patients do; else it holds something else."""
    if len(frame) < contract.PUBLISHED_ROWS:  # too few for a median to say much; no_patient_is_lost has said so
        return
    for measurement in contract.MEASUREMENTS:
        for statistic, (low, high) in measurement.usual.items():
            column = measurement.column(statistic)
            median = float(frame[column].median())
            if median < low or median > high:
                yield column, f"median {median:.3g}, usual is {low:g} to {high:g}"


@rule(
    TableRule,
    hint="Look how the patients were chosen; probabilities and thresholds hold for the usual balance.",
    blocking=False,
)
def balance_is_usual(frame: "pd.DataFrame") -> TableFaults:
    """The odds of malignant to benign are between half and twice the published ones."""
    share = float(_of_class(frame, "M").mean())
    low, high = contract.USUAL_MALIGNANT_SHARE
    if share < low or share > high:
        yield contract.DIAGNOSIS, f"{share:.1%} malignant, usual is {low:.1%} to {high:.1%}"


def _of_class(frame: "pd.DataFrame", label: str) -> "pd.Series[bool]":
    # In the letters of the raw table or the numbers of the clean frame.
    return frame[contract.DIAGNOSIS].isin([label, contract.LABELS[label]])
