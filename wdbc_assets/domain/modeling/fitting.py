"""Fitting: selects the best candidate of a recipe by cross-validation and fits it on the training set.

`recipes` defines the candidates, `search` runs the grid search, and the `evaluation` package measures the result. It
selects by the same function, `select`: the search that is evaluated is the search that ships.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

from wdbc_assets.domain.data import membership, preconditions
from wdbc_assets.domain.modeling import recipes, search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A pipeline fitted on the whole training set, and the cross-validation that selected it.

    `winner` has the parameters that differ between candidates, and the temperature if the recipe has one. `score` is
    the mean of the winning candidate over the folds of all repeats, in the units of `scoring` (higher is better).
    `fit_counts` has the number of fits of transformers and estimators, including the final fit on all rows. `warnings`
    has each distinct warning with its count. `split_method` is how the folds were drawn.
    """

    recipe: str
    grid: str
    scoring: recipes.Scoring
    folds: int
    repeats: int
    seed: int
    pipeline: Pipeline
    winner: dict[str, recipes.Parameter]
    score: float
    candidates: tuple[search.Candidate, ...]
    fit_counts: dict[str, int]
    warnings: tuple[str, ...]
    split_method: membership.Method = "shuffled"


def fit(
    X: pd.DataFrame,
    y: pd.Series,
    *,
    recipe: str,
    grid: str = "full",
    folds: int = recipes.SEARCH_FOLDS,
    repeats: int = recipes.SEARCH_REPEATS,
    seed: int = recipes.SEARCH_SEED,
    method: membership.Method = "shuffled",
    progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Score every candidate of the recipe's grid by cross-validation and fit the winner on all rows.

    X has one row per patient with finite values; y is 1 for malignant and 0 for benign. `progress(done, total)` is
    called after every fit of an estimator. Linear algebra runs on one thread. This makes the model reproducible bit for
    bit on one machine, whatever its number of threads, and is also faster for a few hundred rows.

    Raises:
        WdbcError: before fitting, for an unknown recipe or grid, folds, repeats or seed out of range, measurements that
            are not finite, or classes too small for the folds; later, if a candidate cannot be fitted or none
            converged.
    """
    definition = recipes.named(recipe)
    candidates = definition.candidates(grid)
    preconditions.require_setting("folds", folds, fits=folds >= 2, allowed="2 or more; 5 is usual")
    preconditions.require_setting("repeats", repeats, fits=repeats >= 1, allowed="1 or more; 5 is usual")
    preconditions.require_seed(seed)
    preconditions.require_finite(X)
    preconditions.require_diagnoses(y, rows=len(X), of_each=folds)

    from threadpoolctl import threadpool_limits

    repeats = _repeats(definition, candidates, repeats)
    total = len(candidates) * folds * repeats + 1

    def report(done: int) -> None:
        if progress is not None:
            progress(done, total)

    unfitted = definition.build(seed)
    with threadpool_limits(limits=1):
        selection = select(
            definition,
            unfitted,
            candidates,
            X,
            y,
            folds=folds,
            repeats=repeats,
            seed=seed,
            method=method,
            on_fit=report,
        )
        pipeline, warned = search.refit(unfitted, selection.winner, X, y)
    result = selection.search
    report(total)
    return Fit(
        recipe=recipe,
        grid=grid,
        scoring=definition.scoring,
        folds=folds,
        repeats=repeats,
        seed=seed,
        pipeline=pipeline,
        winner=selection.winner,
        score=result.winner.mean_score,
        candidates=result.candidates,
        fit_counts={
            "transformers": result.transformer_fits + len(pipeline.steps) - 1,
            "estimators": result.estimator_fits + 1,
        },
        warnings=result.warnings + warned,
        split_method=method,
    )


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The search, and the parameters that won it, including the temperature if the recipe has one."""

    search: search.Search
    winner: dict[str, recipes.Parameter]


def select(
    recipe: recipes.Recipe,
    unfitted: Pipeline,
    candidates: Sequence[recipes.Parameters],
    X: pd.DataFrame,
    y: pd.Series,
    *,
    folds: int = recipes.SEARCH_FOLDS,
    repeats: int = recipes.SEARCH_REPEATS,
    seed: int = recipes.SEARCH_SEED,
    method: membership.Method = "shuffled",
    on_fit: Callable[[int], None] = lambda _: None,
) -> Selection:
    """Compare the candidates of a recipe; its winner is what is fitted, evaluated and shipped.

    Folds are drawn by the method (see `membership`), again for each repeat, by the seeds from `seed` on, and the scores
    averaged over all of them: one draw of five folds often selects another penalty. On equal scores the more strongly
    penalized candidate wins (`Recipe.candidates`). A single candidate is scored on one draw, because there is nothing
    to select.
    The temperature of a recipe that has one minimizes the log-loss of the winner on the same folds.

    Raises:
        WdbcError: see `search.search`.
    """
    drawn = _Folds(
        folds=folds,
        repeats=_repeats(recipe, candidates, repeats),
        shuffle_seed=None if recipe.as_published else seed,
        method=method,
    )
    part, prefix = (unfitted, "") if recipe.searched is None else _part(unfitted, recipe.searched)
    within = [{name.removeprefix(prefix): value for name, value in candidate.items()} for candidate in candidates]
    result = search.search(
        part, within, X, y, scoring=recipe.scoring, **drawn, with_log_odds=recipe.temperature is not None, on_fit=on_fit
    )
    result = replace(
        result,
        candidates=tuple(
            replace(candidate, params={prefix + name: value for name, value in candidate.params.items()})
            for candidate in result.candidates
        ),
    )
    winner = result.winner.params
    if recipe.temperature is None or result.out_of_fold is None:
        return Selection(search=result, winner=winner)

    from wdbc_assets.domain.modeling import tempering

    scored, log_odds = result.out_of_fold
    temperature = tempering.best_temperature(log_odds, y.to_numpy()[scored])
    return Selection(search=result, winner={**winner, recipe.temperature: temperature})


def _part(unfitted: Pipeline, name: str) -> tuple[Pipeline, str]:
    """Return the part of a pipeline that a parameter names, and the prefix of the part's own parameters."""
    part: Pipeline = unfitted.get_params()[name]
    return part, f"{name}__"


class _Folds(TypedDict):
    folds: int
    repeats: int
    shuffle_seed: int | None
    method: membership.Method


def _repeats(recipe: recipes.Recipe, candidates: Sequence[recipes.Parameters], repeats: int) -> int:
    return 1 if recipe.as_published or not must_search(recipe, candidates) else repeats


def repeats(recipe: str, grid: str, wanted: int) -> int:
    """Return how often the search of a recipe's grid draws its folds if so many repeats are wanted.

    Raises:
        WdbcError: the recipe or the grid is unknown.
    """
    definition = recipes.named(recipe)
    return _repeats(definition, definition.candidates(grid), wanted)


def must_search(recipe: recipes.Recipe, candidates: Sequence[recipes.Parameters]) -> bool:
    """Return whether there is anything to select: a candidate among several, or a temperature."""
    return len(candidates) > 1 or recipe.temperature is not None
