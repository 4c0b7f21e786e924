"""Grid search by cross-validation, fold by fold: what GridSearchCV computes, at a thirtieth of its cost.

GridSearchCV fits the whole pipeline once per candidate and fold. Here each preprocessing step is fitted once per fold
and distinct setting of it and of the steps before it, and only the last step once per candidate; the arithmetic of
each fit is the same, and so are the scores. Nothing in this module knows a recipe.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.modeling import scores as score_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import pandas as pd
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """How one setting of the parameters did.

    `fold_scores` has one score per fold, in the units of `scoring` (more is better), `mean_score` and `std_score` their
    mean and standard deviation (of the population, as in GridSearchCV). `rank` is 1 for the winner; those that did
    not converge on some fold come last. `n_iter` is the most iterations that a fold took, None if they are not counted.
    """

    params: dict[str, recipes.Parameter]
    mean_score: float
    std_score: float
    fold_scores: tuple[float, ...]
    rank: int
    converged: bool
    n_iter: int | None


@dataclass(frozen=True, kw_only=True)
class Search:
    """The outcome: every candidate in the order given, how many fits it took, and each warning with its count."""

    candidates: tuple[Candidate, ...]
    transformer_fits: int
    estimator_fits: int
    warnings: tuple[str, ...]

    @property
    def winner(self) -> Candidate:
        """The candidate of rank 1; there is always one."""
        return next(candidate for candidate in self.candidates if candidate.rank == 1)


def search(
    pipeline: Pipeline,
    candidates: Sequence[recipes.Parameters],
    X: pd.DataFrame,
    y: pd.Series,
    *,
    scoring: str,
    folds: int,
    shuffle_seed: int | None = None,
    on_fit: Callable[[int], None],
) -> Search:
    """Score every candidate on every fold.

    The folds are `StratifiedKFold(folds)`, not shuffled unless a `shuffle_seed` is given: GridSearchCV's own, and the
    reference Airflow project's. The winner has the best mean score among those that converged on every fold; on equal
    scores the first candidate wins. `on_fit` is called after each fit with the number of fits done, in the end
    `len(candidates) * folds`.

    Raises WdbcError if a candidate cannot be fitted (naming it and the fold), if a score is not a number, or if no
    candidate converged. No candidate is ever dropped.
    """
    import numpy as np
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold

    score_of = score_functions.scorer(scoring)
    unfitted = [_set(clone(pipeline), parameters) for parameters in candidates]
    diagnoses = y.to_numpy()
    scores = np.empty((len(candidates), folds))
    n_iter: list[list[int]] = [[] for _ in candidates]
    converged = [True] * len(candidates)
    caught = CaughtWarnings()
    transformer_fits = done = 0

    parts = StratifiedKFold(folds, shuffle=shuffle_seed is not None, random_state=shuffle_seed)
    for fold, (train, valid) in enumerate(parts.split(X, diagnoses)):
        y_train, y_valid = diagnoses[train], diagnoses[valid]
        preprocessing = _Preprocessing(X.iloc[train], y_train, X.iloc[valid])
        for index, parameters in enumerate(candidates):
            *transformers, (_, estimator) = unfitted[index].steps
            with naming(parameters, f"fold {fold + 1} of {folds}"), caught.during():
                X_train, X_valid = preprocessing.apply(transformers)
                fitted = clone(estimator).fit(X_train, y_train)
                score = score_of(fitted, X_valid, y_valid)
                if not np.isfinite(score):
                    raise ValueError(f"its {scoring} is {score}")
            scores[index, fold] = score
            converged[index] &= not caught.not_converged
            n_iter[index] += [int(n) for n in np.ravel(getattr(fitted, "n_iter_", []))]
            done += 1
            on_fit(done)
        transformer_fits += preprocessing.fits

    return Search(
        candidates=_ranked(candidates, scores, converged, n_iter),
        transformer_fits=transformer_fits,
        estimator_fits=done,
        warnings=caught.summary(),
    )


def refit(
    unfitted: Pipeline, parameters: recipes.Parameters, X: pd.DataFrame, y: pd.Series
) -> tuple[Pipeline, tuple[str, ...]]:
    """Fit the winner on all rows; gives the fitted pipeline, and each warning with its count.

    Raises WdbcError if it cannot be fitted, or does not converge.
    """
    from sklearn.base import clone

    place = "the last fit, on all training rows"
    caught = CaughtWarnings()
    with naming(parameters, place), caught.during():
        pipeline = clone(unfitted).set_params(**parameters).fit(X, y)
    if caught.not_converged:
        raise WdbcError(
            "The winner converged on every fold but not on all training rows.",
            where=f"{place}, {recipes.label(parameters)}",
            hint="Allow more iterations (max_iter) in the recipe.",
        )
    return pipeline, caught.summary()


def _set(pipeline: Pipeline, parameters: recipes.Parameters) -> Pipeline:
    with naming(parameters, "setting the parameters of the pipeline"):
        return pipeline.set_params(**parameters)


def _ranked(
    candidates: Sequence[recipes.Parameters],
    scores: np.ndarray,
    converged: Sequence[bool],
    n_iter: Sequence[Sequence[int]],
) -> tuple[Candidate, ...]:
    if not any(converged):
        raise WdbcError(
            f"None of the {len(candidates)} candidates converged, so there is no model to choose.",
            where="the grid of the recipe",
            hint="Allow more iterations (max_iter), or choose a recipe that scales its measurements.",
        )
    means = scores.mean(axis=1)
    best_first = sorted(range(len(candidates)), key=lambda index: (not converged[index], -means[index], index))
    ranks = {index: rank for rank, index in enumerate(best_first, start=1)}
    return tuple(
        Candidate(
            params=dict(parameters),
            mean_score=float(means[index]),
            std_score=float(scores[index].std()),
            fold_scores=tuple(scores[index].tolist()),
            rank=ranks[index],
            converged=converged[index],
            n_iter=max(n_iter[index], default=None),
        )
        for index, parameters in enumerate(candidates)
    )


class _Preprocessing:
    """The transformed rows of one fold; a step is fitted again only when it or a step before it is set otherwise."""

    def __init__(self, X_train: pd.DataFrame, y_train: pd.Series, X_valid: pd.DataFrame) -> None:
        self.fits = 0
        self._untransformed = (X_train, X_valid)
        self._y_train = y_train
        self._transformed: dict[tuple[str, ...], tuple[Any, Any]] = {}

    def apply(self, transformers: Sequence[tuple[str, Any]]) -> tuple[Any, Any]:
        """Fit the unfitted steps on the training rows, in turn; gives the training and the validation rows."""
        rows: tuple[Any, Any] = self._untransformed
        key: tuple[str, ...] = ()
        for name, transformer in transformers:
            key += (f"{name}: {transformer.get_params()}",)
            if key not in self._transformed:
                X_train, X_valid = rows
                # Pipeline.fit takes fit_transform too: for PCA it differs from transform in the last bits.
                self._transformed[key] = (
                    transformer.fit_transform(X_train, self._y_train),
                    transformer.transform(X_valid),
                )
                self.fits += 1
            rows = self._transformed[key]
        return rows


class CaughtWarnings:
    """Counts warnings, so that they are shown with the model and can't scroll away unseen."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.not_converged = False

    @contextlib.contextmanager
    def during(self) -> Iterator[CaughtWarnings]:
        """Catch what is warned of in this block; afterwards `not_converged` says whether a fit hit its limit in it."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings(record=True) as messages:
            warnings.simplefilter("always")
            yield self
        self.not_converged = any(issubclass(message.category, ConvergenceWarning) for message in messages)
        self._counts.update(
            f"{message.category.__name__}: {str(message.message).partition(chr(10))[0]}" for message in messages
        )

    def summary(self) -> tuple[str, ...]:
        """Give each distinct warning as one line with its count, in alphabetical order."""
        return tuple(f"{text} ({count} times)" for text, count in sorted(self._counts.items()))


@contextlib.contextmanager
def naming(parameters: recipes.Parameters, place: str) -> Iterator[None]:
    """Turn what scikit-learn raises over a candidate into an error that names the candidate and the place."""
    try:
        yield
    except (ValueError, ArithmeticError) as cause:
        raise WdbcError(
            f"A candidate could not be fitted: {cause}",
            where=f"{place}, {recipes.label(parameters)}",
            hint="Correct the grid of the recipe: every candidate must be one that its pipeline can fit.",
        ) from cause
