"""The compiled scorer: a fitted pipeline as a few arrays. It needs only numpy and is thousands of times faster.

A recipe that is linear in its standardized measurements (see `linear.linear`) is one sum over the columns.
Standardization, principal components and coefficients combine into one weight per column; Yeo-Johnson remains one power
per column. Other recipes are not compiled, and scikit-learn scores their patients.

Yeo-Johnson is computed with log1p and expm1, as in scipy, which keeps full precision near 0: I.-K. Yeo, R. A. Johnson
(2000), Biometrika 87:954-959. `compiling` creates scorers and checks them.
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

_BLOCK = 2048  # rows per block, so that intermediate results fit in the processor's cache
_NO_POWER = np.finfo(np.float64).eps  # scipy treats a smaller Yeo-Johnson exponent as 0, which means the logarithm
_HINT = "Give one finite number for each measurement, in the order of the contract."


@dataclass(frozen=True, eq=False)
class Scorer:
    """log-odds = intercept + sum over the columns of (transformed measurement - centre) x weight.

    `powers` are the exponents of Yeo-Johnson, one per column, or None if measurements are not transformed. `intercept`,
    `centre` and `weights` belong to the standardized form, so each term is the contribution of one measurement. All
    arrays are float64, in the order of the columns.
    """

    powers: Array | None
    centre: Array
    weights: Array
    intercept: float

    def probabilities(self, X: Array) -> Array:
        """Return P(malignant) of each row of X, shape (n, columns), as shape (n,).

        Raises:
            WdbcError: X has another shape, or a missing or infinite cell.
        """
        return self._answers(X)

    def contributions(self, X: Array) -> tuple[float, Array]:
        """Return the intercept and each cell's contribution, in the shape of X; they add up to the row's log-odds.

        Raises:
            WdbcError: X has another shape, or a missing or infinite cell.
        """
        X = required(X, columns=len(self.weights))
        require_finite(np.isfinite(X).all())
        with np.errstate(over="ignore", invalid="ignore"):
            return self.intercept, self._transformed(X) * self._slopes - self.centre * self.weights

    def to_plain(self) -> dict[str, Any]:
        """Return the scorer as plain values for JSON, in full precision."""
        return {
            "powers": None if self.powers is None else self.powers.tolist(),
            "centre": self.centre.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Scorer:
        """Return the scorer from the result of `to_plain`; `store.bundle_files` validates values read from a file."""
        powers = None if plain["powers"] is None else np.array(plain["powers"], dtype=np.float64)
        centre, weights = (np.array(plain[name], dtype=np.float64) for name in ("centre", "weights"))
        return cls(powers, centre, weights, float(plain["intercept"]))

    @cached_property
    def _divisors(self) -> Array:
        """The divisor of Yeo-Johnson: the power, or 1 for the logarithm used for a power of 0."""
        return np.ones(len(self.weights)) if self.powers is None else np.where(_is_zero(self.powers), 1.0, self.powers)

    @cached_property
    def _slopes(self) -> Array:
        """The weights for the result of `_transformed`."""
        return self.weights / self._divisors

    @cached_property
    def _offset(self) -> float:
        return self.intercept - float(self.centre @ self.weights)

    @cached_property
    def _logarithms(self) -> NDArray[np.intp]:
        return np.flatnonzero(_is_zero(self._divisors if self.powers is None else self.powers))

    @cached_property
    def _repeated(self) -> Array:
        """The powers, repeated for each row of a block."""
        return np.tile(self.centre if self.powers is None else self.powers, (_BLOCK, 1))

    def _answers(self, X: Array) -> Array:
        X = required(X, columns=len(self.weights))
        answers = np.empty(len(X))
        # A term that overflows becomes infinite, which gives a probability of 0 or 1.
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(X), _BLOCK):
                log_odds = self._transformed(X[start : start + _BLOCK]) @ self._slopes
                log_odds += self._offset
                # Without a transformation, an infinite cell makes the sum infinite; Yeo-Johnson checks each cell.
                require_finite(np.isfinite(log_odds).all() if self.powers is None else (~np.isnan(log_odds)).all())
                answers[start : start + _BLOCK] = sigmoid(log_odds)
        return answers

    def _transformed(self, block: Array) -> Array:
        """Transform a block of rows, except for the division, which `_slopes` includes."""
        if self.powers is None:
            return block
        logs = np.log1p(block)
        if not (logs.min(initial=0.0) >= 0 and logs.max(initial=0.0) < np.inf):  # false for NaN, too
            return self._with_negatives(block, self.powers)
        kept = logs[:, self._logarithms]
        # For row-major arrays, multiplying equal shapes takes half the time of broadcasting a row.
        as_rows = logs.flags.c_contiguous and len(logs) <= _BLOCK
        logs *= self._repeated[: len(logs)] if as_rows else self.powers
        np.expm1(logs, out=logs)
        if len(self._logarithms):
            logs[:, self._logarithms] = kept
        return logs

    def _with_negatives(self, block: Array, powers: Array) -> Array:
        """Transform rows with negative cells: Yeo-Johnson mirrors them and uses 2 - power."""
        require_finite(np.isfinite(block).all())
        below = block < 0
        powers = np.where(below, 2 - powers, powers)
        divisors = np.where(_is_zero(powers), 1.0, powers)
        logs = np.log1p(np.abs(block))
        raised = np.where(_is_zero(powers), logs, np.expm1(divisors * logs) / divisors)
        return np.where(below, -raised, raised) * self._divisors


def required(X: Array, *, columns: int) -> Array:
    """Return X as float64; raise WdbcError unless it has rows of so many columns."""
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] != columns:
        raise WdbcError(
            f"The scorer takes rows of {columns} measurements, not shape {X.shape}.",
            where="the measurements",
            hint=_HINT,
        )
    return X


def sigmoid(log_odds: Array) -> Array:
    """Return the probability for log-odds, with full precision at both ends; below e^-709 it is 0."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-log_odds))


def _is_zero(powers: Array) -> NDArray[np.bool_]:
    return np.abs(powers) < _NO_POWER


def require_finite(finite: np.bool_) -> None:
    """Raise WdbcError unless all cells are finite."""
    if not finite:
        what = "A measurement is missing, infinite or too large for the computation."
        raise WdbcError(what, where="the measurements", hint=_HINT)
