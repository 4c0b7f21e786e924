"""Types for the difference between a stored and a derived file. `files` computes it."""

from dataclasses import dataclass
from typing import Any

ROUNDING = 1e-9
"""Relative differences up to this are reported as rounding. They still count as differences."""


@dataclass(frozen=True)
class ChangedValue:
    """A value that differs, with its path, such as `accuracy.value` or `candidates[3].mean_score`."""

    path: str
    stored: Any
    derived: Any

    @property
    def difference(self) -> float | None:
        """The change, or None if one of the two values is not a number."""
        return self.derived - self.stored if is_number(self.stored) and is_number(self.derived) else None

    @property
    def relative(self) -> float | None:
        """The change relative to the larger absolute value, or None if one of the two is not a number."""
        change = self.difference
        return None if change is None else abs(change) / (max(abs(self.stored), abs(self.derived)) or 1.0)


@dataclass(frozen=True)
class FileDifference:
    """How one file differs.

    Attributes:
        file: Name of the file.
        what: Summary in one line, without patients' values.
        count: Number of values or cells that differ.
        changed: All values that differ.
        cells: The first cells that differ, as row and column. The row is a line of the source, otherwise a position
            from 1.
        largest: The largest relative difference (of a model: the largest absolute difference of a probability), or
            None if something other than numbers changed.
    """

    file: str
    what: str
    count: int = 0
    changed: tuple[ChangedValue, ...] = ()
    cells: tuple[tuple[int, str], ...] = ()
    largest: float | None = None

    @property
    def rounding(self) -> bool:
        """Whether the difference is only rounding."""
        return self.largest is not None and self.largest <= ROUNDING


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
