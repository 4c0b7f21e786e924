"""What all events of a rehearsal have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from wdbc_assets.rehearsal.year import Observed, Year


class Event:
    """Something that goes wrong.

    Attributes:
        name, what: Its name, and what happens.
        moves: The quantities that drift because of it.
        week: When it is injected.
        found, by: When it was found, if it was, and by what.
        repaired: When a person ended it.
        kept_safe: What went on meanwhile.
        spoils_predictions: Whether the live metrics may see it.
    """

    name = ""
    what = ""
    moves: frozenset[str] = frozenset()
    spoils_predictions = False

    def __init__(self, week: int) -> None:
        self.week = week
        self.found: int | None = None
        self.by = ""
        self.repaired: int | None = None
        self.kept_safe = ""

    def is_active(self, week: int) -> bool:
        """Return whether it lasts in a week."""
        return self.week <= week and (self.repaired is None or week < self.repaired)

    def begin(self, year: Year, week: int) -> None:
        """Do what happens at the beginning of a week."""

    def measured(self, X: np.ndarray, week: int) -> np.ndarray:
        """Return the measurements as the hospital sends them."""
        return X

    def recorded(self, diagnoses: dict[str, int], week: int) -> dict[str, int]:
        """Return the diagnoses as the hospital sends them."""
        return diagnoses

    def prevalence(self, week: int) -> float | None:
        """Return the share of malignant patients, if it is another one."""
        return None

    def look(self, year: Year, seen: Observed) -> None:
        """Read what the platform says at the end of a week, and do what a person would do."""

    def _find(self, week: int, by: str) -> None:
        if self.found is None:
            self.found, self.by = week, by

    def _find_drift(self, seen: Observed) -> bool:
        """Read the drift report; return whether a stream that the event moves is newly in alarm."""
        for stream in seen.new_alarms:
            if stream.quantity in self.moves:
                weeks = "1 batch" if stream.window == 1 else f"{stream.window} batches"
                self._find(seen.week, f"drift report: {stream.quantity} z = {stream.z:+.1f} over {weeks}")
                return True
        return False
