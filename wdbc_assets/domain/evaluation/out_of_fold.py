"""Out-of-fold predictions of an evaluation by recipe, from a table in memory or from wherever they are.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class RecipePredictions:
    """The out-of-fold predictions of a recipe, for the same patients in each repeat.

    Attributes:
        y: The diagnoses, 1 = malignant, shape (n,).
        p: P(malignant), shape (repeats, n).
        fold_of: The fold in which each patient was scored, in the same shape.
        repeats: The numbers of the repeats.
    """

    y: NDArray[np.int64]
    p: Array
    fold_of: NDArray[np.int64]
    repeats: tuple[int, ...]

    @property
    def folds(self) -> int:
        """The number of folds."""
        return len(np.unique(self.fold_of))

    def only(self, repeats: set[int]) -> RecipePredictions:
        """Return the predictions of some of the repeats."""
        kept = [number for number, repeat in enumerate(self.repeats) if repeat in repeats]
        return RecipePredictions(
            self.y, self.p[kept], self.fold_of[kept], tuple(self.repeats[number] for number in kept)
        )

    def by_fold(self, quantity: Callable[[NDArray[np.int64], Array], Array]) -> Array:
        """Return the mean of a quantity of patients in each fold, repeat by repeat, shape (repeats * folds,).

        Args:
            quantity: From diagnoses and probabilities to the quantity of each patient, shape (n,).
        """
        means = []
        for p, folds in zip(self.p, self.fold_of, strict=True):
            rows = np.bincount(folds)
            sums = np.bincount(folds, weights=quantity(self.y, p))
            means.append(sums[rows > 0] / rows[rows > 0])
        return np.concatenate(means)


class OutOfFoldPredictions(Protocol):
    """The out-of-fold predictions of an evaluation, wherever they are."""

    @property
    def recipes(self) -> tuple[str, ...]:
        """The evaluated recipes."""

    def of(self, recipe: str) -> RecipePredictions:
        """Return those of a recipe.

        Raises:
            WdbcError: it does not have every patient once in each repeat.
        """


@dataclass(frozen=True)
class PredictionsInTable:
    """Predictions as `cross_validation.assemble` returns them."""

    table: pd.DataFrame

    @property
    def recipes(self) -> tuple[str, ...]:
        """The evaluated recipes."""
        return tuple(self.table["recipe"].unique())

    def of(self, recipe: str) -> RecipePredictions:
        """Return the predictions of a recipe.

        Raises:
            WdbcError: it does not have every patient once in each repeat.
        """
        own = self.table[self.table["recipe"] == recipe].sort_values(["repeat", "patient"], kind="stable")
        repeats = own["repeat"].unique()
        if not len(own) or len(own) % len(repeats):
            raise _unpaired()
        repeat_of, patients, y, folds, p = (
            own[name].to_numpy().reshape(len(repeats), -1)
            for name in ("repeat", "patient", "diagnosis", "fold", "probability")
        )
        once = (np.diff(patients[0]) > 0).all() and (repeat_of == repeats[:, None]).all()
        if not (once and (patients == patients[0]).all() and (y == y[0]).all()):
            raise _unpaired()
        return RecipePredictions(y[0], p, folds, tuple(repeats.tolist()))


def require_pairs(first: RecipePredictions, second: RecipePredictions) -> None:
    """Raise WdbcError unless two recipes have the same patients and repeats, at least one, in the same folds."""
    same = len(first.repeats) and first.repeats == second.repeats and np.array_equal(first.y, second.y)
    if not (same and np.array_equal(first.fold_of, second.fold_of)):
        raise _unpaired()


def _unpaired() -> WdbcError:
    return WdbcError(
        "The recipes were not evaluated on the same patients in the same folds.",
        where="the predictions of cross_validation",
        hint="Evaluate them again: `wdbc evaluate --force`.",
    )
