"""The results of a verification, asset by asset, and their JSON form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wdbc_assets.store.manifest import Manifest
from wdbc_assets.verification.causes import Deviation
from wdbc_assets.verification.differences import ROUNDING, FileDifference


@dataclass(frozen=True)
class AssetVerification:
    """The result of re-deriving an asset's current version.

    Attributes:
        asset: Name of the asset.
        manifest: Manifest of the current version, None if there is none.
        verdict: Whether the derived version is the stored one.
        derived: The derived version.
        compared: Description of the files that were compared.
        causes: Causes of a divergence, the most likely first.
        differences: Differences of the files, empty unless the version diverged.
        notes: Further information.
        reason: Why the version was not derived.
    """

    asset: str
    manifest: Manifest | None
    verdict: Literal["same", "diverged", "not derived"]
    derived: str | None = None
    compared: str = ""
    causes: tuple[Deviation, ...] = ()
    differences: tuple[FileDifference, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def largest(self) -> float | None:
        """The largest relative difference, or None if there is none or something other than numbers changed."""
        largest = [difference.largest for difference in self.differences]
        numbers = [share for share in largest if share is not None]
        return max(numbers) if numbers and len(numbers) == len(largest) else None

    @property
    def rounding(self) -> bool:
        """Whether the difference is only rounding."""
        return self.largest is not None and self.largest <= ROUNDING


def first_diverged(findings: Sequence[AssetVerification]) -> AssetVerification | None:
    """Return the first finding that diverged, or None."""
    return next((finding for finding in findings if finding.verdict == "diverged"), None)


def to_json(findings: Sequence[AssetVerification]) -> dict[str, Any]:
    """Return all findings as JSON values."""
    first = first_diverged(findings)
    return {
        "same": all(finding.verdict == "same" for finding in findings),
        "first_diverged": first and first.asset,
        "assets": [_finding_to_json(finding) for finding in findings],
    }


def _finding_to_json(finding: AssetVerification) -> dict[str, Any]:
    return {
        "asset": finding.asset,
        "partition": finding.manifest and finding.manifest.partition,
        "verdict": finding.verdict,
        "version": finding.manifest and finding.manifest.version,
        "derived_version": finding.derived,
        "compared": finding.compared,
        "causes": [
            {"kind": cause.kind, "name": cause.name, "stated": cause.stated, "now": cause.now, "hint": cause.hint}
            for cause in finding.causes
        ],
        "rounding": finding.rounding,
        "largest_relative_difference": finding.largest,
        "differences": [
            {
                "file": difference.file,
                "what": difference.what,
                "count": difference.count,
                "cells": [{"row": row, "column": column} for row, column in difference.cells],
                "values": [
                    {
                        "path": value.path,
                        "stored": value.stored,
                        "derived": value.derived,
                        "difference": value.difference,
                    }
                    for value in difference.changed
                ],
                "largest": difference.largest,
            }
            for difference in finding.differences
        ],
        "notes": list(finding.notes),
        "reason": finding.reason,
    }
