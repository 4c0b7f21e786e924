"""The standardized terms of the recipes `logistic` and `spline`, learned from sums over the partitions of a table.

They are those of `log_terms.LogSpline` and scikit-learn's StandardScaler, for each training set of a search (see
`order_statistics.Counted`). This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from wdbc_assets.domain.data import partitions as tables
from wdbc_assets.domain.modeling import log_terms, order_statistics, spline_scorer
from wdbc_assets.domain.modeling.logarithms import FAR_BELOW, OFFSET_QUANTILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Draws, Partitions, Patients
    from wdbc_assets.domain.modeling.order_statistics import Counted

    Array = NDArray[np.float64]

Kind = Literal["logistic", "spline"]

BLOCK = 4096
"""Rows that are transformed at once, so that intermediate results fit in the processor's cache."""


@dataclass(frozen=True)
class Terms:
    """The terms of one training set. `offsets`, `least` and `knots` are those of `log_terms`; None for `logistic`."""

    offsets: Array | None
    least: Array | None
    knots: Array | None
    centre: Array
    scale: Array

    def of(self, values: Array, logarithms: Array | None) -> Array:
        """Return the standardized terms of rows, shape (n, terms), and a last column of ones.

        Args:
            values: The measurements, shape (n, columns).
            logarithms: Their logarithms, which are the same for all sets; -inf for 0. None for `logistic`.
        """
        terms = np.empty((len(values), len(self.centre) + 1))
        terms[:, -1] = 1.0
        if logarithms is None or self.offsets is None or self.least is None or self.knots is None:
            terms[:, :-1] = values
        else:
            columns = values.shape[1]
            logs = terms[:, :columns]
            logs[:] = logarithms
            moved = np.flatnonzero(self.offsets != 0)
            logs[:, moved] = np.log(values[:, moved] + self.offsets[moved])
            np.maximum(logs, np.log(self.least), out=logs)
            terms[:, columns:-1] = _restricted_cubic(logs, self.knots)
        terms[:, :-1] -= self.centre
        terms[:, :-1] /= self.scale
        return terms


def _restricted_cubic(logs: Array, knots: Array) -> Array:
    """Return what `log_terms.restricted_cubic` does, to rounding error, in a third of its time: it raises to powers."""
    first, middle, last = knots
    below, above = middle - first, last - middle
    a = np.clip(logs, first, middle)
    a -= first
    b = np.clip(logs, middle, last)
    b -= middle
    terms = a * a
    terms *= a
    terms *= spline_scorer.reciprocal(below)
    np.multiply(b, -spline_scorer.reciprocal(above), out=a)
    a += 3
    a *= b
    a += 3 * below
    a *= b
    terms += a
    np.maximum(logs, last, out=a)
    a -= last
    a *= 3 * (below + above)
    terms += a
    return terms


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a table: which ones, their values, and the logarithms that `Terms.of` takes."""

    rows: slice
    values: Array
    logarithms: Array | None

    def design(self, terms: Terms, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Array:
        """Return the design matrix of the kept rows of the block: see `Terms.of`."""
        return terms.of(self.values[kept], None if self.logarithms is None else self.logarithms[kept])


def blocks(kind: Kind, values: Array) -> Iterator[RowBlock]:
    """Yield the rows of a table, at most `BLOCK` at a time."""
    for start in range(0, len(values), BLOCK):
        rows = slice(start, start + BLOCK)
        yield RowBlock(rows, values[rows], _logarithms(kind, values[rows]))


def _logarithms(kind: Kind, values: Array) -> Array | None:
    if kind == "logistic":
        return None
    with np.errstate(divide="ignore"):
        logs: Array = np.log(values)
    return logs


def learn(kind: Kind, partitions: Partitions[Patients], draws: Draws, counted: Counted) -> tuple[Terms, ...]:
    """Return the terms of each training set: quantiles by exact order statistics, then means and deviations by sums."""
    sets, columns = counted.least.shape
    raw = [_unscaled(kind, columns)] * sets
    if kind == "spline":
        raw = _with_knots(partitions, draws, counted)
    # The terms at the median row are close to the means, so that the squares lose no digits.
    middle = [_at_middle(kind, terms, counted) for terms in raw]
    shifted = [replace(terms, centre=centre) for terms, centre in zip(raw, middle, strict=True)]
    sums = tables.total(partitions.map(partial(_moments, kind, draws, tuple(shifted))))
    rows = counted.rows[:, None]
    means = sums[:, 0] / rows
    variances = sums[:, 1] / rows - means**2
    # As in StandardScaler, a column without variance beyond rounding is not scaled.
    constant = variances <= 10 * np.finfo(np.float64).eps * (sums[:, 1] / rows)
    scales = np.where(constant, 1.0, np.sqrt(np.maximum(variances, 0)))
    return tuple(
        replace(terms, centre=terms.centre + mean, scale=scale)
        for terms, mean, scale in zip(shifted, means, scales, strict=True)
    )


def _unscaled(kind: Kind, columns: int) -> Terms:
    terms = columns if kind == "logistic" else 2 * columns
    return Terms(None, None, None, np.zeros(terms), np.ones(terms))


def _with_knots(partitions: Partitions[Patients], draws: Draws, counted: Counted) -> list[Terms]:
    columns = counted.least.shape[1]
    below, above, weight = order_statistics.quantiles(partitions, draws, counted, log_terms.KNOTS, OFFSET_QUANTILE)
    learned = []
    for s in range(len(counted.rows)):
        positive = counted.rows[s] > counted.not_positive[s]
        interpolated = _between(below[s, :, -1], above[s, :, -1], weight[s, :, -1])
        offsets = np.where(counted.least[s] > 0, 0.0, np.where(positive, interpolated, 1.0))
        least = np.maximum(FAR_BELOW * (counted.least[s] + offsets), np.finfo(np.float64).tiny)
        low, high = (
            np.log(np.maximum(values[s, :, :-1] + offsets[:, None], least[:, None])) for values in (below, above)
        )
        knots = _between(low, high, weight[s, :, :-1]).T
        learned.append(replace(_unscaled("spline", columns), offsets=offsets, least=least, knots=knots))
    return learned


def _between(low: Array, high: Array, weight: Array) -> Array:
    between: Array = low + (high - low) * weight
    return between


def _at_middle(kind: Kind, terms: Terms, counted: Counted) -> Array:
    if kind == "logistic" or terms.knots is None:
        return (counted.low + counted.high) / 2
    logs = terms.knots[1:2]
    middle: Array = np.hstack([logs, log_terms.restricted_cubic(logs, terms.knots)])[0]
    return middle


def _moments(kind: Kind, draws: Draws, terms: Sequence[Terms], patients: Patients) -> Array:
    """Return the sums of the terms and of their squares, shape (sets, 2, terms)."""
    training, fold_of = draws.training(patients)
    sums = np.zeros((len(terms), 2, len(terms[0].centre)))
    for block in blocks(kind, training.X):
        for s, set_terms in enumerate(terms):
            kept = in_set(fold_of[:, block.rows], s, draws.folds)
            design = block.design(set_terms, kept)[:, :-1]
            sums[s, 0] += design.sum(axis=0)
            sums[s, 1] += (design**2).sum(axis=0)
    return sums


def in_set(fold_of: NDArray[np.int64], s: int, folds: int) -> NDArray[np.bool_]:
    """Return which rows are in a training set, given the fold of each for each seed, shape (seeds, n)."""
    if s == 0:
        return np.ones(fold_of.shape[1], dtype=bool)
    kept: NDArray[np.bool_] = fold_of[(s - 1) // folds] != (s - 1) % folds
    return kept
