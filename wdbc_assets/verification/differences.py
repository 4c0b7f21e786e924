"""The shape of a difference between what is stored and what was derived. How it is found is said in `files`."""

from dataclasses import dataclass
from typing import Any

ROUNDING = 1e-9
"""Relative differences up to this are told as rounding; they are differences all the same."""


@dataclass(frozen=True)
class Figure:
    """One figure, or another plain value, at a path like `accuracy.value` or `candidates[3].mean_score`."""

    path: str
    stored: Any
    derived: Any

    @property
    def difference(self) -> float | None:
        """By how much it moved, or None where one of the two is no number."""
        return self.derived - self.stored if is_number(self.stored) and is_number(self.derived) else None

    @property
    def relative(self) -> float | None:
        """By which share of the larger of the two it moved, or None where one is no number."""
        moved = self.difference
        return None if moved is None else abs(moved) / (max(abs(self.stored), abs(self.derived)) or 1.0)


@dataclass(frozen=True)
class Difference:
    """How one file differs.

    `what` says it in one line, without any patient's value. `count` figures or cells differ: all `figures`, the first
    `cells` as row and column (the row is a line of the source, else a position from 1). `largest` is the largest
    relative difference, of a model the largest difference of a probability; None if not only numbers moved.
    """

    file: str
    what: str
    count: int = 0
    figures: tuple[Figure, ...] = ()
    cells: tuple[tuple[int, str], ...] = ()
    largest: float | None = None

    @property
    def rounding(self) -> bool:
        """Whether nothing but last digits moved."""
        return self.largest is not None and self.largest <= ROUNDING


def is_number(value: Any) -> bool:
    """Return whether a plain value is a figure."""
    return isinstance(value, int | float) and not isinstance(value, bool)
