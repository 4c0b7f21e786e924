"""What findings say, in the form that tests compare."""

from typing import Any

from wdbc_assets.verification import Finding


def verdicts(found: dict[str, Finding]) -> list[str]:
    return [finding.verdict for finding in found.values()]


def moved(finding: Finding) -> dict[str, tuple[Any, Any]]:
    return {
        figure.path: (figure.stored, figure.derived)
        for difference in finding.differences
        for figure in difference.figures
    }
