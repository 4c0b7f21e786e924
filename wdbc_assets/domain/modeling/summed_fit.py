"""The fit of a recipe on a table in partitions: the search, the temperature and the final fit of `fitting`, by sums.

Folds are those by hash, so the result is that of `fitting.fit` on the whole table with the method `hash`, to rounding
error. `logistic` and `spline` have such a form: their quantiles, means, gradients and Hessians are counts and sums of
rows. What needs the distances between rows, or trees, has none. This module imports numpy and scikit-learn, so callers
import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import contract, preconditions
from wdbc_assets.domain.data import partitions as tables
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import (
    fitting,
    order_statistics,
    recipes,
    summed_newton,
    summed_terms,
    tempering,
)
from wdbc_assets.domain.modeling import search as search_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Draws, Partitions, Patients
    from wdbc_assets.domain.modeling.order_statistics import Counted
    from wdbc_assets.domain.modeling.summed_terms import Kind, Terms

    Array = NDArray[np.float64]

REASONS = {
    "svc": "a support vector machine compares rows with each other, in every partition",
    "stacking": "its trees and its support vector machine need all rows at once",
    "blend": "half of it is a stack, whose trees and support vector machine need all rows at once",
    "pca_logistic": "its power transformation is fitted by an optimizer that needs all rows at once",
    "airflow_baseline": "its solver visits single rows in random order",
}
_EPS = np.finfo(np.float64).eps


def kind_of(recipe: str) -> Kind:
    """Return the name of a recipe that can be fitted by sums.

    Raises:
        WdbcError: it has no such form, with the reason, or is unknown.
    """
    name = recipes.named(recipe).name
    if name not in ("logistic", "spline"):
        raise WdbcError(
            f"The recipe {name} cannot be fitted on a table in partitions: {REASONS.get(name, 'it has no sums')}.",
            where="recipe",
            hint="Choose spline or logistic. If this machine has the memory, raise WDBC_ROWS_IN_MEMORY and run"
            " `wdbc run --force` instead.",
        )
    return cast("Kind", name)


@dataclass(frozen=True)
class Searched:
    """The result of a search: its settings and candidates, the winner with its temperature, and its fit on all rows.

    `weights` are those of the standardized `terms`, the intercept last, with the temperature in them; `rows` is the
    number of training rows, `passes` that of Newton's method.
    """

    recipe: str
    grid: str
    folds: int
    repeats: int
    seed: int
    candidates: tuple[search_module.Candidate, ...]
    winner: dict[str, recipes.Parameter]
    score: float
    terms: Terms
    weights: Array
    rows: int
    passes: int
    sets: int

    def fit(self) -> fitting.Fit:
        """Return the result as that of `fitting.fit`, with the recipe's pipeline."""
        pipeline = _pipeline(self)
        return fitting.Fit(
            recipe=self.recipe,
            grid=self.grid,
            scoring=recipes.named(self.recipe).scoring,
            folds=self.folds,
            repeats=self.repeats,
            seed=self.seed,
            pipeline=pipeline,
            winner=self.winner,
            score=self.score,
            candidates=self.candidates,
            fit_counts={
                "transformers": self.sets * (len(pipeline.steps) - 1),
                "estimators": self.sets * len(self.candidates),
            },
            warnings=(),
            split_method="hash",
        )


def search(
    partitions: Partitions[Patients],
    *,
    recipe: str,
    grid: str = "full",
    folds: int = recipes.SEARCH_FOLDS,
    repeats: int = recipes.SEARCH_REPEATS,
    seed: int = recipes.SEARCH_SEED,
    test_size: float = defaults.TEST_SIZE,
    split_seed: int = defaults.SEED,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Searched:
    """Score every candidate by cross-validation and fit the winner on the training rows of all partitions.

    `progress(done, total)` is called after each pass over the table, with the number of fits that are finished.

    Raises:
        WdbcError: a recipe without such a form, a setting out of range, a class too small, a fold without a class, or
            no candidate that converged.
    """
    kind, definition = kind_of(recipe), recipes.named(recipe)
    candidates = definition.candidates(grid)
    preconditions.require_setting("folds", folds, fits=2 <= folds <= 100, allowed="2 to 100; 5 is usual")
    preconditions.require_setting("repeats", repeats, fits=repeats >= 1, allowed="1 or more; 5 is usual")
    preconditions.require_seed(seed)
    drawn = fitting.repeats(recipe, grid, repeats)
    seeds = tuple((seed + repeat) % search_module.SEEDS for repeat in range(drawn))
    draws = tables.Draws(test_size, split_seed, folds, seeds)
    counted = order_statistics.count(partitions, draws)
    require_classes(counted, folds)
    terms = summed_terms.learn(kind, partitions, draws, counted)

    total = len(candidates) * len(counted.rows)
    strengths = [float(candidate["logistic__C"]) for candidate in candidates]
    pooled = pooled_fits(kind, partitions, draws, counted, terms, strengths, lambda done: progress(done, total))
    fold_problems = [
        summed_newton.FitProblem(s, int(counted.rows[s]), c, start.weights, start.curvature)
        for s in range(1, len(counted.rows))
        for c, start in zip(strengths, pooled, strict=True)
    ]
    finished = len(candidates)
    summed_newton.solve(kind, partitions, draws, terms, fold_problems, lambda done: progress(finished + done, total))

    weights = np.array([problem.weights for problem in fold_problems]).reshape(
        -1, len(candidates), len(terms[0].centre) + 1
    )
    scored = tables.total(partitions.map(partial(_losses, kind, draws, terms[1:], weights)))
    scores = -(scored / counted.rows_of_fold.reshape(-1, 1)).T
    converged = [
        all(problem.converged for problem in [pooled[number], *fold_problems[number :: len(candidates)]])
        for number in range(len(candidates))
    ]
    passes = [
        [problem.passes for problem in fold_problems[number :: len(candidates)]] for number in range(len(candidates))
    ]
    ranked = search_module.ranked(candidates, scores, converged, passes)
    best = next(number for number, candidate in enumerate(ranked) if candidate.rank == 1)
    winner = dict(ranked[best].params)
    if definition.temperature is not None:
        losses = partitions.map(partial(_tempered, kind, draws, terms[1:], weights[:, best]))
        temperature = float(tempering.TEMPERATURES[int(np.argmin(tables.total(losses)))])
        winner[definition.temperature] = temperature
    temperature = float(cast("float", winner.get("logistic__temperature", 1.0)))
    return Searched(
        recipe=recipe,
        grid=grid,
        folds=folds,
        repeats=repeats,
        seed=seed,
        candidates=ranked,
        winner=winner,
        score=ranked[best].mean_score,
        terms=terms[0],
        weights=pooled[best].weights * temperature,
        rows=int(counted.rows[0]),
        passes=pooled[best].passes,
        sets=len(terms),
    )


def require_classes(counted: Counted, folds: int) -> None:
    """Raise WdbcError unless each fold can hold, and holds, patients of both classes."""
    rows, malignant = int(counted.rows[0]), int(counted.malignant[0])
    preconditions.require_counts(malignant, rows - malignant, of_each=folds)
    if not (counted.malignant_of_fold.all() and (counted.rows_of_fold - counted.malignant_of_fold).all()):
        raise WdbcError(
            f"By the hash of the measurements, one of {folds} folds holds patients of one class only.",
            where="diagnoses",
            hint="Choose fewer folds, another seed, or more patients.",
        )


def pooled_fits(
    kind: Kind,
    partitions: Partitions[Patients],
    draws: Draws,
    counted: Counted,
    terms: Sequence[Terms],
    strengths: Sequence[float],
    on_fit: Callable[[int], None],
) -> list[summed_newton.FitProblem]:
    """Fit each candidate on all training rows: one in the middle, then the others from there, in the same passes."""
    rows, middle = int(counted.rows[0]), len(strengths) // 2
    start = np.zeros(len(terms[0].centre) + 1)
    first = summed_newton.FitProblem(0, rows, strengths[middle], start, None)
    summed_newton.solve(kind, partitions, draws, terms, [first], on_fit)
    problems = [
        first if number == middle else summed_newton.FitProblem(0, rows, c, first.weights, first.curvature)
        for number, c in enumerate(strengths)
    ]
    summed_newton.solve(kind, partitions, draws, terms, problems, on_fit)
    return problems


def _losses(kind: Kind, draws: Draws, terms: Sequence[Terms], weights: Array, patients: Patients) -> Array:
    """Return the sum of the losses of the rows of each fold, by candidate, shape (folds of all seeds, candidates)."""
    sums = np.zeros(weights.shape[:2])
    for s, y, log_odds in _scored(kind, draws, terms, weights, patients):
        wrong = np.where(y[:, None] == 1, -log_odds, log_odds)
        # Clipped as in `scores`: no loss exceeds that of a probability of the smallest difference to 0.
        sums[s] += np.clip(summed_newton.softplus(wrong), -np.log1p(-_EPS), -np.log(_EPS)).sum(axis=0)
    return sums


def _tempered(kind: Kind, draws: Draws, terms: Sequence[Terms], weights: Array, patients: Patients) -> Array:
    """Return the sum of the losses of the out-of-fold log-odds of one candidate for each temperature."""
    sums = np.zeros(len(tempering.TEMPERATURES))
    for _, y, log_odds in _scored(kind, draws, terms, weights[:, None], patients):
        wrong = np.where(y == 1, -log_odds[:, 0], log_odds[:, 0])
        sums += summed_newton.softplus(np.multiply.outer(tempering.TEMPERATURES, wrong)).sum(axis=1)
    return sums


def _scored(
    kind: Kind, draws: Draws, terms: Sequence[Terms], weights: Array, patients: Patients
) -> Iterator[tuple[int, NDArray[np.int8], Array]]:
    """Yield the number of a fold, and diagnoses and log-odds of some of its rows by models that never saw them."""
    training, fold_of = draws.training(patients)
    for block in summed_terms.blocks(kind, training.X):
        for s, fold_terms in enumerate(terms):
            kept = fold_of[s // draws.folds, block.rows] == s % draws.folds
            yield s, training.y[block.rows][kept], block.design(fold_terms, kept) @ weights[s].T


def _pipeline(searched: Searched) -> Any:
    """Return the recipe's pipeline with what scikit-learn would have learned."""
    unfitted, terms = recipes.named(searched.recipe).build(searched.seed), searched.terms
    pipeline = unfitted.set_params(**searched.winner)
    steps = dict(pipeline.steps)
    names = np.array(contract.FEATURES, dtype=object)
    first = pipeline.steps[0][1]
    first.n_features_in_, first.feature_names_in_ = len(names), names
    if "terms" in steps:
        steps["terms"].offsets_, steps["terms"].least_, steps["terms"].knots_ = terms.offsets, terms.least, terms.knots
    scale = steps["scale"]
    scale.mean_, scale.scale_, scale.var_ = terms.centre, terms.scale, terms.scale**2
    scale.n_features_in_, scale.n_samples_seen_ = len(terms.centre), np.int64(searched.rows)
    model = steps["logistic"]
    model.classes_, model.n_features_in_ = np.array([0, 1]), len(terms.centre)
    model.coef_, model.intercept_ = searched.weights[None, :-1], searched.weights[-1:]
    model.n_iter_ = np.array([searched.passes], dtype=np.int32)
    return pipeline
