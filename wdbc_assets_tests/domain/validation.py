"""Judging in one word, for the tests of the rules: what is broken, and where."""

from typing import TypeAlias

import pandas as pd

from wdbc_assets.domain.data import cleaning, reading, splitting
from wdbc_assets.domain.rules import findings, schemas
from wdbc_assets_tests import builders

# Row, column and value of failures.
Cells: TypeAlias = list[tuple[int | None, str, str]]


def findings_by_rule(content: bytes) -> dict[str, findings.Finding]:
    """Return every finding of a raw file by its rule."""
    return {finding.rule: finding for finding in schemas.validate_raw(reading.read(content))}


def broken_rules(content: bytes) -> dict[str, Cells]:
    """Return the cells shown for each blocking rule that is broken."""
    return {
        name: [(failure.row, failure.column, failure.value) for failure in finding.failures]
        for name, finding in findings_by_rule(content).items()
        if finding.blocking and not finding.passed
    }


def clean_failures(frame: pd.DataFrame) -> dict[str, findings.Finding]:
    """Return the findings of a clean frame that did not pass."""
    return {finding.rule: finding for finding in schemas.validate_clean(frame) if not finding.passed}


def split_failures(split: splitting.Split, frame: pd.DataFrame) -> dict[str, findings.Finding]:
    """Return the findings of a split that did not pass."""
    return {finding.rule: finding for finding in schemas.validate_split(split, frame) if not finding.passed}


def clean_frame() -> pd.DataFrame:
    """Return the clean frame of the published patients."""
    return cleaning.clean(reading.read(builders.bundled_uci_bytes()))


def changed(column: str, value: object) -> bytes:
    """Return the published patients with one cell of line 17 replaced."""
    return builders.published_with((17, column, value))
