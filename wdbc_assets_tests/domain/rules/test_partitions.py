"""Tables in partitions have the findings of the same table in one piece."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import contract, membership, reading
from wdbc_assets.domain.rules import across, columns, groups, partitions, schemas
from wdbc_assets.domain.rules.findings import Finding
from wdbc_assets_tests import builders
from wdbc_assets_tests.domain.partitioned import clean_in, cuts, raw_in
from wdbc_assets_tests.domain.validation import clean_frame

FEATURES = list(contract.FEATURES)
Change = Callable[[pd.DataFrame], "pd.DataFrame | None"]


def cell(column: str, value: Any, *rows: int) -> Change:
    def change(frame: pd.DataFrame) -> None:
        frame.iloc[list(rows or (3, 250, 500)), list(frame).index(column)] = value

    return change


def same(names: list[str], *pairs: tuple[int, int]) -> Change:
    def change(frame: pd.DataFrame) -> None:
        for row, other in pairs:
            for name in names:
                frame.iloc[other, list(frame).index(name)] = frame[name].iloc[row]

    return change


def swapped(frame: pd.DataFrame) -> pd.DataFrame:
    labels = frame["diagnosis"].map({"M": "B", "B": "M", 0: 1, 1: 0})
    return frame.assign(diagnosis=labels.astype(frame["diagnosis"].dtype))


def contradicting(frame: pd.DataFrame) -> pd.DataFrame:
    same(FEATURES, (4, 480))(frame)
    return frame.assign(diagnosis=np.where(np.arange(len(frame)) == 480, "B", frame["diagnosis"]))


RAW_FAULTS: dict[str, Change] = {
    "cells_are_numbers": cell("area_mean", np.nan, *range(0, 569, 40)),
    "diagnosis_is_m_or_b": cell("diagnosis", "X"),
    "id_is_positive": cell("id", -3, 480),
    "id_is_unique": same(["id"], (3, 500), (4, 501), (4, 5)),
    "nothing_is_negative": lambda frame: frame.assign(area_se=-1.0, symmetry_se=-0.0),
    "zero_only_where_possible": cell("texture_se", 0.0),
    "values_are_plausible": cell("concavity_worst", np.inf),
    "worst_is_not_below_mean": cell("texture_worst", 1.0),
    "se_is_not_above_mean": cell("symmetry_se", 0.9),
    "perimeter_fits_radius": cell("perimeter_se", 150.0),
    "area_fits_radius": cell("area_worst", 10000.0, 568),
    "compactness_fits_outline": cell("compactness_mean", 0.9),
    "no_patient_is_duplicated": same([*FEATURES, "diagnosis"], (3, 500), (4, 501), (4, 502)),
    "no_contradicting_diagnoses": contradicting,
    "no_patient_is_lost": lambda frame: frame.iloc[:400],
    "each_class_can_be_split": lambda frame: frame[(frame["diagnosis"] == "B") | (np.arange(569) < 3)],
    "malignant_is_larger": swapped,
    "medians_are_usual": lambda frame: frame.assign(symmetry_mean=0.5, concavity_mean=0.9),
    "balance_is_usual": lambda frame: pd.concat([frame, *[frame[frame["diagnosis"] == "M"]] * 5]),
}


def raw(change: Change) -> reading.RawTable:
    frame = builders.published()
    frame = changed if (changed := change(frame)) is not None else frame
    frame.index = pd.RangeIndex(2, 2 + len(frame), name=reading.LINE)
    return reading.RawTable(frame, ())


def assert_same(found: list[Finding], whole: list[Finding]) -> None:
    for one, other in zip(found, whole, strict=True):
        assert one == other


def test_a_fault_is_planted_for_each_rule_of_the_raw_table() -> None:
    assert list(RAW_FAULTS) == [rule.name for rule in groups.RAW_RULES]


@pytest.mark.parametrize("rule", RAW_FAULTS)
def test_a_broken_raw_table_has_the_same_findings_in_any_partitions(rule: str) -> None:
    table = raw(RAW_FAULTS[rule])
    whole = schemas.validate_raw(table)
    assert rule in {finding.rule for finding in whole if not finding.passed}
    for parts in (1, 2, 7):
        assert_same(partitions.validate_raw(raw_in(table, cuts(len(table.frame), parts))), whole)


@pytest.mark.parametrize("seed", range(4))
def test_faults_at_random_have_the_same_findings(seed: int) -> None:
    generator = np.random.default_rng(seed)

    def change(frame: pd.DataFrame) -> None:
        for name in generator.choice(FEATURES, 8):
            value = generator.choice([np.nan, -1.0, -0.0, 0.0, 1e300, np.inf, -np.inf, 0.2])
            cell(name, value, *generator.integers(0, 569, 12))(frame)
        pairs = [(int(row), int(other)) for row, other in generator.integers(0, 569, (12, 2))]
        same(FEATURES, *pairs[:6])(frame)
        same(["id"], *pairs[3:])(frame)

    table = raw(change)
    whole = schemas.validate_raw(table)
    assert sum(not finding.passed for finding in whole) >= 4
    assert_same(partitions.validate_raw(raw_in(table, cuts(569, seed + 2))), whole)


def test_unreadable_cells_have_their_texts() -> None:
    wrong = [(line, "area_se", f"x{line}") for line in range(5, 500, 5)] + [(7, "id", "7.0")]
    table = reading.read(builders.published_with(*wrong))
    assert_same(partitions.validate_raw(raw_in(table, cuts(569, 7))), schemas.validate_raw(table))


def test_the_published_table_passes_though_partitions_are_empty_or_of_one_class() -> None:
    table = raw(lambda frame: frame.sort_values("diagnosis", kind="stable"))
    whole = schemas.validate_raw(table)
    assert all(finding.passed for finding in whole)
    odd = [slice(0, 0), slice(0, 5), slice(5, 569), slice(569, 569)]
    for parts in (odd, [slice(0, 357), slice(357, 569)]):
        assert_same(partitions.validate_raw(raw_in(table, parts)), whole)


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_table_without_rows_has_the_same_findings(parts: int) -> None:
    table = raw(lambda frame: frame.iloc[:0])
    assert_same(partitions.validate_raw(raw_in(table, [slice(0, 0)] * parts)), schemas.validate_raw(table))


def test_a_missing_cell_makes_no_duplicate_and_minus_zero_does() -> None:
    table = raw(same([*FEATURES, "diagnosis"], (101, 500), (4, 501)))
    table.frame.iloc[[101, 500], 5] = np.nan
    table.frame.iloc[501, list(table.frame).index("concavity_se")] = -0.0
    table.frame.iloc[4, list(table.frame).index("concavity_se")] = 0.0
    whole = schemas.validate_raw(table)
    found = partitions.validate_raw(raw_in(table, cuts(569, 7)))
    assert [one.count for one in found if one.rule == "no_patient_is_duplicated"] == [2]
    assert_same(found, whole)


def test_rows_whose_digests_collide_are_compared_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "digests", lambda frame: np.zeros(len(frame), dtype=np.uint64))
    for change in (lambda frame: frame, RAW_FAULTS["no_patient_is_duplicated"]):
        table = raw(change)
        assert_same(partitions.validate_raw(raw_in(table, cuts(569, 7))), schemas.validate_raw(table))


def test_a_file_that_is_there_twice_is_refused_by_the_first_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(across, "MOST_REPEATED", 101)
    table = raw(lambda frame: pd.concat([frame, frame]))
    whole = {finding.rule: finding for finding in schemas.validate_raw(table)}
    found = {finding.rule: finding for finding in partitions.validate_raw(raw_in(table, cuts(2 * 569, 7)))}
    assert found["id_is_unique"] == whole["id_is_unique"]
    twins = found["no_patient_is_duplicated"]
    assert twins.count == 100  # the last of the 101 rows that were fetched has no twin among them
    assert twins.failures == whole["no_patient_is_duplicated"].failures


def test_no_more_measurements_are_held_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "HELD", 569 * 8 * 3)
    table = raw(RAW_FAULTS["medians_are_usual"])
    parts = raw_in(table, cuts(569, 2))
    assert_same(partitions.validate_raw(parts), schemas.validate_raw(table))
    assert len(parts.passes) == 1 + 30 / 3


def odd_types(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"area_se": "float32", "texture_mean": "int64"})


CLEAN_FAULTS: dict[str, Change] = {
    "columns_are_features_only": lambda frame: frame.drop(columns="area_se").assign(id=1),
    "types_match_the_contract": odd_types,
    "row_order_is_not_a_feature": lambda frame: frame.assign(texture_se=np.linspace(0.5, 2.5, 569)),
    "cells_are_numbers": RAW_FAULTS["cells_are_numbers"],
    "diagnosis_is_0_or_1": cell("diagnosis", 2),
    "worst_is_not_below_mean": RAW_FAULTS["worst_is_not_below_mean"],
    "perimeter_fits_radius": RAW_FAULTS["perimeter_fits_radius"],
    "area_fits_radius": RAW_FAULTS["area_fits_radius"],
    "no_patient_is_lost": lambda frame: frame.iloc[:400],
    "each_class_can_be_split": lambda frame: frame[(frame["diagnosis"] == 0) | (np.arange(569) < 3)],
    "malignant_is_larger": swapped,
    "medians_are_usual": RAW_FAULTS["medians_are_usual"],
}


def clean(change: Change) -> pd.DataFrame:
    frame = clean_frame()
    frame = changed if (changed := change(frame)) is not None else frame
    return frame.reset_index(drop=True)


def test_a_fault_is_planted_for_each_rule_of_the_clean_frame() -> None:
    assert list(CLEAN_FAULTS) == [rule.name for rule in groups.CLEAN_RULES]


@pytest.mark.parametrize("rule", CLEAN_FAULTS)
def test_a_broken_clean_frame_has_the_same_findings_in_any_partitions(rule: str) -> None:
    frame = clean(CLEAN_FAULTS[rule])
    whole = schemas.validate_clean(frame)
    assert rule in {finding.rule for finding in whole if not finding.passed}
    for parts in (1, 2, 7):
        assert_same(partitions.validate_clean(clean_in(frame, cuts(len(frame), parts))), whole)


@pytest.mark.parametrize("rows", [0, 25, 26, 569])
def test_rows_in_order_are_found_in_partitions_of_any_size(rows: int) -> None:
    frame = clean(lambda frame: frame.iloc[:rows].assign(texture_se=np.linspace(0.5, 2.5, rows)))
    whole = schemas.validate_clean(frame)
    assert whole[2].passed == (rows < 26)
    tiny = [slice(start, min(start + 25, rows)) for start in range(0, rows, 25)]
    for parts in (tiny, [slice(0, 0), slice(0, rows)]):
        assert_same(partitions.validate_clean(clean_in(frame, parts)), whole)


def test_a_column_in_order_within_each_partition_alone_is_no_row_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "HELD", 569 * 8 * 3)
    frame = clean(lambda frame: frame.assign(texture_se=np.linspace(0.5, 2.5, 569)[np.arange(569) % 100]))
    parts = clean_in(frame, [slice(start, min(start + 100, 569)) for start in range(0, 569, 100)])
    assert_same(partitions.validate_clean(parts), schemas.validate_clean(frame))


def test_columns_out_of_order_within_a_partition_take_no_pass_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "HELD", 569 * 8 * 3)
    parts = clean_in(clean_frame(), cuts(569, 2))
    assert all(finding.passed for finding in partitions.validate_clean(parts))
    assert len(parts.passes) == 1 + 30 / 3
