"""A simulated year: a reference with its model, and batches of patients after it.

Each year has its own reference, drawn from the same population as the patients after it, and its own model, which is
fitted on that reference. So the error of the reference, and of the model, is part of every rate. The model is a plain
ridge regression on logarithms: the rates depend on ranks, and hardly on the recipe, and it is fast.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from wdbc_assets.domain.monitoring import drift, outcome_scan, references, scan, streams, thresholds
from wdbc_assets.domain.monitoring.population import Population, SimulatedPatients

REFERENCE, WEEK, DAYS = 569, 114, 7
RECALL = 0.98
WEEKS, CLEAN = 52, 8
"""Weeks of a year, and weeks before a change."""

Change = Callable[[Population, int, int, np.random.Generator], SimulatedPatients]
"""Returns the patients of a week: from the population, their number, the week since the change, and a generator."""

Relabel = Callable[[SimulatedPatients, np.random.Generator], np.ndarray]
"""Returns the diagnoses that are recorded."""


@dataclass(frozen=True)
class Year:
    """A reference with its model.

    `threshold` is that of the log-odds for a recall of 0.98. `reference` and `known` are what the scans compare with.
    """

    model: Pipeline
    threshold: float
    reference: streams.Reference
    known: outcome_scan.OutcomeSums

    def log_odds(self, X: np.ndarray) -> np.ndarray:
        """Return the model's log-odds."""
        result: np.ndarray = self.model.decision_function(X) if len(X) else np.empty(0)
        return result


@cache
def population() -> Population:
    """Return the population that is learnt from the published data set."""
    data = load_breast_cancer()
    return Population(data.data, 1 - data.target)  # scikit-learn's labels are inverted


def begin(people: Population, generator: np.random.Generator) -> Year:
    """Return a year with a new reference and the model fitted on it."""
    patients = people.sample(REFERENCE, generator)
    out_of_fold = np.empty(REFERENCE)
    folds = StratifiedKFold(5, shuffle=True, random_state=int(generator.integers(2**31)))
    for train, test in folds.split(patients.X, patients.y):
        out_of_fold[test] = fit(patients.X[train], patients.y[train]).decision_function(patients.X[test])
    return Year(
        model=fit(patients.X, patients.y),
        threshold=_threshold(out_of_fold[patients.y == 1]),
        reference=references.build(patients.X, out_of_fold, patients.y),
        known=outcome_scan.sums(patients.y, out_of_fold),
    )


def _threshold(malignant: np.ndarray) -> float:
    """Return the log-odds that the promised share of new malignant patients reaches, see `policy_derivation`."""
    rank = min(math.ceil(RECALL * (len(malignant) + 1)), len(malignant))
    return float(np.sort(malignant)[::-1][rank - 1])


def fit(X: np.ndarray, y: np.ndarray) -> Pipeline:
    """Return a ridge regression on the logarithms."""
    return make_pipeline(
        FunctionTransformer(_logarithms), StandardScaler(), LogisticRegression(C=1.0, solver="newton-cholesky")
    ).fit(X, y)


def _logarithms(X: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.log(X + 1e-3)
    return result


def sketches(year: Year, batches: Sequence[SimulatedPatients]) -> list[streams.Sketch]:
    """Return the sketch of each batch."""
    return [streams.sketch(year.reference, batch.X, year.log_odds(batch.X)) for batch in batches]


def largest_drift(year: Year, made: Sequence[streams.Sketch], lengths: Sequence[int], *, after: int = 0) -> list[float]:
    """Return the largest |z| after each batch from the number `after` on."""
    sizes = []
    for count in range(after + 1, len(made) + 1):
        z = drift.scan_sketches(year.reference, made[:count], scan.windows(count, lengths))
        sizes.append(float(np.nanmax(np.abs(z), initial=0)))
    return sizes


def largest_outcomes(
    known: outcome_scan.OutcomeSums, weeks: Sequence[outcome_scan.OutcomeSums], *, after: int = 0
) -> list[float]:
    """Return the largest |z| of the level or z of the slope after each week from the number `after` on."""
    sizes = []
    for count in range(after + 1, len(weeks) + 1):
        shifts = outcome_scan.scan_outcomes(known, weeks[:count]).shifts
        sizes.append(max((abs(s.z) if s.stream == "level" else s.z for s in shifts), default=0.0))
    return sizes


def week_of_days(week: SimulatedPatients, generator: np.random.Generator) -> list[SimulatedPatients]:
    """Return the patients of a week by day, each on a random day."""
    day = generator.integers(0, DAYS, len(week.y))
    return [SimulatedPatients(week.X[day == number], week.y[day == number]) for number in range(DAYS)]


def lengths(cadence: thresholds.Cadence) -> tuple[int, ...]:
    """Return the windows of a cadence, in batches."""
    return thresholds.DRIFT[cadence].windows
