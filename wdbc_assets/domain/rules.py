"""Which rules each table must keep, in the order in which they are judged and shown.

What a rule is: `rule_kinds`. What breaks it: `cell_rules`, `table_rules`, `split_rules`. How tables are judged by these
groups: `schemas`. Neither pandas nor Pandera is imported here, so that Dagster's checks can be named in no time.
"""

from collections.abc import Mapping

from wdbc_assets.domain import cell_rules, floors, policy_rules, split_rules, table_rules
from wdbc_assets.domain.rule_kinds import CellRule, Rule

RAW_RULES: tuple[Rule, ...] = (
    cell_rules.cells_are_numbers,
    cell_rules.diagnosis_is_m_or_b,
    cell_rules.id_is_positive,
    cell_rules.id_is_unique,
    cell_rules.nothing_is_negative,
    cell_rules.zero_only_where_possible,
    cell_rules.nothing_is_beyond_nature,
    cell_rules.worst_is_not_below_mean,
    cell_rules.se_is_not_above_mean,
    cell_rules.perimeter_fits_radius,
    cell_rules.area_fits_radius,
    cell_rules.compactness_fits_outline,
    cell_rules.no_patient_is_twice,
    cell_rules.no_diagnosis_contradicts,
    table_rules.no_patient_is_lost,
    table_rules.each_class_can_be_split,
    table_rules.malignant_is_larger,
    table_rules.medians_are_usual,
    table_rules.balance_is_usual,
)

# What the measurements of one patient must keep, whoever else is in the table: all that a row to be scored must.
MEASUREMENT_RULES: tuple[CellRule, ...] = (
    cell_rules.cells_are_numbers,
    cell_rules.nothing_is_negative,
    cell_rules.zero_only_where_possible,
    cell_rules.nothing_is_beyond_nature,
    cell_rules.worst_is_not_below_mean,
    cell_rules.se_is_not_above_mean,
    cell_rules.perimeter_fits_radius,
    cell_rules.area_fits_radius,
    cell_rules.compactness_fits_outline,
)

# What cleaning could have spoilt: columns lost, mixed up or added, rows lost, labels inverted. The rest is judged raw.
CLEAN_RULES: tuple[Rule, ...] = (
    table_rules.columns_are_features_only,
    table_rules.types_are_as_stated,
    table_rules.row_order_is_no_feature,
    cell_rules.cells_are_numbers,
    cell_rules.diagnosis_is_0_or_1,
    cell_rules.worst_is_not_below_mean,
    cell_rules.perimeter_fits_radius,
    cell_rules.area_fits_radius,
    table_rules.no_patient_is_lost,
    table_rules.each_class_can_be_split,
    table_rules.malignant_is_larger,
    table_rules.medians_are_usual,
)

SPLIT_RULES: tuple[Rule, ...] = (
    table_rules.columns_are_features_only,
    table_rules.types_are_as_stated,
    split_rules.rows_are_numbered_anew,
    split_rules.parts_are_disjoint,
    split_rules.parts_are_complete,
    split_rules.parts_are_rows_of_the_frame,
    split_rules.parts_are_stratified,
    split_rules.no_measurements_in_both_parts,
)

BY_NAME: Mapping[str, Rule] = {
    rule.name: rule for rule in (*RAW_RULES, *CLEAN_RULES, *SPLIT_RULES, *floors.RULES, *policy_rules.RULES)
}
