"""Findings in the form that tests compare."""

from typing import Any

from wdbc_assets.verification import Finding


def verdicts(findings: dict[str, Finding]) -> list[str]:
    return [finding.verdict for finding in findings.values()]


def changed_values(finding: Finding) -> dict[str, tuple[Any, Any]]:
    return {
        value.path: (value.stored, value.derived) for difference in finding.differences for value in difference.changed
    }
