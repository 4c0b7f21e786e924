"""The rules of an incoming batch. A row that violates one is set aside; it does not refuse the batch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wdbc_assets.domain.rules import groups
from wdbc_assets.domain.rules.base import Rule
from wdbc_assets.domain.rules.findings import Finding

if TYPE_CHECKING:
    from wdbc_assets.domain.data.incoming import IncomingBatch

ROWS_CAN_BE_READ = Rule(
    "rows_can_be_read",
    "Each row is text with one cell for each column.",
    "Ask the sender for the rows that were set aside.",
    blocking=False,
)

RULES: tuple[Rule, ...] = (
    ROWS_CAN_BE_READ,
    *(Rule(rule.name, rule.description, ROWS_CAN_BE_READ.hint, blocking=False) for rule in groups.MEASUREMENT_RULES),
)


def validate(batch: "IncomingBatch") -> Iterator[Finding]:
    """Yield a finding for each rule: the cells because of which rows were set aside."""
    violations = {violation.rule: violation for violation in batch.violations}
    for rule in RULES:
        violation = violations.get(rule.name)
        count = violation.count if violation else 0
        yield Finding(
            rule.name,
            passed=not count,
            blocking=rule.blocking,
            summary=f"{rule.name}: {_counted(count)}",
            count=count,
            failures=violation.failures if violation else (),
            hint=rule.hint,
        )


def _counted(count: int) -> str:
    return f"{count:,} violation{'' if count == 1 else 's'}, whose rows are set aside" if count else "holds"
