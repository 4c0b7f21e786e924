"""A table in partitions: each is read, computed on and let go where it lies; only sums and counts are brought together.

`Partitions` is what a computation needs of an engine: a way to apply a function to each partition. Results come back in
the order of the partitions and are added in a fixed order, so that they do not depend on which worker was faster. What
is brought together does not grow with the number of patients, except where a function says so. This module imports
numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from wdbc_assets.domain.data import contract, membership

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

T = TypeVar("T")
PartT = TypeVar("PartT")
PartT_co = TypeVar("PartT_co", covariant=True)


@dataclass(frozen=True)
class Patients:
    """The patients of a partition: 30 measurements, shape (n, 30), diagnoses (1 = malignant) and digests."""

    X: Array
    y: NDArray[np.int8]
    digests: NDArray[np.uint64]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Patients:
        """Return the patients of a clean frame, which may be empty."""
        values = np.ascontiguousarray(frame[list(contract.FEATURES)].to_numpy(dtype=np.float64))
        return cls(values, frame[contract.DIAGNOSIS].to_numpy(dtype=np.int8), membership.digests(frame))

    def only(self, kept: NDArray[np.bool_]) -> Patients:
        """Return some of the patients."""
        return Patients(self.X[kept], self.y[kept], self.digests[kept])


class Partitions(Protocol[PartT_co]):
    """A table in partitions, wherever they are: `Patients`, or raw tables that are yet to be validated."""

    def map(self, function: Callable[[PartT_co], T]) -> list[T]:
        """Return what a function makes of each partition, in their order. The function can be pickled."""


@dataclass(frozen=True)
class Blocks(Generic[PartT_co]):
    """Partitions in the memory of this process."""

    blocks: Sequence[PartT_co]

    def map(self, function: Callable[[PartT_co], T]) -> list[T]:
        """Apply the function to one partition after the other."""
        return [function(block) for block in self.blocks]


@dataclass(frozen=True)
class Streamed(Generic[PartT_co]):
    """Partitions that this process reads one after the other, again for each computation."""

    parts: Callable[[], Iterable[PartT_co]]

    def map(self, function: Callable[[PartT_co], T]) -> list[T]:
        """Apply the function to one partition after the other."""
        return [function(part) for part in self.parts()]


@dataclass(frozen=True)
class Selected(Generic[PartT]):
    """Partitions of which a function keeps a part, each time they are computed on."""

    partitions: Partitions[PartT]
    keep: Callable[[PartT], PartT]

    def map(self, function: Callable[[PartT], T]) -> list[T]:
        """Apply the function to what is kept of each partition."""
        return self.partitions.map(partial(_on_kept, self.keep, function))


def _on_kept(keep: Callable[[PartT], PartT], function: Callable[[PartT], T], part: PartT) -> T:
    return function(keep(part))


@dataclass(frozen=True)
class Draws:
    """How rows are drawn by hash: the test set, and for each seed the folds of the others."""

    test_size: float
    split_seed: int
    folds: int
    seeds: tuple[int, ...]

    def training(self, patients: Patients) -> tuple[Patients, NDArray[np.int64]]:
        """Return the training rows, and the fold of each for each seed, shape (seeds, n)."""
        chosen = membership.in_test_set(patients.digests, test_size=self.test_size, seed=self.split_seed)
        training = patients.only(~chosen) if chosen.any() else patients
        digests = training.digests
        drawn = [membership.fold_of(digests, folds=self.folds, seed=seed) for seed in self.seeds]
        return training, np.array(drawn).reshape(len(self.seeds), len(digests))

    def test(self, patients: Patients) -> Patients:
        """Return the rows of the test set."""
        chosen = membership.in_test_set(patients.digests, test_size=self.test_size, seed=self.split_seed)
        return patients.only(chosen)


def total(parts: Sequence[Array]) -> Array:
    """Return the sum of at least one array, in pairs: the error grows with the logarithm of their number."""
    sums = list(parts)
    while len(sums) > 1:
        pairs = zip(sums[::2], sums[1::2], strict=False)
        sums = [first + second for first, second in pairs] + (sums[-1:] if len(sums) % 2 else [])
    return sums[0]
