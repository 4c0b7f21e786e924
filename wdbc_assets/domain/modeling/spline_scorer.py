"""The compiled scorer of the recipe `spline`: two terms of the logarithm of each measurement. It needs only numpy.

It works on blocks of columns, because numpy then applies the numbers of one column to a whole row of memory, which
takes half the time. `log_terms` defines the terms, `compiling` creates scorers and checks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.modeling import linear_scorer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_BLOCK = 512  # rows per block, so that intermediate results fit in the processor's cache


@dataclass(frozen=True, eq=False)
class SplineScorer:
    """log-odds = intercept + sum over the columns of (logarithm - centre) x weight + (cubic term - centre) x weight.

    `offsets`, `least` and `knots` define the terms as in `log_terms.LogSpline`. `centre` and `weights` have one row for
    the logarithms and one for the cubic terms. All arrays are float64, in the order of the columns.
    """

    offsets: Array
    least: Array
    knots: Array
    centre: Array
    weights: Array
    intercept: float

    def probabilities(self, X: Array) -> Array:
        """Return P(malignant) of each row of X, shape (n, columns), as shape (n,).

        Raises:
            WdbcError: X has another shape, or a missing or infinite cell.
        """
        X = linear_scorer.required(X, columns=len(self.offsets))
        answers = np.empty(len(X))
        workspace = np.empty((4, len(self.offsets), min(_BLOCK, len(X))))
        with np.errstate(invalid="ignore"):
            for start in range(0, len(X), _BLOCK):
                block = X[start : start + _BLOCK]
                linear_scorer.require_finite(np.isfinite(block @ self._zeros).all())
                answers[start : start + _BLOCK] = linear_scorer.sigmoid(self._log_odds(block, workspace))
        return answers

    def contributions(self, X: Array) -> tuple[float, Array]:
        """Return the intercept and each cell's contribution, in the shape of X; they add up to the row's log-odds.

        Raises:
            WdbcError: X has another shape, or a missing or infinite cell.
        """
        X = linear_scorer.required(X, columns=len(self.offsets))
        linear_scorer.require_finite(np.isfinite(X).all())
        logarithms = np.log(np.maximum(X + self.offsets, self.least))
        first, middle, last = self.knots
        a, b = np.clip(logarithms, first, middle) - first, np.clip(logarithms, middle, last) - middle
        powers = (logarithms, a**3, b, b**2, b**3, np.maximum(logarithms, last))
        terms = sum((power * slope for power, slope in zip(powers, self._slopes, strict=True)), self._constants)
        return self.intercept, terms

    def to_plain(self) -> dict[str, Any]:
        """Return the scorer as plain values for JSON, in full precision."""
        return {
            "offsets": self.offsets.tolist(),
            "least": self.least.tolist(),
            "knots": self.knots.tolist(),
            "centre": self.centre.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> SplineScorer:
        """Return the scorer from the result of `to_plain`; `store.bundle_files` validates values read from a file."""
        arrays = {name: np.array(values, dtype=np.float64) for name, values in plain.items() if name != "intercept"}
        return cls(**arrays, intercept=float(plain["intercept"]))

    @cached_property
    def _slopes(self) -> Array:
        """The weights of the logarithm and of the pieces of the cubic term, one row each (see `_log_odds`)."""
        first, middle, last = self.knots
        below, above = middle - first, last - middle
        logarithm, cubic = self.weights
        pieces = (reciprocal(below), 3 * below, np.full_like(cubic, 3.0), -reciprocal(above), 3 * (last - first))
        return np.vstack([logarithm, *(cubic * piece for piece in pieces)])

    @cached_property
    def _constants(self) -> Array:
        """The constant part of each column's terms: their centres, and the last knot, which `_log_odds` leaves in."""
        constants: Array = -(self.centre * self.weights).sum(axis=0) - self._slopes[-1] * self.knots[-1]
        return constants

    @cached_property
    def _intercept(self) -> float:
        return self.intercept + float(self._constants.sum())

    @cached_property
    def _zeros(self) -> Array:
        """The product of a row and zeros is 0, or NaN if a cell is missing or infinite."""
        return np.zeros(len(self.offsets))

    @cached_property
    def _by_column(self) -> tuple[Array, ...]:
        """Offsets, least values and knots, shape (columns, 1) each."""
        return tuple(row[:, None] for row in (self.offsets, self.least, *self.knots))

    def _log_odds(self, block: Array, workspace: Array) -> Array:
        logarithms, piece, power, squared = (
            workspace if len(block) == workspace.shape[2] else np.empty((*workspace.shape[:2], len(block)))
        )
        offsets, least, first, middle, last = self._by_column
        slopes = self._slopes
        np.add(block.T, offsets, out=logarithms)
        np.log(np.maximum(logarithms, least, out=logarithms), out=logarithms)
        log_odds: Array = slopes[0] @ logarithms
        np.minimum(np.maximum(logarithms, first, out=piece), middle, out=piece)
        np.subtract(piece, first, out=piece)
        log_odds += slopes[1] @ np.multiply(np.multiply(piece, piece, out=power), piece, out=power)
        np.minimum(np.maximum(logarithms, middle, out=piece), last, out=piece)
        np.subtract(piece, middle, out=piece)
        log_odds += slopes[2] @ piece
        log_odds += slopes[3] @ np.multiply(piece, piece, out=squared)
        log_odds += slopes[4] @ np.multiply(squared, piece, out=power)
        log_odds += slopes[5] @ np.maximum(logarithms, last, out=piece)
        log_odds += self._intercept
        return log_odds


def reciprocal(gaps: Array) -> Array:
    """Return 1 / gap, and 0 for knots that coincide: no value lies between them."""
    coincide = gaps < np.finfo(np.float64).tiny
    inverse: Array = np.where(coincide, 0.0, 1 / np.where(coincide, 1.0, gaps))
    return inverse
