"""Findings as Dagster's asset checks: the evidence of what failed, and a number in each evaluation."""

from typing import Any

import dagster as dg
import pytest

from wdbc_assets import checks
from wdbc_assets.domain.findings import Failure, Finding
from wdbc_assets_tests import builders


def shown(*findings: Finding, show_values: bool = True) -> list[dg.AssetCheckResult]:
    return list(checks.results("raw_data", findings, show_values=show_values))


def of_raw_data(content: bytes) -> list[dg.AssetCheckResult]:
    return shown(*checks.judge("raw_data", content, {}, where="a test").findings)


def rows(result: dg.AssetCheckResult) -> list[Any]:
    table: Any = result.metadata["failing rows"].value
    return [record.data for record in table.records]


@pytest.mark.parametrize("asset", list(checks.RULES))
def test_there_is_one_check_for_each_rule_and_its_description_is_what_the_rule_demands(asset: str) -> None:
    specs = {spec.name: spec for spec in checks.specs(asset)}
    assert list(specs) == [rule.name for rule in checks.RULES[asset]]
    for rule in checks.RULES[asset]:
        assert specs[rule.name].description == rule.description
        assert specs[rule.name].blocking == rule.blocking


def test_good_data_pass_every_check_with_no_failure() -> None:
    results = of_raw_data(builders.bundled_uci_bytes())
    assert {result.check_name for result in results} == {rule.name for rule in checks.RULES["raw_data"]}
    assert all(result.passed for result in results)
    assert {result.metadata["failures"].value for result in results} == {0}


@pytest.mark.fault("O02")
def test_a_broken_cell_fails_the_check_of_its_rule_and_is_shown_with_row_column_and_value() -> None:
    broken = of_raw_data(builders.published_with((5, "smoothness_se", -0.5)))
    (result,) = [one for one in broken if not one.passed]
    assert result.check_name == "nothing_is_negative"
    assert result.severity is dg.AssetCheckSeverity.ERROR
    assert result.metadata["failures"].value == 1
    assert rows(result) == [{"row": 5, "column": "smoothness_se", "value": "-0.5"}]
    assert result.description == "1 cell, first at line 5, column smoothness_se"


@pytest.mark.fault("S05")
def test_a_file_that_is_no_table_is_one_failure() -> None:
    (result,) = of_raw_data(b"<html><body>sorry</body></html>")
    assert not result.passed
    assert result.check_name == "file_is_a_table"
    assert result.metadata["failures"].value == 1


def test_a_rule_that_does_not_block_fails_as_a_warning() -> None:
    (result,) = shown(Finding("balance_is_usual", False, False, "balance_is_usual: 90 % malignant", count=1))
    assert result.severity is dg.AssetCheckSeverity.WARN


def test_a_figure_of_the_whole_table_has_no_row() -> None:
    finding = Finding(
        "no_patient_is_lost", False, True, "no_patient_is_lost: short", 1, (Failure(None, "all columns", "3 rows"),)
    )
    assert rows(*shown(finding)) == [{"row": "", "column": "all columns", "value": "3 rows"}]
