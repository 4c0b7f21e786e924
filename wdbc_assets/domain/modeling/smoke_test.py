"""The smoke test: what a bundle must answer before it serves, and it answers as it did when it was made.

The rows are made of the bundle's training reference: one for each quantile level, and rows with one measurement at an
end and the rest in the middle. scikit-learn's answers to them are part of the reference, so that a compiled scorer that
is not its pipeline's is found without scikit-learn. Besides, sound answers are probabilities, repeatable, the same for
one patient as for many, and the same as when recomputed by other code.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

TOLERANCE = 1e-9


class ServableBundle(Protocol):
    """What is asked of an opened bundle."""

    @property
    def reference(self) -> Mapping[str, Any]:
        """The training reference, with `answers`."""

    @property
    def compiled(self) -> bool:
        """Whether it answers without scikit-learn."""

    def probabilities(self, X: Array) -> Array:
        """Return P(malignant) of each row."""

    def contributions(self, X: Array) -> tuple[float, Array] | None:
        """Return the intercept and the terms of each row."""

    def decisions(self, p: Array) -> NDArray[np.str_]:
        """Return the decision of each probability."""

    def sets(self, p: Array) -> NDArray[np.str_]:
        """Return the set of each probability."""


def quantiles(reference: Mapping[str, Any]) -> Array:
    """Return the quantiles of the training part, shape (levels, 30)."""
    return np.array([reference["quantiles"][name] for name in contract.FEATURES], dtype=np.float64).T


def rows(reference: Mapping[str, Any]) -> Array:
    """Return the rows of the smoke test, shape (n, 30)."""
    levels = quantiles(reference)
    middle = levels[len(levels) // 2]
    ends = [np.where(np.eye(len(middle), dtype=bool), end, middle) for end in (levels[0], levels[-1])]
    return np.vstack([levels, *ends])


def check(bundle: ServableBundle) -> None:
    """Raise WdbcError unless a bundle's answers to its smoke test are sound."""
    X = rows(bundle.reference)
    p = bundle.probabilities(X)
    if p.shape != (len(X),) or not np.isfinite(p).all() or (p < 0).any() or (p > 1).any():
        raise _unsound("it answers with something that is no probability")
    stored = np.array(bundle.reference["answers"], dtype=np.float64)
    if stored.shape != p.shape or np.abs(stored - p).max() > TOLERANCE:
        raise _unsound("its answers are not those that its pipeline gave when it was made")
    if (p != bundle.probabilities(X)).any():
        raise _unsound("it answers the same question differently the second time")
    some = slice(None, None, max(1, len(X) // 10))
    alone = np.array([bundle.probabilities(row[None])[0] for row in X[some]])
    if np.abs(alone - p[some]).max() > TOLERANCE:
        raise _unsound("it answers otherwise for one patient than for many")
    if bundle.compiled and np.abs(_recomputed(bundle, X) - p).max() > TOLERANCE:
        raise _unsound("its contributions do not add up to its answer")
    if np.ptp(p) == 0:
        raise _unsound("it gives everybody the same probability")
    known = set(contract.OUTCOMES)
    if not known.issuperset(bundle.sets(p).tolist()) or not known.issuperset(bundle.decisions(p).tolist()):
        raise _unsound("its policy decides for something that is no decision")


def _recomputed(bundle: ServableBundle, X: Array) -> Array:
    """Return what the contributions say, in plain Python, one row after the other."""
    explained = bundle.contributions(X)
    assert explained is not None  # noqa: S101 -- a compiled bundle has them
    intercept, terms = explained
    log_odds = [intercept + math.fsum(row) for row in terms.tolist()]
    return np.array([1 / (1 + math.exp(-max(-700.0, value))) for value in log_odds])


def _unsound(why: str) -> WdbcError:
    return WdbcError(
        f"the bundle is not sound: {why}", where="smoke test", hint="Promote a sound one (`wdbc promote`)."
    )
