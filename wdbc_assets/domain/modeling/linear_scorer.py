"""The compiled scorer: a fitted pipeline as a few arrays, which answer with numpy alone, thousands of times faster.

A recipe that is linear in its standardised measurements (`explanation.linear` finds out) is one sum over the columns.
Standardisation, principal components and coefficients fold into one weight for each; Yeo-Johnson stays a power for
each column. What cannot be written so is not compiled, and answers through scikit-learn.

Yeo-Johnson is computed by log1p and expm1, as scipy does it, which keeps all digits near 0: I.-K. Yeo, R. A. Johnson
(2000), Biometrika 87:954-959. How a pipeline becomes a scorer, and what that is tried on, is said in `compiling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_BLOCK = 2048  # rows worked on at a time: what is made of them stays in a processor's own cache
_NO_POWER = np.finfo(np.float64).eps  # a Yeo-Johnson exponent below this is 0 to scipy: the logarithm
_HINT = "Give one finite number for each measurement, in the order of the contract."


@dataclass(frozen=True, eq=False)
class Scorer:
    """log-odds = intercept + sum over the columns of (transformed measurement - centre) x weight.

    `powers` are the exponents of Yeo-Johnson, one for each column, or None where measurements are taken as they are.
    `intercept`, `centre` and `weights` are those of the standardised form, so that one term is what a measurement
    contributes. All are float64, in the order of the columns.
    """

    powers: Array | None
    centre: Array
    weights: Array
    intercept: float

    def probabilities(self, X: Array) -> Array:
        """Give P(malignant) of each row of X, shape (n, columns), as shape (n,).

        Raises WdbcError for another shape, and for a cell that is blank or infinite.
        """
        return self._answers(X)

    def contributions(self, X: Array) -> tuple[float, Array]:
        """Give the intercept, and what each cell of X adds to it, in the shape of X: in all, the row's log-odds.

        Raises as `probabilities` does.
        """
        X = self._required(X)
        _require(np.isfinite(X).all())
        with np.errstate(over="ignore", invalid="ignore"):
            return self.intercept, self._transformed(X) * self._slopes - self.centre * self.weights

    def to_plain(self) -> dict[str, Any]:
        """Give the scorer as plain values for JSON, in full precision."""
        return {
            "powers": None if self.powers is None else self.powers.tolist(),
            "centre": self.centre.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Scorer:
        """Make a scorer from the values that `to_plain` returned; `storage.bundle_files` checks those of a file."""
        powers = None if plain["powers"] is None else np.array(plain["powers"], dtype=np.float64)
        centre, weights = (np.array(plain[name], dtype=np.float64) for name in ("centre", "weights"))
        return cls(powers, centre, weights, float(plain["intercept"]))

    @cached_property
    def _divisors(self) -> Array:
        """What Yeo-Johnson divides by: the power, or 1 for the logarithm that stands in for a power of 0."""
        return np.ones(len(self.weights)) if self.powers is None else np.where(_is_zero(self.powers), 1.0, self.powers)

    @cached_property
    def _slopes(self) -> Array:
        """The weights of what `_transformed` gives."""
        return self.weights / self._divisors

    @cached_property
    def _offset(self) -> float:
        return self.intercept - float(self.centre @ self.weights)

    @cached_property
    def _logarithms(self) -> NDArray[np.intp]:
        return np.flatnonzero(_is_zero(self._divisors if self.powers is None else self.powers))

    @cached_property
    def _repeated(self) -> Array:
        """The powers, once for each row of a block."""
        return np.tile(self.centre if self.powers is None else self.powers, (_BLOCK, 1))

    def _answers(self, X: Array) -> Array:
        X = self._required(X)
        answers = np.empty(len(X))
        # A term beyond the largest number makes an infinity, which is as certain as it looks.
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(X), _BLOCK):
                log_odds = self._transformed(X[start : start + _BLOCK]) @ self._slopes
                log_odds += self._offset
                # Where nothing is transformed an infinite cell shows in the sum; Yeo-Johnson has looked at the cells.
                _require(np.isfinite(log_odds).all() if self.powers is None else (~np.isnan(log_odds)).all())
                answers[start : start + _BLOCK] = sigmoid(log_odds)
        return answers

    def _transformed(self, block: Array) -> Array:
        """Transform some rows, but for the division, which is folded into the slopes."""
        if self.powers is None:
            return block
        logs = np.log1p(block)
        if not (logs.min(initial=0.0) >= 0 and logs.max(initial=0.0) < np.inf):  # false for NaN, too
            return self._with_negatives(block, self.powers)
        kept = logs[:, self._logarithms]
        # Row by row in memory, a multiplication of equal shapes takes half the time of one of a row with each row.
        as_rows = logs.flags.c_contiguous and len(logs) <= _BLOCK
        logs *= self._repeated[: len(logs)] if as_rows else self.powers
        np.expm1(logs, out=logs)
        if len(self._logarithms):
            logs[:, self._logarithms] = kept
        return logs

    def _with_negatives(self, block: Array, powers: Array) -> Array:
        """Transform rows with cells below 0: these are mirrored, and take 2 less the power."""
        _require(np.isfinite(block).all())
        below = block < 0
        powers = np.where(below, 2 - powers, powers)
        divisors = np.where(_is_zero(powers), 1.0, powers)
        logs = np.log1p(np.abs(block))
        raised = np.where(_is_zero(powers), logs, np.expm1(divisors * logs) / divisors)
        return np.where(below, -raised, raised) * self._divisors

    def _required(self, X: Array) -> Array:
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != len(self.weights):
            raise WdbcError(
                f"The scorer takes rows of {len(self.weights)} measurements, not shape {X.shape}.",
                where="the measurements",
                hint=_HINT,
            )
        return X


def sigmoid(log_odds: Array) -> Array:
    """Give the probability of log-odds, with all digits at both ends; below e^-709 it is 0."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-log_odds))


def _is_zero(powers: Array) -> NDArray[np.bool_]:
    return np.abs(powers) < _NO_POWER


def _require(finite: np.bool_) -> None:
    if not finite:
        what = "A measurement is blank, infinite, or too large to compute with."
        raise WdbcError(what, where="the measurements", hint=_HINT)
