"""Findings in the form that tests compare."""

from typing import Any

from wdbc_assets.verification import AssetVerification


def verdicts(findings: dict[str, AssetVerification]) -> list[str]:
    return [finding.verdict for finding in findings.values()]


def changed_values(finding: AssetVerification) -> dict[str, tuple[Any, Any]]:
    return {
        value.path: (value.stored, value.derived) for difference in finding.differences for value in difference.changed
    }
