"""Labelled patients: those of the reference, and later ones whose diagnosis became known; and their split by time.

A model is fitted on the patients up to a time and compared on those that arrived later. `domain.monitoring.collection`
collects them. pandas is imported inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import pandas as pd

ARRIVED_AT = "arrived_at"
COLUMNS = (contract.ID, ARRIVED_AT, contract.DIAGNOSIS, *contract.FEATURES)

LEAST, LEAST_OF_CLASS = 60, 15
"""The number of patients, and of those of either class, from which a comparison says anything. With fewer malignant
patients, one of them more or less decides."""
_SHARE = 1 / 3
"""The share of the new patients that is held back, at least: the others are what a refit gains."""
LEAST_NEW = 90
"""The number of new patients of which two thirds, `LEAST`, can be held back and a third is left to learn from."""


_TAKE_UP = "Take up batches (`wdbc monitor`) and record their outcomes (`wdbc outcomes add FILE`)."


@dataclass(frozen=True)
class LabelledPatients:
    """Patients with a diagnosis, one row each.

    Attributes:
        table: Pseudonym, time of arrival (UTC, ISO 8601), diagnosis (1 = malignant) and the 30 measurements. The rows
            of the reference come first, with an empty pseudonym and an empty time, which sorts before all others.
        without_outcome: Patients of the batches who are left out because no diagnosis is known, or contradictory ones.
        contradictory: Patients with contradictory diagnoses, in a batch or not.
        repeated: Later rows of a patient who arrived before, which are left out.
        duplicates: Patients with the measurements of another one, which are left out: they may be the same.
        without_batch: Patients with a known diagnosis who are in no batch: not taken up yet, removed because of its
            age, or known to the service only.
    """

    table: pd.DataFrame
    without_outcome: int
    contradictory: int
    repeated: int
    duplicates: int
    without_batch: int

    @property
    def frame(self) -> pd.DataFrame:
        """The diagnosis and the measurements of all, as in the clean frame."""
        return _frame(self.table)

    @property
    def arrived(self) -> pd.DataFrame:
        """The diagnosis and the measurements of those that are not of the reference."""
        return self.between("")

    def between(self, after: str, until: str | None = None) -> pd.DataFrame:
        """Return the diagnosis and the measurements of those that arrived after a time, up to another one."""
        times = self.table[ARRIVED_AT]
        return _frame(self.table[(times > after) & ((times <= until) if until is not None else True)])

    def require_later(self) -> None:
        """Raise WdbcError if all patients are of the reference."""
        if self.arrived.empty:
            raise WdbcError(
                "no patient of a stored batch has a known diagnosis, so there are only those of the reference"
                + self._lost,
                where="the incoming batches and the outcomes",
                hint=_TAKE_UP,
            )

    @property
    def _lost(self) -> str:
        if not self.without_batch:
            return ""
        verb = "is" if self.without_batch == 1 else "are"
        return (
            f". {formatting.counted(self.without_batch, 'patient')} with a known outcome {verb} in no stored batch,"
            " which may be older than WDBC_KEEP_BATCHES_DAYS"
        )

    def cut(self, *, after: str) -> str:
        """Return the arrival of the last batch to fit on. Those that arrived later are held back to compare models.

        As few of the newest batches as possible are held back that have a third of the new patients, `LEAST` patients,
        and `LEAST_OF_CLASS` of either class. If there are not as many, a third is held back.

        Args:
            after: The arrival of the last batch that the champion was fitted on, empty for none.

        Raises:
            WdbcError: fewer than two batches with labelled patients arrived since.
        """
        new = self.table[self.table[ARRIVED_AT] > after]
        by_batch = new.groupby(ARRIVED_AT)[contract.DIAGNOSIS].agg(["size", "sum"])
        newest_first = list(by_batch.itertuples(name=None))[::-1]
        if len(newest_first) < 2:
            batches = formatting.counted(len(newest_first), "batch", "batches")
            since = f"since {after[:16]} UTC, up to which the champion was fitted" if after else "so far"
            raise WdbcError(
                f"{batches} with known outcomes arrived {since}; at least 2 are needed: one to fit"
                f" on, and a later one to compare on{self._lost}",
                where="the incoming batches and the outcomes",
                hint=_TAKE_UP,
            )
        patients, malignant, large = 0, 0, ""
        for (_, in_batch, malignant_in_batch), (earlier, *_) in pairwise(newest_first):
            patients, malignant = patients + in_batch, malignant + malignant_in_batch
            if patients >= _SHARE * len(new):
                large = large or str(earlier)
                if can_compare(patients, malignant):
                    return str(earlier)
        return large or str(newest_first[-1][0])


def can_compare(patients: int, malignant: int) -> bool:
    """Return whether so many patients, and malignant ones among them, are enough to compare two models."""
    return patients >= LEAST and min(malignant, patients - malignant) >= LEAST_OF_CLASS


def _frame(table: pd.DataFrame) -> pd.DataFrame:
    return table[[contract.DIAGNOSIS, *contract.FEATURES]].reset_index(drop=True)
