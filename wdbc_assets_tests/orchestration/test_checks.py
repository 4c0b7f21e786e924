"""Findings as Dagster's asset checks: the evidence of what failed, and a number in each evaluation."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data.failures import Failure
from wdbc_assets.domain.evaluation import comparison, floors
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.decision_policy import Quantiles
from wdbc_assets.domain.rules.findings import Finding
from wdbc_assets.orchestration import checks
from wdbc_assets.pipeline import specs, validation
from wdbc_assets_tests import builders, results


def shown(*findings: Finding, show_values: bool = True) -> list[dg.AssetCheckResult]:
    return list(checks.results("raw_data", findings, show_values=show_values))


def describe_raw_data(content: bytes) -> list[dg.AssetCheckResult]:
    return shown(*validation.validate("raw_data", content, {}, where="a test").findings)


def rows(result: dg.AssetCheckResult) -> list[Any]:
    table: Any = result.metadata["failing rows"].value
    return [record.data for record in table.records]


@pytest.mark.parametrize("asset", list(specs.ASSETS))
def test_there_is_one_check_for_each_rule_and_its_description_is_what_the_rule_demands(asset: str) -> None:
    stated = {spec.name: spec for spec in checks.specs(asset)}
    assert list(stated) == [rule.name for rule in validation.rules(asset)]
    for rule in validation.rules(asset):
        assert stated[rule.name].description == rule.description
        assert stated[rule.name].blocking == rule.blocking


def test_good_data_pass_every_check_with_no_failure() -> None:
    results = describe_raw_data(builders.bundled_uci_bytes())
    assert {result.check_name for result in results} == {rule.name for rule in validation.rules("raw_data")}
    assert all(result.passed for result in results)
    assert {result.metadata["failures"].value for result in results} == {0}


@pytest.mark.fault("O02")
def test_a_broken_cell_fails_the_check_of_its_rule_and_is_shown_with_row_column_and_value() -> None:
    broken = describe_raw_data(builders.published_with((5, "smoothness_se", -0.5)))
    (result,) = [one for one in broken if not one.passed]
    assert result.check_name == "nothing_is_negative"
    assert result.severity is dg.AssetCheckSeverity.ERROR
    assert result.metadata["failures"].value == 1
    assert rows(result) == [{"row": 5, "column": "smoothness_se", "value": "-0.5"}]
    assert result.description == "1 cell, first at line 5, column smoothness_se"


@pytest.mark.fault("S05")
def test_a_file_that_is_no_table_is_one_failure() -> None:
    (result,) = describe_raw_data(b"<html><body>sorry</body></html>")
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


def evaluated(sureness: float) -> CrossValidation:
    """An evaluation of 600 patients whose log-odds are right at a sureness of 1, and too large beyond."""
    random = np.random.default_rng(1)
    log_odds = random.normal(0, 3, 600)
    diagnosis = (random.random(600) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
    table = pd.DataFrame(
        {
            "recipe": floors.RECIPE,
            "repeat": np.int64(0),
            "patient": np.arange(600),
            "fold": np.arange(600) % 10,
            "diagnosis": diagnosis,
            "probability": 1 / (1 + np.exp(-sureness * log_odds)),
        }
    )
    return CrossValidation(table, (), comparison.summary(table))


def of_calibration(sureness: float) -> dg.AssetCheckResult:
    value = evaluated(sureness)
    findings = validation.validate(
        "cross_validation", value, {"clean_frame": value.predictions}, where="a test"
    ).findings
    results = {result.check_name: result for result in checks.results("cross_validation", findings)}
    return results["probabilities_are_calibrated"]


def test_probabilities_that_are_right_pass_the_check_of_calibration() -> None:
    result = of_calibration(1)
    assert result.passed
    assert result.metadata["failures"].value == 0


@pytest.mark.parametrize(("sureness", "sign"), [(3, 1), (0.3, -1)])
def test_probabilities_too_sure_or_not_sure_enough_warn_and_show_the_bins(sureness: float, sign: int) -> None:
    result = of_calibration(sureness)
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.WARN
    first, *bins = rows(result)
    assert first["column"] == "Spiegelhalter's z"
    assert sign * float(first["value"].split(",")[0]) > 4
    assert bins
    assert all(row["column"].startswith("share of malignant between ") for row in bins)
    assert all("misses the mean probability" in row["value"] for row in bins)


@pytest.mark.parametrize(
    ("change", "name", "column", "value"),
    [
        ({"recall": 0.97}, "recall_reaches_the_target", "recall", "0.97, needed: at least 0.98"),
        ({"threshold": 0.0}, "bounds_are_probabilities", "threshold", "0.0, needed: above 0, up to 1"),
        (
            {"quantiles": Quantiles(0.53, 1.5)},
            "bounds_are_probabilities",
            "quantile of malignant",
            "1.5, needed: above 0, up to 1",
        ),
        ({"referred": 0.3}, "referrals_are_few", "referred", "0.3000, needed: at most 0.12"),
    ],
)
def test_a_broken_policy_fails_the_check_of_its_rule_and_only_referrals_are_a_warning(
    change: dict[str, Any], name: str, column: str, value: str
) -> None:
    verdict = validation.validate("decision_policy", results.policy(**change), {}, where="a test")
    (result,) = [one for one in checks.results("decision_policy", verdict.findings) if not one.passed]
    assert result.check_name == name
    assert rows(result) == [{"row": "", "column": column, "value": value}]
    blocks = name != "referrals_are_few"
    assert result.severity is (dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN)
    assert (verdict.refusal is not None) is blocks


def test_a_good_policy_passes_every_check() -> None:
    verdict = validation.validate("decision_policy", results.policy(), {}, where="a test")
    assert len(verdict.findings) == 3
    assert all(finding.passed for finding in verdict.findings)
    assert verdict.refusal is None
