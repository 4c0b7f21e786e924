"""Repeated nested cross-validation on a table in partitions: that of `cross_validation` under folds by hash.

The outer training set of a unit is all rows but those of its fold, searched and fitted by `summed_fit`. The outcome of
a unit is its model, which is small; once all are known, one pass over the table scores every patient by the models that
never saw it. This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import membership
from wdbc_assets.domain.data import partitions as tables
from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.evaluation.cross_validation import OUTER_FOLDS, FoldUnit, Winner
from wdbc_assets.domain.modeling import recipes, summed_fit, summed_scores
from wdbc_assets.domain.modeling.summed_terms import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Partitions, Patients

    Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FoldModel:
    """The model of a unit: the winner of its search, the terms of its training rows (see `Terms`), and their weights.

    The weights are those of the standardized terms, the intercept last, with the temperature in them.
    """

    recipe: str
    repeat: int
    fold: int
    winner: dict[str, recipes.Parameter]
    offsets: tuple[float, ...] | None
    least: tuple[float, ...] | None
    knots: tuple[tuple[float, ...], ...] | None
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]

    @property
    def terms(self) -> Terms:
        """The terms as arrays."""
        offsets, least, knots = (
            None if numbers is None else np.array(numbers) for numbers in (self.offsets, self.least, self.knots)
        )
        return Terms(offsets, least, knots, np.array(self.centre), np.array(self.scale))

    @property
    def selected(self) -> Winner:
        """The parameters that the search of the unit selected."""
        return Winner(self.recipe, self.repeat, self.fold, self.winner)


def evaluated_recipes(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the recipes that can be evaluated by sums, and those of `floors.EVALUATED` that are left out.

    Raises:
        WdbcError: any other recipe has no such form, with the reason.
    """
    left_out = tuple(name for name in names if name in floors.EVALUATED and name in summed_fit.REASONS)
    kept = tuple(name for name in names if name not in left_out)
    for name in kept:
        summed_fit.kind_of(name)
    return kept, left_out


def fit_without_fold(partitions: Partitions[Patients], unit: FoldUnit) -> FoldModel:
    """Search and fit the recipe of a unit on the patients who are not in its fold.

    Raises:
        WdbcError: no model can be fitted.
    """
    others = tables.Selected(partitions, partial(_without_fold, unit.repeat, unit.fold))
    searched = summed_fit.search(others, recipe=unit.recipe, grid="full", test_size=0.0)
    terms = searched.terms

    def listed(numbers: Array | None) -> Any:
        if numbers is None:
            return None
        return tuple(map(tuple, numbers.tolist())) if numbers.ndim > 1 else tuple(numbers.tolist())

    return FoldModel(
        recipe=unit.recipe,
        repeat=unit.repeat,
        fold=unit.fold,
        winner=searched.winner,
        offsets=listed(terms.offsets),
        least=listed(terms.least),
        knots=listed(terms.knots),
        centre=listed(terms.centre),
        scale=listed(terms.scale),
        weights=listed(searched.weights),
    )


def _without_fold(repeat: int, fold: int, patients: Patients) -> Patients:
    kept = membership.fold_of(patients.digests, folds=OUTER_FOLDS, seed=repeat) != fold
    return patients.only(kept)


@dataclass(frozen=True)
class PartitionPredictions:
    """The out-of-fold predictions of a partition: diagnoses, folds by repeat, and P(malignant) by recipe and repeat."""

    y: NDArray[np.int8]
    fold_of: NDArray[np.int8]
    p: Mapping[str, Array]


def predict(partitions: Partitions[Patients], models: Sequence[FoldModel]) -> list[PartitionPredictions]:
    """Return the predictions of all partitions: three numbers and more for each patient, but no measurement.

    Args:
        partitions: The table.
        models: Those of every fold of every repeat of every recipe.
    """
    repeats = tuple(range(1 + max(model.repeat for model in models)))
    draws = tables.Draws(0.0, 0, OUTER_FOLDS, repeats)
    by_recipe: dict[str, list[FoldModel]] = {}
    for model in sorted(models, key=lambda model: (model.recipe, model.repeat, model.fold)):
        by_recipe.setdefault(model.recipe, []).append(model)
    recipe_models = {
        recipe: summed_scores.FoldModels(
            summed_fit.kind_of(recipe),
            draws,
            tuple(model.terms for model in fold_models),
            np.array([model.weights for model in fold_models]),
        )
        for recipe, fold_models in by_recipe.items()
    }
    return partitions.map(partial(_predict, recipe_models))


def _predict(models: Mapping[str, summed_scores.FoldModels], patients: Patients) -> PartitionPredictions:
    draws = next(iter(models.values())).draws
    fold_of = draws.training(patients)[1].astype(np.int8)
    return PartitionPredictions(
        patients.y,
        fold_of,
        {recipe: recipe_models.probabilities(patients)[1] for recipe, recipe_models in models.items()},
    )
