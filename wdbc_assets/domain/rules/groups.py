"""The rules of each table, in the order in which they are checked and shown.

`base` defines what a rule is, `cells`, `tables` and `splits` define the rules, and `schemas` validates tables by these
groups. This module imports neither pandas nor Pandera, so Dagster can list the checks quickly.
"""

from wdbc_assets.domain.rules import cells, splits, tables
from wdbc_assets.domain.rules.base import CellRule, Rule

RAW_RULES: tuple[Rule, ...] = (
    cells.cells_are_numbers,
    cells.diagnosis_is_m_or_b,
    cells.id_is_positive,
    cells.id_is_unique,
    cells.nothing_is_negative,
    cells.zero_only_where_possible,
    cells.values_are_plausible,
    cells.worst_is_not_below_mean,
    cells.se_is_not_above_mean,
    cells.perimeter_fits_radius,
    cells.area_fits_radius,
    cells.compactness_fits_outline,
    cells.no_patient_is_duplicated,
    cells.no_contradicting_diagnoses,
    tables.no_patient_is_lost,
    tables.each_class_can_be_split,
    tables.malignant_is_larger,
    tables.medians_are_usual,
    tables.balance_is_usual,
)

# Rules for one patient's measurements that do not depend on other rows. A row must pass all of them to be scored.
MEASUREMENT_RULES: tuple[CellRule, ...] = (
    cells.cells_are_numbers,
    cells.nothing_is_negative,
    cells.zero_only_where_possible,
    cells.values_are_plausible,
    cells.worst_is_not_below_mean,
    cells.se_is_not_above_mean,
    cells.perimeter_fits_radius,
    cells.area_fits_radius,
    cells.compactness_fits_outline,
)

# Rules for what cleaning could break: lost, swapped or added columns, lost rows, inverted labels. The other rules are
# checked on the raw table.
CLEAN_RULES: tuple[Rule, ...] = (
    tables.columns_are_features_only,
    tables.types_match_the_contract,
    tables.row_order_is_not_a_feature,
    cells.cells_are_numbers,
    cells.diagnosis_is_0_or_1,
    cells.worst_is_not_below_mean,
    cells.perimeter_fits_radius,
    cells.area_fits_radius,
    tables.no_patient_is_lost,
    tables.each_class_can_be_split,
    tables.malignant_is_larger,
    tables.medians_are_usual,
)

SPLIT_RULES: tuple[Rule, ...] = (
    tables.columns_are_features_only,
    tables.types_match_the_contract,
    splits.rows_are_renumbered,
    splits.sets_are_disjoint,
    splits.sets_are_complete,
    splits.sets_are_rows_of_the_frame,
    splits.sets_are_stratified,
    splits.sets_follow_the_hash,
    splits.no_measurements_in_both_sets,
)
