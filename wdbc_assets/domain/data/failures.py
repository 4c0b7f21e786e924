"""A cell that is not what it must be: where it is, and what is in it."""

from dataclasses import dataclass

SHOWN = 10
"""How many failures of one rule are kept with their values."""


@dataclass(frozen=True)
class Failure:
    """One cell that breaks a rule, or with `row` None one figure of the whole table.

    `row` is the line of the source file for the raw table, and else the position from 1. `value` may be a patient's.
    """

    row: int | None
    column: str
    value: str
