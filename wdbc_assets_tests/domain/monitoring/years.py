"""Synthetic patients before and after a change, and their sketches."""

from functools import cache

import numpy as np
from sklearn.datasets import load_breast_cancer

from wdbc_assets.domain.monitoring import references, streams
from wdbc_assets.domain.monitoring.drift import BatchSketch
from wdbc_assets.domain.monitoring.population import Population, SimulatedPatients

WEEK = 114


@cache
def population() -> Population:
    """Return the population that is learnt from the published data set."""
    data = load_breast_cancer()
    return Population(data.data, 1 - data.target)


def patients(n: int, seed: int, *, prevalence: float | None = None) -> SimulatedPatients:
    """Return synthetic patients."""
    return population().sample(n, np.random.default_rng(seed), prevalence=prevalence)


def log_odds(X: np.ndarray) -> np.ndarray:
    """Return the log-odds of a simple model: malignant tumours are larger, and their outline is less regular."""
    result: np.ndarray = 8 * (np.log(X[:, 20]) - np.log(16.3)) + 4 * (np.log(X[:, 27] + 0.01) - np.log(0.13))
    return result


@cache
def reference(count: int = 569, seed: int = 0) -> streams.Reference:
    """Return a reference of so many patients."""
    drawn = patients(count, seed)
    return references.build(drawn.X, log_odds(drawn.X), drawn.y)


def sketched(batch: SimulatedPatients, name: str = "a") -> BatchSketch:
    """Return the sketch of a batch."""
    return BatchSketch(name, streams.sketch(reference(), batch.X, log_odds(batch.X)))


def weeks(count: int, seed: int = 1) -> list[BatchSketch]:
    """Return the sketches of weeks without a change."""
    return [sketched(patients(WEEK, 1000 * seed + week), f"week-{week:02}") for week in range(count)]
