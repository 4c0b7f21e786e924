"""A population of synthetic patients, from which years of batches are drawn.

A patient of a class is a real patient of it, moved in the logarithms of the measurements by noise with a part of the
class's covariance, and shrunk so that mean and covariance stay those of the class (a smoothed bootstrap). No two
patients are equal, and every sample differs from the next, as new patients do. Copies of the same patients would hide
the error of the reference. Source: B. W. Silverman, G. A. Young (1987), Biometrika 74:469-479.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

_BANDWIDTH = 0.35
"""The standard deviation of the noise, relative to that of the class."""

_JITTER = 1e-9


@dataclass(frozen=True)
class SimulatedPatients:
    """Synthetic patients: their measurements, shape (n, 30), and diagnoses (1 = malignant), shape (n,)."""

    X: Array
    y: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Class:
    """The patients of a class: logarithms of the measurements, their mean, and a root of their covariance."""

    logarithms: Array
    mean: Array
    root: Array


class Population:
    """A smooth population of each class."""

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        """Learn the population from real patients: measurements X, shape (n, 30), and diagnoses y (1 = malignant)."""
        values, truth = np.asarray(X, dtype=float), np.asarray(y)
        self._offset = np.where(values.min(axis=0) > 0, 0.0, np.nanquantile(_positive(values), 0.05, axis=0))
        logarithms = np.log(values + self._offset)
        self._classes = [_class_of(logarithms[truth == kind]) for kind in (0, 1)]
        self.prevalence = float(truth.mean())
        self.sd = values.std(axis=0)

    def sample(self, n: int, generator: np.random.Generator, *, prevalence: float | None = None) -> SimulatedPatients:
        """Return n patients, each malignant with the probability `prevalence`, by default that of the real ones."""
        y = (generator.random(n) < (self.prevalence if prevalence is None else prevalence)).astype(np.int64)
        X = np.empty((n, len(self.sd)))
        for kind, patients in enumerate(self._classes):
            X[y == kind] = self._draw(patients, int((y == kind).sum()), generator)
        return SimulatedPatients(X, y)

    def _draw(self, patients: _Class, n: int, generator: np.random.Generator) -> Array:
        rows = patients.logarithms[generator.integers(0, len(patients.logarithms), n)]
        noise = generator.standard_normal(rows.shape) @ patients.root.T
        moved = patients.mean + (rows - patients.mean + _BANDWIDTH * noise) / np.sqrt(1 + _BANDWIDTH**2)
        values: Array = np.maximum(np.exp(moved) - self._offset, 0)
        return values


def _class_of(logarithms: Array) -> _Class:
    covariance = np.cov(logarithms, rowvar=False) + _JITTER * np.eye(logarithms.shape[1])
    return _Class(logarithms, logarithms.mean(axis=0), np.linalg.cholesky(covariance).astype(np.float64))


def _positive(values: Array) -> Array:
    positive: Array = np.where(values > 0, values, np.nan)
    return positive
