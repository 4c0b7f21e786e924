"""Validation of single patients by their measurements: which rows can be scored, and why the others cannot.

It applies the rules of the raw table that do not depend on other rows (`groups.MEASUREMENT_RULES`), without pandas.
`schemas` validates whole tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules import groups

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class BrokenRule:
    """One cell that violates one rule; `position` is the position of its row, from 0."""

    position: int
    column: str
    rule: str


def validate(X: NDArray[np.float64]) -> tuple[NDArray[np.bool_], list[BrokenRule]]:
    """Validate measurements, shape (n, 30) in the order of the contract; a missing value is NaN.

    Return a mask of the rows that pass every rule, shape (n,), and the violations of the others, ordered by row and
    then by rule. It reads column by column, so column-major arrays are fastest.
    """
    columns = dict(zip(contract.FEATURES, X.T, strict=True))
    kept = np.ones(len(X), dtype=bool)
    faults: list[BrokenRule] = []
    with np.errstate(over="ignore", invalid="ignore"):  # a product that overflows exceeds every bound, too
        for rule in groups.MEASUREMENT_RULES:
            for column, broken in rule.faults(columns):
                if broken.any():
                    kept &= ~broken
                    faults += [BrokenRule(int(position), column, rule.name) for position in np.flatnonzero(broken)]
    return kept, sorted(faults, key=lambda fault: fault.position)
