"""Rules for a table as a whole: its columns, the number of patients per class, and the typical measurements.

Messages contain counts and medians, never a single patient's value.
"""

import math
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract, reading
from wdbc_assets.domain.rules.base import Columns, StructureRule, TableFaults, TableRule, rule

if TYPE_CHECKING:
    import numpy as np

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
def no_patient_is_lost(columns: Columns) -> TableFaults:
    """The table has at least as many patients as the published study, which is closed."""
    rows = len(columns[contract.DIAGNOSIS])
    if rows < contract.PUBLISHED_ROWS:
        counts = f"{rows} found, {contract.PUBLISHED_ROWS} needed"
        numbered = rows and reading.LINE in columns
        yield "rows", f"{counts}; the last is line {columns[reading.LINE][-1]}" if numbered else counts


@rule(TableRule, hint="Remove the column: the row order alone predicts malignancy (AUC 0.67).")
def row_order_is_not_a_feature(columns: Columns) -> TableFaults:
    """No feature increases or decreases strictly from row to row, as a row number does."""
    import numpy as np

    if len(columns[contract.DIAGNOSIS]) < 2 * contract.LEAST_PER_CLASS:  # a few rows are in order by chance
        return
    for column in contract.FEATURES:
        steps = np.diff(columns[column])
        if (steps > 0).all() or (steps < 0).all():
            yield column, "increases or decreases strictly from row to row"


@rule(TableRule, hint="Add patients of the smaller class, or find out why they are missing.")
def each_class_can_be_split(columns: Columns) -> TableFaults:
    """Each class has enough rows for two in each of five folds after a fifth was set aside for testing."""
    for label in contract.LABELS:
        count = int(of_class(columns, label).sum())
        if count < contract.LEAST_PER_CLASS:
            yield contract.DIAGNOSIS, f"{label}: {count} found, {contract.LEAST_PER_CLASS} needed"


@rule(TableRule, hint="Check whether the labels M and B (or 1 and 0) are swapped.")
def malignant_is_larger(columns: Columns) -> TableFaults:
    """The median radius of malignant patients exceeds that of benign patients; otherwise the labels are inverted."""
    radii = [columns["radius_mean"][of_class(columns, label)] for label in ("M", "B")]
    malignant, benign = map(_median, radii)
    if min(map(len, radii)) >= contract.LEAST_PER_CLASS and malignant <= benign:
        yield "radius_mean", f"median {malignant:.3g} of malignant, {benign:.3g} of benign"


@rule(TableRule, hint="Check for swapped columns and for a different unit.")
def medians_are_usual(columns: Columns) -> TableFaults:
    """The median of each column is between the 5th and 95th percentiles of the published patients."""
    # Fewer rows have no reliable median; `no_patient_is_lost` reports them.
    if len(columns[contract.DIAGNOSIS]) < contract.PUBLISHED_ROWS:
        return
    for measurement in contract.MEASUREMENTS:
        for statistic, (low, high) in measurement.usual.items():
            column = measurement.column(statistic)
            median = _median(columns[column])
            if median < low or median > high:
                yield column, f"median {median:.3g}, usual is {low:g} to {high:g}"


@rule(
    TableRule,
    hint="Check how the patients were selected. Probabilities and thresholds are valid for the usual class balance.",
    blocking=False,
)
def balance_is_usual(columns: Columns) -> TableFaults:
    """The odds of malignant to benign are between half and twice the published ones."""
    malignant = of_class(columns, "M")
    share = malignant.mean() if len(malignant) else math.nan
    low, high = contract.USUAL_MALIGNANT_SHARE
    if share < low or share > high:
        yield contract.DIAGNOSIS, f"{share:.1%} malignant, usual is {low:.1%} to {high:.1%}"


def of_class(columns: Columns, label: str) -> "np.ndarray":
    """Return a mask of the rows with a diagnosis, M or B."""
    # The raw table has letters, the clean frame has numbers.
    diagnoses = columns[contract.DIAGNOSIS]
    mask: np.ndarray = diagnoses == (label if diagnoses.dtype == object else contract.LABELS[label])
    return mask


def _median(values: "np.ndarray") -> float:
    """Return the median without missing values; NaN if there are no others."""
    import numpy as np

    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else math.nan
