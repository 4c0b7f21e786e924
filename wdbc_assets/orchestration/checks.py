"""Dagster asset checks, one per rule, with the failing rows.

The rules of each asset and their validation are in `pipeline.validation`.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from wdbc_assets.domain.rules.findings import Finding
from wdbc_assets.orchestration.metadata.parts import Metadata
from wdbc_assets.pipeline import validation
from wdbc_assets.presentation import privacy
from wdbc_assets.store.manifest import Manifest


def specs(asset: str) -> list[dg.AssetCheckSpec]:
    """Return the check specs of an asset, one per rule."""
    return [
        dg.AssetCheckSpec(rule.name, asset=asset, description=rule.description, blocking=rule.blocking)
        for rule in validation.rules(asset)
    ]


def results(asset: str, findings: Iterable[Finding], *, show_values: bool = False) -> Iterator[dg.AssetCheckResult]:
    """Yield a check result for each finding: whether it passed, the number of failures, and the first ten rows."""
    for finding in findings:
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=finding.rule,
            passed=finding.passed,
            severity=dg.AssetCheckSeverity.ERROR if finding.blocking else dg.AssetCheckSeverity.WARN,
            description=finding.summary.removeprefix(f"{finding.rule}: "),  # Dagster shows the name itself
            metadata=_evidence(finding, show_values=show_values),
        )


def from_manifest(manifest: Manifest) -> Iterator[dg.AssetCheckResult]:
    """Yield the check results recorded in a manifest when the version was validated."""
    return results(
        manifest.asset,
        (
            Finding(check.rule, passed=check.passed, blocking=check.blocking, summary=check.summary, count=check.count)
            for check in manifest.checks
        ),
    )


def _evidence(finding: Finding, *, show_values: bool) -> Metadata:
    finding, note = privacy.redact_finding(finding, shown=show_values)
    # Recorded in every evaluation, so that the UI plots when a rule started to fail.
    evidence: Metadata = {"failures": finding.count, **note}
    if finding.failures:
        records = [
            dg.TableRecord({"row": failure.row or "", "column": failure.column, "value": failure.value})
            for failure in finding.failures
        ]
        schema = dg.TableSchema([dg.TableColumn("row", "int"), dg.TableColumn("column"), dg.TableColumn("value")])
        evidence["failing rows"] = dg.MetadataValue.table(records=records, schema=schema)
    return evidence
