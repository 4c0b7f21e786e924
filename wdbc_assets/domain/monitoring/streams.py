"""The 64 streams of the drift scan: what is kept of a batch of patients, without keeping a patient.

Each of 32 quantities is watched in two ways. The quantities are the 30 measurements, the log-odds of the model, and the
Mahalanobis distance of the measurements' logarithms from the reference. A value becomes u, the share of the reference
below it (ties count half). The stream `location` is u, the stream `spread` is |u - 1/2|. A sketch keeps only the number
of patients and the sum of each stream, as whole numbers, so the sketches of several workers, batches and hospitals add
up exactly.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import starmap
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.modeling import logarithms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LOG_ODDS, DISTANCE = "log_odds", "distance"
QUANTITIES = (*contract.FEATURES, LOG_ODDS, DISTANCE)
Aspect = Literal["location", "spread"]
STREAMS: tuple[tuple[str, Aspect], ...] = tuple(
    (quantity, aspect) for aspect in get_args(Aspect) for quantity in QUANTITIES
)
"""The quantity and the aspect of each stream, in the order of a sketch's sums."""

VARIANCES = (1 / 12, 1 / 48)
"""The variances of u and of |u - 1/2| for a uniform u."""

BINS = 20
"""Bins of the log-odds, with equal shares of the reference, from which the prevalence is estimated."""

_BLOCK = 256  # patients: they fit into the processor's cache, and BLAS starts no threads for so few


@dataclass(frozen=True)
class Sketch:
    """What is kept of some patients.

    Attributes:
        rows: The number of patients.
        sums: The sum of each stream, times twice the number of patients of the reference; 64 whole numbers.
        bins: The number of patients in each bin of the log-odds.
    """

    rows: int
    sums: tuple[int, ...]
    bins: tuple[int, ...]

    def __post_init__(self) -> None:
        """Require one sum for each stream and one count for each bin.

        Raises:
            ValueError: the numbers of sums and bins are others.
        """
        if len(self.sums) != len(STREAMS) or len(self.bins) != BINS or sum(self.bins) != self.rows:
            raise ValueError("the sums and bins of a sketch do not match its streams and its number of patients")

    def __add__(self, other: Sketch) -> Sketch:
        """Return the sketch of the patients of both."""
        return Sketch(
            self.rows + other.rows,
            tuple(starmap(int.__add__, zip(self.sums, other.sums, strict=True))),
            tuple(starmap(int.__add__, zip(self.bins, other.bins, strict=True))),
        )

    def __sub__(self, other: Sketch) -> Sketch:
        """Return the sketch without the patients of another one, which are among its own."""
        return Sketch(
            self.rows - other.rows,
            tuple(starmap(int.__sub__, zip(self.sums, other.sums, strict=True))),
            tuple(starmap(int.__sub__, zip(self.bins, other.bins, strict=True))),
        )


EMPTY = Sketch(0, (0,) * len(STREAMS), (0,) * BINS)
"""The sketch of no patient."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The patients that later ones are compared with.

    Attributes:
        values: The values of each quantity in ascending order, shape (32, n).
        shares: The mean of each stream among the benign and among the malignant patients, shape (2, 64).
        bin_shares: The share of each class in each bin of the log-odds, shape (2, 20).
        prevalence: The share of malignant patients.
        edges: The inner edges of the bins, shape (19,).
        logarithms: The offset and the smallest argument of each measurement's logarithm, shape (2, 30).
        centre, whitening: The mean of the logarithms, and the matrix W for which |W (l - centre)|^2 is the distance.
    """

    values: Array
    shares: Array
    bin_shares: Array
    prevalence: float
    edges: Array
    logarithms: Array
    centre: Array
    whitening: Array

    @property
    def rows(self) -> int:
        """The number of patients."""
        return int(self.values.shape[1])

    @property
    def means(self) -> Array:
        """The mean of each stream, shape (64,)."""
        means: Array = np.array([1 - self.prevalence, self.prevalence]) @ self.shares
        return means

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the values: sketches with another reference cannot be compared."""
        return hashlib.sha256(np.ascontiguousarray(self.values, dtype="<f8").tobytes()).hexdigest()

    @cached_property
    def _steps(self) -> tuple[tuple[Array, NDArray[np.int64]], ...]:
        """The distinct values of each quantity, and 2 n u below the first, at it, above it, and so on."""
        steps = []
        for column in self.values:
            distinct, counts = np.unique(column, return_counts=True)
            upto = np.concatenate([[0], np.cumsum(counts)])
            ranks = np.empty(2 * len(distinct) + 1, dtype=np.int64)
            ranks[::2] = 2 * upto
            ranks[1::2] = upto[:-1] + upto[1:]
            steps.append((distinct, ranks))
        return tuple(steps)

    def ranks(self, quantities: Array) -> NDArray[np.int64]:
        """Return 2 n u of each value, given the 32 quantities of patients, shape (32, m): an array of this shape."""
        ranks = np.empty(quantities.shape, dtype=np.int64)
        for row, (values, column) in enumerate(zip(self.values, quantities, strict=True)):
            ranks[row] = np.searchsorted(values, column, side="left")
            ranks[row] += np.searchsorted(values, column, side="right")
        return ranks

    def rank_counts(self, ordered: Array) -> NDArray[np.int64]:
        """Return how many patients have which rank: 2 n u, a whole number between 0 and 2 n.

        The reference is looked up among the patients, which takes a fraction of the time of `ranks` where they are
        more than those of the reference.

        Args:
            ordered: The 32 quantities of patients, each in ascending order, shape (32, m).

        Returns:
            An array of shape (32, 2 n + 1).
        """
        counts = np.zeros((len(ordered), 2 * self.rows + 1), dtype=np.int64)
        for row, ((distinct, ranks), column) in enumerate(zip(self._steps, ordered, strict=True)):
            upto = np.empty(len(ranks) + 1, dtype=np.int64)  # patients before each step
            upto[0], upto[-1] = 0, len(column)
            upto[1:-1:2] = np.searchsorted(column, distinct, side="left")
            upto[2:-1:2] = np.searchsorted(column, distinct, side="right")
            counts[row, ranks] = upto[1:] - upto[:-1]
        return counts

    def quantities(self, measurements: Iterable[Array], log_odds: Array) -> Array:
        """Return the 32 quantities of patients, shape (32, m).

        Args:
            measurements: Their measurements in the order of the contract, shape (30, m).
            log_odds: The model's log-odds, shape (m,); infinite ones are allowed.
        """
        quantities = np.empty((len(QUANTITIES), len(log_odds)))
        quantities[-2] = log_odds
        for row, column in zip(quantities[:-2], measurements, strict=True):
            row[:] = column
        offsets, least = self.logarithms[:, :, None]
        for first in range(0, len(log_odds), _BLOCK):
            block = quantities[:, first : first + _BLOCK]
            centred = logarithms.of(block[:-2], offsets, least)
            centred -= self.centre[:, None]
            whitened = self.whitening @ centred
            np.einsum("ij,ij->j", whitened, whitened, out=block[-1])
        return quantities


def sketch(reference: Reference, X: Array, log_odds: Array) -> Sketch:
    """Return what is kept of patients with valid measurements X, shape (m, 30), and log-odds, shape (m,).

    Raises:
        ValueError: a value is NaN.
    """
    return of_quantities(reference, reference.quantities(X.T, log_odds))


def of_quantities(reference: Reference, quantities: Array) -> Sketch:
    """Return what is kept of patients with these quantities, shape (32, m), which are sorted in place.

    Raises:
        ValueError: a value is NaN.
    """
    put_in_order(quantities)
    if quantities.shape[1] < reference.rows:  # the same sums, sooner
        sums = [aspect.sum(axis=1) for aspect in aspects(reference.ranks(quantities), reference.rows)]
        return _sketch(reference, quantities, sums)
    return of_rank_counts(reference, quantities, reference.rank_counts(quantities))


def put_in_order(quantities: Array) -> None:
    """Sort the values of each quantity, shape (32, m), in place.

    Raises:
        ValueError: a value is NaN.
    """
    quantities.sort(axis=1)
    if np.isnan(quantities[:, -1:]).any():  # NaN is sorted to the end
        raise ValueError("a measurement or a log-odds is missing")


def of_rank_counts(reference: Reference, ordered: Array, counts: NDArray[np.int64]) -> Sketch:
    """Return what is kept of patients, given their quantities in order and the counts of their ranks."""
    sums = [counts @ aspect for aspect in aspects(np.arange(counts.shape[1]), reference.rows)]
    return _sketch(reference, ordered, sums)


def _sketch(reference: Reference, ordered: Array, sums: Sequence[NDArray[np.int64]]) -> Sketch:
    log_odds = ordered[QUANTITIES.index(LOG_ODDS)]
    upto = np.searchsorted(log_odds, reference.edges, side="left")
    bins = np.diff(upto, prepend=0, append=len(log_odds))
    return Sketch(len(log_odds), tuple(np.concatenate(sums).tolist()), tuple(bins.tolist()))


def aspects(ranks: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the values of the streams, times 2 n, from 2 n u."""
    return ranks, np.abs(ranks - n)
