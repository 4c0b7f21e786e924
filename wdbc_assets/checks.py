"""From the contract to Dagster's asset checks: one per rule, with the failing rows.

The rules stand in `domain.rules`. A check never catches an exception: a rule that crashes is a bug and must not pass
for a rule that failed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from wdbc_assets import privacy
from wdbc_assets.domain import findings as contract_findings
from wdbc_assets.domain import floors, layouts, policy_rules, promotion, rule_kinds, rules
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.findings import Finding
from wdbc_assets.storage.passport import Passport

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain import cross_validation, splitting

# Its breach is told by the reader of the bytes; no other rule can be asked then.
FILE_IS_A_TABLE = rule_kinds.Rule(
    "file_is_a_table", "The bytes are a table with the contract's 32 columns.", "Point the source at the table itself."
)

RULES: Mapping[str, tuple[rule_kinds.Rule, ...]] = {
    "raw_data": (FILE_IS_A_TABLE, *rules.RAW_RULES),
    "clean_frame": rules.CLEAN_RULES,
    "train_test_split": rules.SPLIT_RULES,
    "cross_validation": floors.RULES,
    "decision_policy": policy_rules.RULES,
    "champion": promotion.RULES,
}


def specs(asset: str) -> list[dg.AssetCheckSpec]:
    """Return the checks that the contract asks of an asset."""
    return [
        dg.AssetCheckSpec(rule.name, asset=asset, description=rule.description, blocking=rule.blocking)
        for rule in RULES.get(asset, ())
    ]


@dataclass(frozen=True)
class Verdict:
    """One finding per rule that could be asked, and the error that refuses the value, if any rule does."""

    findings: list[Finding]
    refusal: WdbcError | None


def judge(asset: str, value: Any, inputs: Mapping[str, Any], *, where: str) -> Verdict:
    """Judge a value by the rules of its asset.

    `inputs` are the values that it was made from; `where` says in an error which value is meant.
    """
    try:
        findings = _JUDGES[asset](value, inputs) if asset in _JUDGES else []
    except layouts.NotATable as error:
        error.where = f"{where}, {error.where}" if error.where else where
        return Verdict([_of_file(error.what, passed=False)], error)
    return Verdict(findings, contract_findings.refusal(findings, where))


def results(asset: str, findings: Iterable[Finding], *, show_values: bool = False) -> Iterator[dg.AssetCheckResult]:
    """Show findings as Dagster shows checks: passed or not, how many rows, and the first ten of them."""
    for finding in findings:
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=finding.rule,
            passed=finding.passed,
            severity=dg.AssetCheckSeverity.ERROR if finding.blocking else dg.AssetCheckSeverity.WARN,
            description=finding.summary.removeprefix(f"{finding.rule}: "),  # the page is headed with the name
            metadata=_evidence(finding, show_values=show_values),
        )


def stated(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as a passport states them: without the rows."""
    return [
        {"rule": one.rule, "passed": one.passed, "blocking": one.blocking, "count": one.count, "summary": one.summary}
        for one in findings
    ]


def restated(passport: Passport) -> Iterator[dg.AssetCheckResult]:
    """Show what the passport states of a version that was judged when it was made."""
    return results(passport.asset, (Finding(**check, failures=()) for check in passport.checks))


def _judge_raw(content: bytes, _: Mapping[str, Any]) -> list[Finding]:
    from wdbc_assets.domain import reading, schemas

    table = reading.read(content)
    return [_of_file("holds", passed=True), *schemas.judge_raw(table)]


def _of_file(summary: str, *, passed: bool) -> Finding:
    return Finding(FILE_IS_A_TABLE.name, passed=passed, blocking=True, summary=summary, count=int(not passed))


def _judge_clean(frame: "pd.DataFrame", _: Mapping[str, Any]) -> list[Finding]:
    from wdbc_assets.domain import schemas

    return schemas.judge_clean(frame)


def _judge_split(split: "splitting.Split", inputs: Mapping[str, Any]) -> list[Finding]:
    from wdbc_assets.domain import schemas

    return schemas.judge_split(split, inputs["clean_frame"])


def _judge_cross_validation(value: "cross_validation.CrossValidation", inputs: Mapping[str, Any]) -> list[Finding]:
    from wdbc_assets.domain import evaluation_rules

    return evaluation_rules.judge(value, inputs["clean_frame"])


def _judge_policy(policy: dict[str, Any], _: Mapping[str, Any]) -> list[Finding]:
    return [contract_findings.of_figures(rule, breaches(policy)) for rule, breaches in policy_rules.BREACHES.items()]


_JUDGES: Mapping[str, Callable[[Any, Mapping[str, Any]], list[Finding]]] = {
    "raw_data": _judge_raw,
    "clean_frame": _judge_clean,
    "train_test_split": _judge_split,
    "cross_validation": _judge_cross_validation,
    "decision_policy": _judge_policy,
}


def _evidence(finding: Finding, *, show_values: bool) -> dict[str, Any]:
    finding, note = privacy.of_finding(finding, shown=show_values)
    # A number in every evaluation, for only so the UI's plot shows when a rule began to be broken.
    evidence: dict[str, Any] = {"failures": finding.count, **note}
    if finding.failures:
        records = [
            dg.TableRecord({"row": failure.row or "", "column": failure.column, "value": failure.value})
            for failure in finding.failures
        ]
        schema = dg.TableSchema([dg.TableColumn("row", "int"), dg.TableColumn("column"), dg.TableColumn("value")])
        evidence["failing rows"] = dg.MetadataValue.table(records=records, schema=schema)
    return evidence
