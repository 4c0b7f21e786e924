"""Grid search by cross-validation: the same result as GridSearchCV at a small part of the cost.

GridSearchCV fits the whole pipeline once per candidate and fold. Here each preprocessing step is fitted once per fold
and distinct setting of it and of the steps before it; only the last step is fitted for every candidate, and a ridge
logistic regression by `newton`. This module does not depend on any particular recipe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import membership
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import fit_problems, recipes
from wdbc_assets.domain.modeling import scores as score_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.modeling import newton


SEEDS = 2**32
"""numpy and scikit-learn take smaller seeds."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The result of one candidate.

    `fold_scores` has one score per fold of each repeat, in the units of `scoring` (higher is better). `mean_score` and
    `std_score` are their mean and population standard deviation, as in GridSearchCV. `rank` is 1 for the winner;
    candidates that did not converge on every fold come last. `n_iter` is the maximum number of iterations over the
    folds, or None if the estimator does not count them.
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
    """The result of a search: all candidates in order, the number of fits, and each warning with its count.

    `out_of_fold` has the positions of the scored rows in the order of the folds, and the log-odds of the winner for
    them by models that were not fitted on them, both of shape (n_rows * repeats,); None if they were not asked for.
    """

    candidates: tuple[Candidate, ...]
    transformer_fits: int
    estimator_fits: int
    warnings: tuple[str, ...]
    out_of_fold: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)

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
    repeats: int = 1,
    shuffle_seed: int | None = None,
    method: membership.Method = "shuffled",
    with_log_odds: bool = False,
    on_fit: Callable[[int], None],
) -> Search:
    """Score every candidate on every fold. No candidate is dropped.

    The folds are those of `drawn`. The winner has the best mean score over all folds of all repeats among the
    candidates that converged on every fold; on equal scores the first candidate wins. `on_fit` is called after each
    fit with the number of fits so far, up to `len(candidates) * folds * repeats`. With `with_log_odds`, the result has
    the out-of-fold log-odds of the winner.

    Raises:
        WdbcError: a candidate cannot be fitted (the error names it and the fold), a score is not a number, or no
            candidate converged.
    """
    import numpy as np
    from sklearn.base import clone

    score_of = score_functions.scorer(scoring)
    unfitted = [_set(clone(pipeline), parameters) for parameters in candidates]
    log_odds: list[list[np.ndarray]] = [[] for _ in candidates]
    scored = []
    diagnoses = y.to_numpy()
    scores = np.empty((len(candidates), folds * repeats))
    n_iter: list[list[int]] = [[] for _ in candidates]
    converged = [True] * len(candidates)
    caught = fit_problems.CaughtWarnings()
    transformer_fits = done = 0

    folds_of_all = drawn(X, diagnoses, folds=folds, repeats=repeats, shuffle_seed=shuffle_seed, method=method)
    for fold, (train, valid) in enumerate(folds_of_all):
        y_train, y_valid = diagnoses[train], diagnoses[valid]
        preprocessing = _Preprocessing(X.iloc[train], y_train, X.iloc[valid])
        estimators = _Estimators()
        scored.append(valid)
        for index, parameters in enumerate(candidates):
            *transformers, (_, estimator) = unfitted[index].steps
            with fit_problems.naming(parameters, f"fold {fold + 1} of {folds * repeats}"), caught.during():
                X_train, X_valid = preprocessing.apply(transformers)
                fitted = estimators.fit(estimator, X_train, y_train)
                score = score_of(fitted, X_valid, y_valid)
                if not np.isfinite(score):
                    raise ValueError(f"its {scoring} is {score}")
                if with_log_odds:
                    log_odds[index].append(fitted.decision_function(X_valid))
            scores[index, fold] = score
            converged[index] &= not caught.not_converged
            n_iter[index] += [int(n) for n in np.ravel(getattr(fitted, "n_iter_", []))]
            done += 1
            on_fit(done)
        transformer_fits += preprocessing.fits

    ranking = ranked(candidates, scores, converged, n_iter)
    best = min(range(len(ranking)), key=lambda index: ranking[index].rank)
    return Search(
        candidates=ranking,
        transformer_fits=transformer_fits,
        estimator_fits=done,
        warnings=caught.summary(),
        out_of_fold=(np.concatenate(scored), np.concatenate(log_odds[best])) if with_log_odds else None,
    )


def splits(
    y: np.ndarray, *, folds: int, repeats: int, shuffle_seed: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the positions of the rows to fit on and to score, for each fold of each repeat.

    The folds of repeat r are stratified and shuffled by the seed `shuffle_seed + r`. Without a seed there is one
    repeat, which is not shuffled, as in GridSearchCV. scikit-learn's RepeatedStratifiedKFold draws other folds, because
    it shuffles all repeats by one generator; here the first repeat does not depend on the number of repeats.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    rows = np.zeros(len(y))
    if shuffle_seed is None:
        yield from StratifiedKFold(folds).split(rows, y)
        return
    for repeat in range(repeats):
        seed = (shuffle_seed + repeat) % SEEDS
        yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, y)


def drawn(
    X: pd.DataFrame,
    y: np.ndarray,
    *,
    folds: int,
    repeats: int,
    shuffle_seed: int | None,
    method: membership.Method,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the positions of the rows to fit on and to score, for each fold of each repeat: see `splits`.

    By hash the seeds are the same ones, and 0 for the folds that are not shuffled.

    Raises:
        WdbcError: a fold by hash has no patient of a class.
    """
    import numpy as np

    if method == "shuffled":
        yield from splits(y, folds=folds, repeats=repeats, shuffle_seed=shuffle_seed)
        return
    seed = shuffle_seed or 0
    digests = membership.digests(X)
    for repeat in range(repeats):
        fold_of = membership.fold_of(digests, folds=folds, seed=(seed + repeat) % SEEDS)
        membership.require_both_classes(fold_of, y, folds=folds)
        for fold in range(folds):
            yield np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)


def refit(
    unfitted: Pipeline, parameters: recipes.Parameters, X: pd.DataFrame, y: pd.Series
) -> tuple[Pipeline, tuple[str, ...]]:
    """Fit the winner on all rows; return the fitted pipeline and each warning with its count.

    Raises:
        WdbcError: the winner cannot be fitted or does not converge.
    """
    from sklearn.base import clone

    place = "the final fit on all training rows"
    caught = fit_problems.CaughtWarnings()
    with fit_problems.naming(parameters, place), caught.during():
        pipeline = clone(unfitted).set_params(**parameters).fit(X, y)
    if caught.not_converged:
        raise WdbcError(
            "The winner converged on every fold but not on all training rows.",
            where=f"{place}, {recipes.label(parameters)}",
            hint="Increase max_iter in the recipe.",
        )
    return pipeline, caught.summary()


def _set(pipeline: Pipeline, parameters: recipes.Parameters) -> Pipeline:
    with fit_problems.naming(parameters, "setting the parameters of the pipeline"):
        return pipeline.set_params(**parameters)


def ranked(
    candidates: Sequence[recipes.Parameters],
    scores: np.ndarray,
    converged: Sequence[bool],
    n_iter: Sequence[Sequence[int]],
) -> tuple[Candidate, ...]:
    """Return the candidates with their ranks, given the scores, shape (candidates, folds of all repeats).

    Raises:
        WdbcError: none converged.
    """
    if not any(converged):
        raise WdbcError(
            f"None of the {len(candidates)} candidates converged, so no model can be selected.",
            where="the grid of the recipe",
            hint="Increase max_iter, or choose a recipe that scales its measurements.",
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
    """The transformed rows of one fold. A step is refitted only if it or an earlier step has other parameters."""

    def __init__(self, X_train: pd.DataFrame, y_train: pd.Series, X_valid: pd.DataFrame) -> None:
        self.fits = 0
        self._untransformed = (X_train, X_valid)
        self._y_train = y_train
        self._transformed: dict[tuple[str, ...], tuple[Any, Any]] = {}

    def apply(self, transformers: Sequence[tuple[str, Any]]) -> tuple[Any, Any]:
        """Fit the steps on the training rows in order; return the transformed training and validation rows."""
        rows: tuple[Any, Any] = self._untransformed
        key: tuple[str, ...] = ()
        for name, transformer in transformers:
            key += (f"{name}: {transformer.get_params()}",)
            if key not in self._transformed:
                X_train, X_valid = rows
                # Use fit_transform, as Pipeline.fit does: for PCA it differs from transform in the last bits.
                self._transformed[key] = (
                    transformer.fit_transform(X_train, self._y_train),
                    transformer.transform(X_valid),
                )
                self.fits += 1
            rows = self._transformed[key]
        return rows


class _Estimators:
    """Fits the last step of the pipelines of one fold; a ridge regression starts from the one before it."""

    def __init__(self) -> None:
        self._last: tuple[Any, newton.Ridge | None] = (None, None)  # with the transformed rows that it was fitted on

    def fit(self, estimator: Any, X: Any, y: np.ndarray) -> Any:
        """Return a fitted estimator."""
        import numpy as np
        from sklearn.base import clone

        from wdbc_assets.domain.modeling import newton

        if not newton.applies_to(estimator):
            return clone(estimator).fit(X, y)
        rows, last = self._last
        fitted = newton.fit(estimator, np.asarray(X, dtype=np.float64), y, last if rows is X else None)
        self._last = (X, fitted)
        return fitted
