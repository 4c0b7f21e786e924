"""Fitting: selects the best candidate of a recipe by cross-validation and fits it on the training set.

`recipes` defines the candidates, `search` runs the grid search, and the `evaluation` package measures the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import preconditions
from wdbc_assets.domain.modeling import recipes, search

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A pipeline fitted on the whole training set, and the cross-validation that selected it.

    `winner` has the parameters that differ between candidates. `score` is its mean over the folds, in the units of
    `scoring` (higher is better). `fit_counts` has the number of fits of transformers and estimators, including the
    final fit on all rows. `warnings` has each distinct warning with its count.
    """

    recipe: str
    grid: str
    scoring: recipes.Scoring
    folds: int
    seed: int
    pipeline: Pipeline
    winner: dict[str, recipes.Parameter]
    score: float
    candidates: tuple[search.Candidate, ...]
    fit_counts: dict[str, int]
    warnings: tuple[str, ...]


def fit(
    X: pd.DataFrame,
    y: pd.Series,
    *,
    recipe: str,
    grid: str = "full",
    folds: int = 5,
    seed: int = 42,
    progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Score every candidate of the recipe's grid by cross-validation and fit the winner on all rows.

    X has one row per patient with finite values; y is 1 for malignant and 0 for benign. `progress(done, total)` is
    called after every fit of an estimator. Linear algebra runs on one thread. This makes the model reproducible bit for
    bit on one machine, whatever its number of threads, and is also faster for a few hundred rows.

    Raises:
        WdbcError: before fitting, for an unknown recipe or grid, folds or seed out of range, measurements that are not
            finite, or classes too small for the folds; later, if a candidate cannot be fitted or none converged.
    """
    definition = recipes.named(recipe)
    candidates = definition.candidates(grid)
    preconditions.require_setting("folds", folds, fits=folds >= 2, allowed="2 or more; 5 is usual")
    preconditions.require_seed(seed)
    preconditions.require_finite(X)
    preconditions.require_diagnoses(y, rows=len(X), of_each=folds)

    from threadpoolctl import threadpool_limits

    total = len(candidates) * folds + 1

    def report(done: int) -> None:
        if progress is not None:
            progress(done, total)

    unfitted = definition.build(seed)
    with threadpool_limits(limits=1):
        result = search.search(unfitted, candidates, X, y, scoring=definition.scoring, folds=folds, on_fit=report)
        winner = result.winner
        pipeline, warned = search.refit(unfitted, winner.params, X, y)
    report(total)
    return Fit(
        recipe=recipe,
        grid=grid,
        scoring=definition.scoring,
        folds=folds,
        seed=seed,
        pipeline=pipeline,
        winner=winner.params,
        score=winner.mean_score,
        candidates=result.candidates,
        fit_counts={
            "transformers": result.transformer_fits + len(pipeline.steps) - 1,
            "estimators": result.estimator_fits + 1,
        },
        warnings=result.warnings + warned,
    )
