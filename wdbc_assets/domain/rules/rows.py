"""Judging patients one by one, by their measurements alone: what can be scored, and what is to be set aside and why.

The rules are those of the raw table that no other row bears on (`rules.MEASUREMENT_RULES`). How a whole table is judged
is said in `schemas`. A column here is a bare array that answers to the few things that those rules ask of one of
pandas': so one patient takes a tenth of the time, and a service needs no pandas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules import groups

if TYPE_CHECKING:
    from collections.abc import KeysView

    from numpy.typing import NDArray


@dataclass(frozen=True)
class BrokenRule:
    """One cell that breaks one rule; `position` is that of the row, from 0."""

    position: int
    column: str
    rule: str


class _Column(np.ndarray):
    def to_numpy(self, **_how: object) -> np.ndarray:
        return self.view(np.ndarray)


class _Frame(dict[str, _Column]):
    @property
    def columns(self) -> KeysView[str]:
        return self.keys()


def validate(X: NDArray[np.float64]) -> tuple[NDArray[np.bool_], list[BrokenRule]]:
    """Judge measurements, shape (n, 30) in the order of the contract; a missing one is NaN.

    Gives a mask of the rows that keep every rule, shape (n,), and the faults of the others, in the order of the rows
    and then of the rules. Column by column is how it is looked at: quickest where each column lies in one piece.
    """
    frame = _Frame(zip(contract.FEATURES, X.T.view(_Column), strict=True))
    kept = np.ones(len(X), dtype=bool)
    faults: list[BrokenRule] = []
    with np.errstate(over="ignore", invalid="ignore"):  # a product beyond the largest number is beyond every bound, too
        for rule in groups.MEASUREMENT_RULES:
            for column, broken in rule.faults(frame):
                if broken.any():
                    kept &= ~broken
                    faults += [BrokenRule(int(position), column, rule.name) for position in np.flatnonzero(broken)]
    return kept, sorted(faults, key=lambda fault: fault.position)
