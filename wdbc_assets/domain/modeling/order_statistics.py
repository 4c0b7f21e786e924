"""Exact order statistics of every measurement on several training sets, without sorting or gathering the table.

A first pass counts and finds the range of each column, a second one fills a histogram of each fold, and a third one
gathers the values of the few bins in which the wanted positions lie. A training set is all rows, or all but those of
one fold; its histogram is the difference of counts, which is exact. Bins are monotonic in the value, rounding included,
so that the order between bins is that of the values. This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Draws, Partitions, Patients

    Array = NDArray[np.float64]
    Counts = NDArray[np.int64]

_BINS = 2048


@dataclass(frozen=True)
class Counted:
    """What the first pass counts. The training sets s are: 0, all rows; 1 + i * folds + f, all but fold f of seed i.

    Attributes:
        rows: The number of rows, shape (sets,).
        malignant: How many of them are malignant.
        rows_of_fold: The number of rows of each fold of each seed, shape (seeds, folds).
        malignant_of_fold: How many of these are malignant.
        least: The smallest value of each column in each set, shape (sets, columns).
        not_positive: How many values are not positive.
        low, high: The range of each column over all rows, shape (columns,).
    """

    rows: Counts
    malignant: Counts
    rows_of_fold: Counts
    malignant_of_fold: Counts
    least: Array
    not_positive: Counts
    low: Array
    high: Array


def count(partitions: Partitions[Patients], draws: Draws) -> Counted:
    """Return the counts and ranges of all training sets."""
    parts = partitions.map(partial(_count, draws))
    rows, malignant, not_positive = (np.sum([part[which] for part in parts], axis=0) for which in (0, 1, 2))
    least = np.min([part[3] for part in parts], axis=0)
    highest = np.max([part[4] for part in parts], axis=0)
    return Counted(
        rows=_sets(rows),
        malignant=_sets(malignant),
        rows_of_fold=rows,
        malignant_of_fold=malignant,
        least=_least(least),
        not_positive=_sets(not_positive),
        low=least[0].min(axis=0),
        high=highest,
    )


def _count(draws: Draws, patients: Patients) -> tuple[Counts, Counts, Counts, Array, Array]:
    training, fold_of = draws.training(patients)
    shape, columns = (len(draws.seeds), draws.folds), training.X.shape[1]
    rows, malignant = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    not_positive, least = np.zeros((*shape, columns), dtype=np.int64), np.full((*shape, columns), np.inf)
    for seed, folds in enumerate(fold_of):
        rows[seed] = np.bincount(folds, minlength=draws.folds)
        malignant[seed] = np.bincount(folds[training.y == 1], minlength=draws.folds)
        for fold in range(draws.folds):
            values = training.X[folds == fold]
            least[seed, fold] = values.min(axis=0, initial=np.inf)
            not_positive[seed, fold] = (values <= 0).sum(axis=0)
    return rows, malignant, not_positive, least, training.X.max(axis=0, initial=-np.inf)


def _sets(fold_counts: Counts) -> Counts:
    """Return the counts of the training sets from those of the folds, shape (seeds, folds, ...)."""
    everyone = fold_counts[0].sum(axis=0)
    return np.concatenate([everyone[None], (everyone - fold_counts).reshape(-1, *fold_counts.shape[2:])])


def _least(fold_least: Array) -> Array:
    folds = fold_least.shape[1]
    others = [np.delete(fold_least, fold, axis=1).min(axis=1) for fold in range(folds)]
    return np.concatenate([fold_least[0].min(axis=0)[None], np.stack(others, axis=1).reshape(-1, fold_least.shape[2])])


def at(partitions: Partitions[Patients], draws: Draws, counted: Counted, positions: Counts) -> Array:
    """Return the values at positions of the sorted training sets.

    Args:
        partitions: The table.
        draws: How rows are drawn.
        counted: Its counts.
        positions: From 0, shape (sets, columns, wanted). Each set has so many rows.

    Returns:
        The values, in the same shape.
    """
    span = np.maximum(counted.high - counted.low, np.finfo(np.float64).tiny)
    scale = _BINS / span
    histograms = np.sum(partitions.map(partial(_histogram, draws, counted.low, scale)), axis=0)
    ranks = _sets(histograms).cumsum(axis=-1)  # of the end of each bin, shape (sets, columns, bins)
    bins = np.array(
        [
            [np.searchsorted(ranks[s, c], positions[s, c], side="right") for c in range(len(span))]
            for s in range(len(ranks))
        ]
    )
    wanted = np.zeros((len(span), _BINS), dtype=bool)
    for column in range(len(span)):
        wanted[column, bins[:, column].ravel()] = True
    gathered = partitions.map(partial(_gather, draws, counted.low, scale, wanted))
    answer = np.empty(positions.shape)
    for column in range(len(span)):
        values = np.concatenate([part[column][0] for part in gathered])
        fold_of = np.concatenate([part[column][1] for part in gathered], axis=1)
        order = np.argsort(values, kind="stable")
        values, fold_of = values[order], fold_of[:, order]
        in_bin = _bin(values, counted.low[column], scale[column])
        for s in range(len(ranks)):
            of_set = values, in_bin
            if s:
                kept = fold_of[(s - 1) // draws.folds] != (s - 1) % draws.folds
                of_set = values[kept], in_bin[kept]
            starts = np.searchsorted(of_set[1], bins[s, column], side="left")
            before = np.where(bins[s, column] > 0, ranks[s, column, bins[s, column] - 1], 0)
            answer[s, column] = of_set[0][starts + positions[s, column] - before]
    return answer


def _bin(values: Array, low: float, scale: float) -> NDArray[np.int64]:
    return np.minimum(((values - low) * scale).astype(np.int64), _BINS - 1)


def _histogram(draws: Draws, low: Array, scale: Array, patients: Patients) -> Counts:
    training, fold_of = draws.training(patients)
    columns = training.X.shape[1]
    counts = np.zeros((len(draws.seeds), draws.folds, columns, _BINS), dtype=np.int64)
    for column in range(columns):
        bins = _bin(training.X[:, column], low[column], scale[column])
        for seed, folds in enumerate(fold_of):
            filled = np.bincount(folds * _BINS + bins, minlength=draws.folds * _BINS)
            counts[seed, :, column] = filled.reshape(draws.folds, _BINS)
    return counts


def _gather(
    draws: Draws, low: Array, scale: Array, wanted: NDArray[np.bool_], patients: Patients
) -> Sequence[tuple[Array, NDArray[np.int8]]]:
    """Return for each column the values in the wanted bins, and their folds, shape (seeds, values)."""
    training, fold_of = draws.training(patients)
    gathered = []
    for column in range(training.X.shape[1]):
        values = training.X[:, column]
        kept = wanted[column][_bin(values, low[column], scale[column])]
        gathered.append((values[kept], fold_of[:, kept].astype(np.int8)))
    return gathered


def quantiles(
    partitions: Partitions[Patients], draws: Draws, counted: Counted, shares: Sequence[float], positive: float
) -> tuple[Array, Array, Array]:
    """Return what interpolated quantiles need: the values below and above them, and the weight of the one above.

    Args:
        partitions: The table.
        draws: How rows are drawn.
        counted: Its counts.
        shares: Quantiles of all rows of a training set.
        positive: A quantile of its positive values, which is the last of the wanted ones.

    Returns:
        Three arrays of the shape (sets, columns, len(shares) + 1): value below, value above, weight, as `np.quantile`
        interpolates linearly. If a column has no positive value, the last one is that of the largest value.
    """
    sets, columns = counted.least.shape
    virtual = np.zeros((sets, columns, len(shares) + 1))
    virtual[..., :-1] = (counted.rows[:, None] - 1)[..., None] * np.array(shares)
    above_zero = np.maximum(counted.rows[:, None] - counted.not_positive, 1)
    among_positive = positive * (above_zero - 1)
    first = np.minimum(counted.not_positive, counted.rows[:, None] - 1)
    below = np.floor(virtual).astype(np.int64)
    below[..., -1] = first + np.floor(among_positive).astype(np.int64)
    above = np.minimum(below + 1, counted.rows[:, None, None] - 1)
    virtual[..., -1] = among_positive - np.floor(among_positive)
    virtual[..., :-1] -= below[..., :-1]
    values = at(partitions, draws, counted, np.concatenate([below, above], axis=-1))
    wanted = len(shares) + 1
    return values[..., :wanted], values[..., wanted:], virtual
