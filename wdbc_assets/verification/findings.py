"""What a verification found, asset by asset, and the same as plain values for machines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wdbc_assets.store.manifest import Manifest
from wdbc_assets.verification.causes import Cause
from wdbc_assets.verification.differences import ROUNDING, Difference


@dataclass(frozen=True)
class Finding:
    """How deriving an asset's current version again ended.

    `derived` is the version that came out, `compared` says what it holds. `causes` (the likeliest first) and
    `differences` are empty unless it diverged; `notes` are what to know beside; `reason` is why it was not derived.
    """

    asset: str
    manifest: Manifest | None
    verdict: Literal["same", "diverged", "not derived"]
    derived: str | None = None
    compared: str = ""
    causes: tuple[Cause, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def largest(self) -> float | None:
        """The largest relative difference, or None if there is none, or not only numbers moved."""
        found = [one.largest for one in self.differences]
        numbers = [share for share in found if share is not None]
        return max(numbers) if numbers and len(numbers) == len(found) else None

    @property
    def rounding(self) -> bool:
        """Whether nothing but last digits moved."""
        return self.largest is not None and self.largest <= ROUNDING


def first_diverged(findings: Sequence[Finding]) -> Finding | None:
    """Return what diverged first, or None."""
    return next((finding for finding in findings if finding.verdict == "diverged"), None)


def plain(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return everything that was found, ready for JSON."""
    first = first_diverged(findings)
    return {
        "same": all(finding.verdict == "same" for finding in findings),
        "first_diverged": first and first.asset,
        "assets": [_plain(finding) for finding in findings],
    }


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "asset": finding.asset,
        "verdict": finding.verdict,
        "version": finding.manifest and finding.manifest.version,
        "derived_version": finding.derived,
        "compared": finding.compared,
        "causes": [
            {"kind": one.kind, "name": one.name, "stated": one.stated, "now": one.now, "hint": one.hint}
            for one in finding.causes
        ],
        "rounding": finding.rounding,
        "largest_relative_difference": finding.largest,
        "differences": [
            {
                "file": one.file,
                "what": one.what,
                "count": one.count,
                "cells": [{"row": row, "column": column} for row, column in one.cells],
                "figures": [
                    {
                        "path": figure.path,
                        "stored": figure.stored,
                        "derived": figure.derived,
                        "difference": figure.difference,
                    }
                    for figure in one.figures
                ],
                "largest": one.largest,
            }
            for one in finding.differences
        ],
        "notes": list(finding.notes),
        "reason": finding.reason,
    }
