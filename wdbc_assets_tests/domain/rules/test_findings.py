"""All broken rules make one short message, whose patients' values stand in the detail alone."""

import pytest

from wdbc_assets.domain.data import contract, failures, reading
from wdbc_assets.domain.rules import base, findings, groups, schemas
from wdbc_assets_tests import builders
from wdbc_assets_tests.domain.validation import changed


def of(content: bytes) -> list[findings.Finding]:
    return schemas.validate_raw(reading.read(content))


def test_nothing_broken_is_nothing_to_refuse() -> None:
    assert findings.refusal(of(builders.bundled_uci_bytes()), "raw_data") is None


@pytest.mark.fault("D06")
def test_a_refusal_names_rule_line_column_and_hint() -> None:
    error = findings.refusal(of(changed("area_se", "4O.1")), "raw_data")

    assert error is not None
    assert error.what == ("the data violate 1 of 19 rules: cells_are_numbers: 1 cell, first at line 17, column area_se")
    assert error.where == "raw_data"
    assert error.hint.startswith("Correct the cell")
    assert error.detail == "cells_are_numbers: row 17, area_se: '4O.1'"


@pytest.mark.fault("D14")
def test_a_hundred_faults_of_ten_kinds_make_one_short_message_without_values() -> None:
    kinds = (
        ("area_se", "4O.1"), ("texture_se", 0), ("smoothness_se", -0.123), ("symmetry_worst", 4.5), ("diagnosis", "mm"),
        ("texture_worst", 1.25), ("perimeter_worst", 600.5), ("area_worst", 9000.5), ("compactness_mean", 0.00321),
        ("id", -70707),
    )  # fmt: skip
    wrong = [(10 * number + place + 1, *kind) for number in range(10) for place, kind in enumerate(kinds)]

    error = findings.refusal(of(builders.published_with(*wrong)), "raw_data")

    assert error is not None
    assert len(str(error)) < 800
    assert str(error).count("\n") == 2
    for _, value in kinds[:1] + kinds[2:]:
        assert str(value) not in str(error)
    for rule in ("cells_are_numbers: 10 cells", "diagnosis_is_m_or_b: 10 cells", "values_are_plausible"):
        assert rule in error.what
    lines = error.detail.splitlines()
    assert sum(line.startswith("diagnosis_is_m_or_b") for line in lines) == 10
    assert "diagnosis_is_m_or_b: row 5, diagnosis: 'mm'" in lines
    assert len(lines) <= 19 * (failures.SHOWN + 1)


@pytest.mark.fault("X02")
def test_a_finding_holds_values_where_its_rule_looks_at_cells() -> None:
    kinds = {rule.name: isinstance(rule, base.CellRule) for rule in groups.RAW_RULES}
    content = builders.published_with((1, "radius_mean", -1), (2, "id", 0), (3, "area_se", "x"))
    few = b"\n".join(content.splitlines()[:40]) + b"\n"  # too few: a rule of the whole table is broken too
    found = [one for one in of(few) if not one.passed]
    assert {one.holds_values for one in found} == {True, False}
    assert all(one.holds_values is kinds[one.rule] and one.hint for one in found)


@pytest.mark.fault("D14")
def test_what_is_not_shown_is_counted() -> None:
    wrong = [(line, "symmetry_se", -1) for line in range(1, 51)]

    error = findings.refusal(of(builders.published_with(*wrong)), "raw_data")

    assert error is not None
    assert error.detail.splitlines()[-1] == "nothing_is_negative: 40 more"


@pytest.mark.fault("D01")
def test_the_number_found_and_the_number_needed_are_reported() -> None:
    error = findings.refusal(of(builders.csv(builders.patient())), "raw_data")

    assert error is not None
    assert f"1 found, {contract.PUBLISHED_ROWS} needed" in error.what
