"""The synthetic hospital: its patients of each week, and the diagnoses that become known later.

This module imports numpy and pandas, so callers import it inside functions.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.monitoring.population import Population
from wdbc_assets.domain.rules import screening

PATIENTS = 114
"""The patients of a week: the published ones, over five weeks."""

_DELAYS = (1, 2, 3)
"""After how many weeks a diagnosis becomes known. It does not depend on the diagnosis, so no metric is biased by it."""

_KNOWN = 0.9
"""The share of patients whose diagnosis becomes known."""

_DRAWN_AT_ONCE = 2
"""A synthetic patient may violate the contract, and is drawn again."""

MEASUREMENTS = list(contract.FEATURES)
_WORDS = {contract.MALIGNANT: "M", contract.BENIGN: "B"}


@dataclass(frozen=True)
class Cohort:
    """The patients of a week: ids, measurements (n, 30) and true diagnoses (1 = malignant)."""

    week: int
    ids: tuple[str, ...]
    X: "np.ndarray"
    y: "np.ndarray"

    def truth(self) -> dict[str, int]:
        """Return the true diagnosis of each patient."""
        return dict(zip(self.ids, self.y.tolist(), strict=True))


@dataclass(frozen=True)
class _Due:
    """A diagnosis that becomes known in a week."""

    patient: str
    diagnosis: int
    week: int


class Hospital:
    """A hospital whose patients are like the published ones."""

    def __init__(self, clean_frame: pd.DataFrame, *, start: datetime, seed: int) -> None:
        self._population = Population(clean_frame[MEASUREMENTS], clean_frame[contract.DIAGNOSIS])
        self._generator = np.random.default_rng(seed)
        self._start = start
        self._due: list[_Due] = []
        self.truth: dict[str, int] = {}

    def time(self, week: int) -> datetime:
        """Return when a week begins."""
        return self._start + timedelta(weeks=week)

    def week_of(self, at: str) -> int:
        """Return the week of a time (ISO 8601); 0 before the first."""
        return max((datetime.fromisoformat(at) - self._start) // timedelta(weeks=1), 0)

    def cohort(self, week: int, *, prevalence: float | None) -> Cohort:
        """Return the patients of a week; their diagnoses will become known in later weeks."""
        drawn = self._population.sample(_DRAWN_AT_ONCE * PATIENTS, self._generator, prevalence=prevalence)
        broken = {fault.position for fault in screening.faults(drawn.X)}
        kept = [row for row in range(len(drawn.y)) if row not in broken][:PATIENTS]
        ids = tuple(f"week {week}, patient {number}" for number in range(1, len(kept) + 1))
        cohort = Cohort(week, ids, drawn.X[kept], drawn.y[kept])
        delays = self._generator.choice(_DELAYS, len(kept))
        known = self._generator.random(len(kept)) < _KNOWN
        self.truth |= cohort.truth()
        self._due += [
            _Due(patient, diagnosis, week + int(delay))
            for patient, diagnosis, delay, is_known in zip(ids, cohort.y.tolist(), delays, known, strict=True)
            if is_known
        ]
        return cohort

    def known(self, week: int) -> dict[str, int]:
        """Return the diagnoses that become known in a week."""
        return {due.patient: due.diagnosis for due in self._due if due.week == week}

    def write_patients(self, cohort: Cohort, X: "np.ndarray", path: Path) -> Path:
        """Write patients as the file that the hospital sends."""
        table = pd.DataFrame(X, columns=MEASUREMENTS)
        table.insert(0, contract.ID, cohort.ids)
        table.to_csv(path, index=False)
        return path

    def write_diagnoses(self, diagnoses: dict[str, int], week: int, path: Path) -> Path:
        """Write diagnoses that became known in a week as the file that the hospital sends."""
        known_at = (self.time(week) - timedelta(hours=1)).isoformat()
        table = pd.DataFrame({"id": list(diagnoses), "diagnosis": [_WORDS[y] for y in diagnoses.values()]})
        table.assign(known_at=known_at).to_csv(path, index=False)
        return path
