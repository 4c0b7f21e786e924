"""What judging a table finds: one finding per rule, and the one short message that all broken rules make together.

How a finding comes about is said in `schemas`, what the rules are in `rules`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from wdbc_assets.domain.data.failures import Failure
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules.base import Rule

_SPELT_OUT = 4  # broken rules in one message
WITHHELD = "withheld"


@dataclass(frozen=True)
class Finding:
    """How a table stands to one rule: how many failures there are, and the first ten of them in row order.

    `summary` is one short line without any patient's value, `hint` says what to do about the failures. `holds_values`
    says that the failures hold cells, of which each may be a patient's, and not sentences.
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
    """Judge a rule by lines that each say which figure is what, and what it had to be; without any, it holds."""
    failures = (Failure(None, figure, rest) for figure, _, rest in (line.partition(" is ") for line in lines))
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


def refusal(found: Sequence[Finding], where: str) -> WdbcError | None:
    """Return the one error of all broken blocking rules, or None if there is none; values only in its `detail`."""
    broken = [finding for finding in found if finding.blocking and not finding.passed]
    if not broken:
        return None
    spelt_out = [finding.summary for finding in broken[:_SPELT_OUT]]
    if len(broken) > _SPELT_OUT:
        spelt_out.append("also " + ", ".join(finding.rule for finding in broken[_SPELT_OUT:]))
    hints = dict.fromkeys(finding.hint for finding in broken[:2])
    return WdbcError(
        f"the data break {len(broken)} of {len(found)} rules: " + "; ".join(spelt_out),
        where=where,
        hint=" ".join(hints),
        detail=_lines_of_all(broken),
        places=_lines_of_all(map(without_values, broken)),
    )


def without_values(finding: Finding) -> Finding:
    """Return a finding with a word in the place of every cell's value.

    Sentences stay, be they of a whole table, of the rows of a split or of the answers of an evaluation: none holds a
    single patient's value.
    """
    if not finding.holds_values:
        return finding
    failures = (one if one.row is None else replace(one, value=WITHHELD) for one in finding.failures)
    return replace(finding, failures=tuple(failures))


def _lines_of_all(found: Iterable[Finding]) -> str:
    return "\n".join(line for finding in found for line in _lines(finding))


def _lines(finding: Finding) -> list[str]:
    lines = [
        f"{finding.rule}: {'' if failure.row is None else f'row {failure.row}, '}{failure.column}: {failure.value}"
        for failure in finding.failures
    ]
    if finding.count > len(finding.failures):
        lines.append(f"{finding.rule}: {finding.count - len(finding.failures)} more")
    return lines
