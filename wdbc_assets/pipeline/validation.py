"""Validation of asset values: the rules of each asset, and the check of a value. The rules themselves are in `domain`.

A rule that crashes is a bug: its exception propagates and never counts as a failed rule.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import csv_layouts
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import floors, policy_rules
from wdbc_assets.domain.promotion import gate
from wdbc_assets.domain.rules import base, findings, groups
from wdbc_assets.domain.rules.findings import Finding

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.evaluation import cross_validation

# The reader of the bytes detects a breach; no other rule can be evaluated then.
FILE_IS_A_TABLE = base.Rule(
    "file_is_a_table", "The bytes are a table with the contract's 32 columns.", "Point the source at the table itself."
)

RULES: Mapping[str, tuple[base.Rule, ...]] = {
    "raw_data": (FILE_IS_A_TABLE, *groups.RAW_RULES),
    "clean_frame": groups.CLEAN_RULES,
    "train_test_split": groups.SPLIT_RULES,
    "cross_validation": floors.RULES,
    "decision_policy": policy_rules.RULES,
    "champion": gate.RULES,
}


@dataclass(frozen=True)
class Validation:
    """One finding per evaluated rule, and the error that refuses the value if a blocking rule failed."""

    findings: list[Finding]
    refusal: WdbcError | None


def validate(asset: str, value: Any, inputs: Mapping[str, Any], *, where: str) -> Validation:
    """Validate a value against the rules of its asset.

    Args:
        asset: Name of the asset.
        value: The value.
        inputs: Values of its inputs.
        where: Description of the value for error messages.
    """
    try:
        results = _VALIDATORS[asset](value, inputs) if asset in _VALIDATORS else []
    except csv_layouts.NotATable as error:
        error.where = f"{where}, {error.where}" if error.where else where
        return Validation([_table_finding(error.what, passed=False)], error)
    return Validation(results, findings.refusal(results, where))


def manifest_entries(results: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings in the form of a manifest, without the failing rows."""
    return [
        {
            "rule": finding.rule,
            "passed": finding.passed,
            "blocking": finding.blocking,
            "count": finding.count,
            "summary": finding.summary,
        }
        for finding in results
    ]


def _validate_raw(content: bytes, _: Mapping[str, Any]) -> list[Finding]:
    from wdbc_assets.domain.data import reading
    from wdbc_assets.domain.rules import schemas

    table = reading.read(content)
    return [_table_finding("holds", passed=True), *schemas.validate_raw(table)]


def _table_finding(summary: str, *, passed: bool) -> Finding:
    return Finding(FILE_IS_A_TABLE.name, passed=passed, blocking=True, summary=summary, count=int(not passed))


def _validate_clean(frame: "pd.DataFrame", _: Mapping[str, Any]) -> list[Finding]:
    from wdbc_assets.domain.rules import schemas

    return schemas.validate_clean(frame)


def _validate_split(split: "splitting.Split", inputs: Mapping[str, Any]) -> list[Finding]:
    from wdbc_assets.domain.rules import schemas

    return schemas.validate_split(split, inputs["clean_frame"])


def _validate_cross_validation(value: "cross_validation.CrossValidation", inputs: Mapping[str, Any]) -> list[Finding]:
    from wdbc_assets.domain.evaluation import rules as evaluation_rules

    return evaluation_rules.validate(value, inputs["clean_frame"])


def _validate_policy(policy: dict[str, Any], _: Mapping[str, Any]) -> list[Finding]:
    return [findings.from_lines(rule, breaches(policy)) for rule, breaches in policy_rules.BREACHES.items()]


_VALIDATORS: Mapping[str, Callable[[Any, Mapping[str, Any]], list[Finding]]] = {
    "raw_data": _validate_raw,
    "clean_frame": _validate_clean,
    "train_test_split": _validate_split,
    "cross_validation": _validate_cross_validation,
    "decision_policy": _validate_policy,
}
