"""The smoke test: a bundle is served only if its predictions for known rows equal those made when it was created.

The rows are derived from the bundle's training reference: one per quantile level, and rows with one measurement at an
extreme level and the others at the median. The reference includes scikit-learn's predictions for these rows, so a
compiled scorer that does not match its pipeline is detected without scikit-learn. Predictions must also be
probabilities, be repeatable, be the same for a single patient as in a batch, and match an independent computation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

TOLERANCE = 1e-9


@dataclass(frozen=True)
class SmokeTestReference:
    """The training set in quantiles, by column, and the pipeline's probabilities for `rows`."""

    rows: int
    levels: tuple[float, ...]
    quantiles: dict[str, tuple[float, ...]]
    answers: tuple[float, ...]


class ServableBundle(Protocol):
    """The interface of a loaded bundle that the smoke test uses."""

    @property
    def reference(self) -> SmokeTestReference:
        """The training reference."""

    @property
    def compiled(self) -> bool:
        """Whether it predicts without scikit-learn."""

    def probabilities(self, X: Array) -> Array:
        """Return P(malignant) of each row."""

    def recalibrated(self, p: Array) -> Array:
        """Return the probabilities to report for those of `probabilities`."""

    def contributions(self, X: Array) -> tuple[float, Array] | None:
        """Return the intercept and the contributions to each row."""

    def triage(self, p: Array) -> NDArray[np.str_]:
        """Return the triage outcome for each probability."""


def quantiles(by_column: Mapping[str, Sequence[float]]) -> Array:
    """Return the quantiles of the training set, shape (levels, 30)."""
    return np.array([by_column[name] for name in contract.FEATURES], dtype=np.float64).T


def rows(by_column: Mapping[str, Sequence[float]]) -> Array:
    """Return the rows of the smoke test for the quantiles of the training set, shape (n, 30)."""
    levels = quantiles(by_column)
    middle = levels[len(levels) // 2]
    ends = [np.where(np.eye(len(middle), dtype=bool), end, middle) for end in (levels[0], levels[-1])]
    return np.vstack([levels, *ends])


def check(bundle: ServableBundle) -> None:
    """Raise WdbcError unless a bundle passes its smoke test."""
    X = rows(bundle.reference.quantiles)
    p = bundle.probabilities(X)
    if p.shape != (len(X),) or not np.isfinite(p).all() or (p < 0).any() or (p > 1).any():
        raise _failed("a prediction is not a probability")
    stored = np.array(bundle.reference.answers, dtype=np.float64)
    if stored.shape != p.shape or np.abs(stored - p).max() > TOLERANCE:
        raise _failed("its predictions differ from those of its pipeline when the bundle was created")
    if (p != bundle.probabilities(X)).any():
        raise _failed("repeated predictions for the same rows differ")
    some = slice(None, None, max(1, len(X) // 10))
    alone = np.array([bundle.probabilities(row[None])[0] for row in X[some]])
    if np.abs(alone - p[some]).max() > TOLERANCE:
        raise _failed("predictions for a single patient and for a batch differ")
    if bundle.compiled and np.abs(_recomputed(bundle, X) - bundle.recalibrated(p)).max() > TOLERANCE:
        raise _failed("its contributions do not add up to its predictions")
    if np.ptp(p) == 0:
        raise _failed("it predicts the same probability for every patient")
    if not set(contract.OUTCOMES).issuperset(bundle.triage(p).tolist()):
        raise _failed("its policy returns an unknown outcome")


def _recomputed(bundle: ServableBundle, X: Array) -> Array:
    """Return the probabilities to report from the contributions, computed row by row in plain Python."""
    explanation = bundle.contributions(X)
    assert explanation is not None  # noqa: S101 -- a compiled bundle has contributions
    intercept, terms = explanation
    log_odds = [intercept + math.fsum(row) for row in terms.tolist()]
    return np.array([1 / (1 + math.exp(-max(-700.0, value))) for value in log_odds])


def _failed(reason: str) -> WdbcError:
    return WdbcError(
        f"the bundle failed its smoke test: {reason}", where="smoke test", hint="Promote another model: `wdbc promote`."
    )
