"""Results of validation: one finding per rule, and the error that combines all violated rules.

`schemas` produces findings; `cells`, `tables` and `splits` define the rules.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from wdbc_assets.domain.data.failures import Failure
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules.base import ResultRule, Rule

_SPELT_OUT = 4  # violated rules with details in one message
WITHHELD = "withheld"


@dataclass(frozen=True)
class Finding:
    """The result of one rule for one table: the number of failures, and the first ten in row order.

    `summary` is one short line without patients' values. `hint` says what to do about the failures. `holds_values` is
    true if the failures contain cell values, which may be patients' values, and false if they contain sentences.
    """

    rule: str
    passed: bool
    blocking: bool
    summary: str
    count: int = 0
    failures: tuple[Failure, ...] = ()
    hint: str = ""
    holds_values: bool = True


def from_lines(rule: Rule, lines: Sequence[str]) -> Finding:
    """Return the finding of a rule from violations `name is value, needed: bound`; without any, the rule passes."""
    failures = (Failure(None, name, rest) for name, _, rest in (line.partition(" is ") for line in lines))
    return Finding(
        rule.name,
        passed=not lines,
        blocking=rule.blocking,
        summary=f"{rule.name}: {'; '.join(lines) or 'holds'}",
        count=len(lines),
        failures=tuple(failures),
        hint=rule.hint,
        holds_values=False,
    )


def of_result(rules: Iterable[ResultRule], result: object) -> list[Finding]:
    """Return the findings of rules for a result."""
    return [from_lines(rule, rule.faults(result)) for rule in rules]


def refusal(findings: Sequence[Finding], where: str) -> WdbcError | None:
    """Return one error for all violated blocking rules, or None; only its `detail` contains cell values."""
    broken = [finding for finding in findings if finding.blocking and not finding.passed]
    if not broken:
        return None
    spelt_out = [finding.summary for finding in broken[:_SPELT_OUT]]
    if len(broken) > _SPELT_OUT:
        spelt_out.append("also " + ", ".join(finding.rule for finding in broken[_SPELT_OUT:]))
    hints = dict.fromkeys(finding.hint for finding in broken[:2])
    return WdbcError(
        f"the data violate {len(broken)} of {len(findings)} rules: " + "; ".join(spelt_out),
        where=where,
        hint=" ".join(hints),
        detail=_lines_of_all(broken),
        places=_lines_of_all(map(without_values, broken)),
    )


def without_values(finding: Finding) -> Finding:
    """Return a finding in which every cell value is replaced by a placeholder.

    Sentences about a table, a split or an evaluation stay: they never contain a single patient's value.
    """
    if not finding.holds_values:
        return finding
    failures = (failure if failure.row is None else replace(failure, value=WITHHELD) for failure in finding.failures)
    return replace(finding, failures=tuple(failures))


def _lines_of_all(findings: Iterable[Finding]) -> str:
    return "\n".join(line for finding in findings for line in _lines(finding))


def _lines(finding: Finding) -> list[str]:
    lines = [
        f"{finding.rule}: {'' if failure.row is None else f'row {failure.row}, '}{failure.column}: {failure.value}"
        for failure in finding.failures
    ]
    if finding.count > len(finding.failures):
        lines.append(f"{finding.rule}: {finding.count - len(finding.failures)} more")
    return lines
