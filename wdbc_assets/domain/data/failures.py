"""The type of a failure: a cell that breaks a rule, with its place and its value."""

from dataclasses import dataclass

SHOWN = 10
"""How many failures of one rule are kept with their values."""


@dataclass(frozen=True)
class Failure:
    """One cell that breaks a rule, or one statistic of the whole table if `row` is None.

    `row` is the line of the source file for the raw table, and the position from 1 for other tables. `value` may be a
    patient's value.
    """

    row: int | None
    column: str
    value: str
