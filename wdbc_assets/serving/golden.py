"""What a bundle is tried on before it answers, and what is usual for it: both are made of its training reference.

The golden batch has a row for each quantile level, and rows with one measurement at an end and the rest in the middle.
Nobody knows the right answers to it; sound ones are numbers, ordered and repeatable, and the same as when recomputed by
other code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain import policy
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.storage.bundles import Served

    Array = NDArray[np.float64]

TOLERANCE = 1e-9
# How far beyond the middle 95 % of the training part a measurement is usual: as far again as that part is wide.
_WIDTHS_BEYOND = 1.0


@dataclass(frozen=True, eq=False)
class Usual:
    """From where to where each measurement is like those of the training part; arrays of shape (30,)."""

    low: Array
    high: Array
    names: NDArray[np.str_]

    @classmethod
    def of(cls, served: Served) -> Usual:
        """Take it from a bundle's reference."""
        quantiles = _quantiles(served)
        low, high = quantiles[0], quantiles[-1]
        beyond = _WIDTHS_BEYOND * (high - low)
        return cls(low - beyond, high + beyond, np.array(served.features))

    def outside(self, X: Array) -> list[list[str]]:
        """Name for each row of X the measurements that are not like those of the training part."""
        beyond = (self.low > X) | (self.high < X)
        if not beyond.any():
            return [[] for _ in X]
        return [self.names[row].tolist() for row in beyond]


def batch(served: Served) -> Array:
    """Return the golden batch of a bundle, shape (n, 30)."""
    quantiles = _quantiles(served)
    middle = quantiles[len(quantiles) // 2]
    ends = [np.where(np.eye(len(middle), dtype=bool), end, middle) for end in (quantiles[0], quantiles[-1])]
    return np.vstack([quantiles, *ends])


def require_sound(served: Served) -> None:
    """Raise WdbcError unless a bundle's answers to its golden batch are sound."""
    X = batch(served)
    p = served.probabilities(X)
    if p.shape != (len(X),) or not np.isfinite(p).all() or (p < 0).any() or (p > 1).any():
        raise _unsound("it answers with something that is no probability")
    if (p != served.probabilities(X)).any():
        raise _unsound("it answers the same question differently the second time")
    alone = np.array([served.probabilities(row[None])[0] for row in X[:: max(1, len(X) // 10)]])
    if np.abs(alone - p[:: max(1, len(X) // 10)]).max() > TOLERANCE:
        raise _unsound("it answers otherwise for one patient than for many")
    if served.compiled and np.abs(_recomputed(served, X) - p).max() > TOLERANCE:
        raise _unsound("its contributions do not add up to its answer")
    if np.ptp(p) == 0:
        raise _unsound("it gives everybody the same probability")
    known = {policy.BENIGN, policy.MALIGNANT, policy.REFER}
    if not known.issuperset(served.sets(p).tolist()) or not known.issuperset(served.decisions(p).tolist()):
        raise _unsound("its policy decides for something that is no decision")


def _recomputed(served: Served, X: Array) -> Array:
    """Return what the contributions say, in plain Python, one row after the other."""
    found = served.contributions(X)
    assert found is not None  # noqa: S101 -- a compiled bundle has them
    intercept, terms = found
    log_odds = [intercept + math.fsum(row) for row in terms.tolist()]
    return np.array([1 / (1 + math.exp(-max(-700.0, one))) for one in log_odds])


def _quantiles(served: Served) -> Array:
    """Return the quantiles of the training part, shape (levels, 30)."""
    try:
        columns = [served.reference["quantiles"][name] for name in served.features]
        quantiles = np.array(columns, dtype=np.float64).T
        fits = quantiles.ndim == 2 and len(quantiles) > 1 and np.isfinite(quantiles).all()
        fits = fits and (np.diff(quantiles, axis=0) >= 0).all()
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise _unsound("it does not tell what its training part looked like")
    return quantiles


def _unsound(why: str) -> WdbcError:
    return WdbcError(f"the bundle is not sound: {why}", where="golden batch", mend="Promote a sound one.")
