"""Fitting: from a recipe and the training part to the one pipeline that won, with the evidence of why.

What can be tried is said in `recipes`, how it is tried in `search`; how good the result is belongs to `evaluation`.
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
    """A pipeline fitted on the whole training part, and the cross-validation that chose it.

    `winner` names the parameters that differ between candidates; `score` is its mean over the folds, in the units of
    `scoring` (more is better). `fit_counts` says how often transformers and estimators were fitted, the last fit on
    all rows included. `warnings` is empty unless a fit warned; each entry carries its count.
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
    """Try every candidate of the recipe's grid by cross-validation and fit the winner on all rows.

    X has one row per patient and one finite number per column; y has 1 for malignant and 0 for benign, row by row.
    `progress(done, total)` is called after every fit of an estimator. Linear algebra runs on one thread: so the same
    rows give the same model, bit for bit on one machine, however many threads that machine offers, and for a few
    hundred rows it is the cheaper way too.

    Raises WdbcError, before anything is fitted, for an unknown recipe or grid, folds or seed out of range, measurements
    that are not finite numbers, and classes too small for the folds; and later if a candidate cannot be fitted or none
    converged.
    """
    chosen = recipes.named(recipe)
    candidates = chosen.candidates(grid)
    preconditions.require_setting("folds", folds, fits=folds >= 2, allowed="2 or more; 5 is usual")
    preconditions.require_seed(seed)
    preconditions.require_finite(X)
    preconditions.require_diagnoses(y, rows=len(X), of_each=folds)

    from threadpoolctl import threadpool_limits

    total = len(candidates) * folds + 1

    def report(done: int) -> None:
        if progress is not None:
            progress(done, total)

    unfitted = chosen.build(seed)
    with threadpool_limits(limits=1):
        found = search.search(unfitted, candidates, X, y, scoring=chosen.scoring, folds=folds, on_fit=report)
        winner = found.winner
        pipeline, warned = search.refit(unfitted, winner.params, X, y)
    report(total)
    return Fit(
        recipe=recipe,
        grid=grid,
        scoring=chosen.scoring,
        folds=folds,
        seed=seed,
        pipeline=pipeline,
        winner=winner.params,
        score=winner.mean_score,
        candidates=found.candidates,
        fit_counts={
            "transformers": found.transformer_fits + len(pipeline.steps) - 1,
            "estimators": found.estimator_fits + 1,
        },
        warnings=found.warnings + warned,
    )
