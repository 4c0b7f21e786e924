"""Importance: what the model loses without a cluster of measurements.

Measurements of the same property correlate, so they are taken together, all three statistics of each: a single permuted
column would be replaced by another. Both measures are increases in log-loss on the folds of the quick protocol, on
patients whom the model was not fitted on, with the parameters of the fitted pipeline:

- permuted: the values of a cluster are permuted between the patients of a fold. This is what the model relies on.
- without: the model is fitted without the cluster. This is what the others cannot replace.

Permutation importance: L. Breiman (2001), Mach. Learn. 45:5-32; for any model, and without: A. Fisher, C. Rudin, F.
Dominici (2019), J. Mach. Learn. Res. 20(177).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import contract, membership, preconditions
from wdbc_assets.domain.evaluation import contributions, cross_validation, ranking, unit_errors
from wdbc_assets.domain.evaluation.results import Difference
from wdbc_assets.domain.modeling import prediction, recipes, search

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.modeling import fitting

PROTOCOL = "quick"
CLUSTERS: Mapping[str, tuple[str, ...]] = {
    "size": ("radius", "perimeter", "area"),
    "shape": ("compactness", "concavity", "concave_points"),
    "texture": ("texture",),
    "smoothness": ("smoothness",),
    "symmetry": ("symmetry",),
    "fractal_dimension": ("fractal_dimension",),
}
"""The measurements by what they are about. Those of a cluster correlate in these data, and would in any other."""


@dataclass(frozen=True, kw_only=True)
class ImportanceTask:
    """What is scored with permuted clusters and without them: a recipe with fixed parameters, on a clean frame."""

    frame: pd.DataFrame
    recipe: str
    winner: dict[str, recipes.Parameter]
    search_seed: int
    permutations: int
    seed: int
    method: membership.Method = "shuffled"


@dataclass(frozen=True, kw_only=True)
class FoldLosses:
    """The log-loss on one fold: of the model, and of each cluster permuted (mean of the permutations) or left out."""

    repeat: int
    fold: int
    log_loss: float
    permuted: dict[str, float]
    without: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A cluster, and the increase in log-loss if its columns are permuted together, and if it is left out.

    The intervals are those of Nadeau and Bengio, over the folds.
    """

    cluster: str
    measurements: tuple[str, ...]
    columns: tuple[str, ...]
    permuted: Difference
    without: Difference


@dataclass(frozen=True, kw_only=True)
class Importance:
    """The importance of the measurements for the recipe and the parameters of a fitted pipeline.

    `groups` are in descending order of the increase if permuted. `permutations` is the number in each fold. `folds` has
    the losses that the groups summarize. `linear` belongs to the fitted pipeline itself, and is None for a nonlinear
    recipe.
    """

    recipe: str
    winner: dict[str, recipes.Parameter]
    score: str
    patients: int
    permutations: int
    seed: int
    groups: tuple[Group, ...]
    linear: contributions.LinearTerms | None
    folds: tuple[FoldLosses, ...]


def columns_of(cluster: str) -> list[str]:
    """Return the columns of a cluster, in the order of the contract."""
    return [
        column
        for measurement in contract.MEASUREMENTS
        if measurement.name in CLUSTERS[cluster]
        for column in map(measurement.column, contract.STATISTICS)
    ]


def task_of(
    frame: pd.DataFrame, fit: fitting.Fit, *, permutations: int = defaults.PERMUTATIONS, seed: int = defaults.SEED
) -> ImportanceTask:
    """Return the task of a fit.

    Raises:
        WdbcError: a setting is out of range, or the frame has too few patients.
    """
    require_settings(permutations=permutations, seed=seed)
    cross_validation.measurements(frame)
    if fit.split_method == "hash":  # so that what is permuted does not depend on the order of the rows
        frame = frame.iloc[membership.order(membership.digests(frame))].reset_index(drop=True)
    return ImportanceTask(
        frame=frame,
        recipe=fit.recipe,
        winner=dict(fit.winner),
        search_seed=fit.seed,
        permutations=permutations,
        seed=seed,
        method=fit.split_method,
    )


def require_settings(*, permutations: int, seed: int) -> None:
    """Raise WdbcError if a setting is out of range."""
    fits = permutations >= 1
    preconditions.require_setting("permutations", permutations, fits=fits, allowed="1 or more; 10 is usual")
    preconditions.require_seed(seed)


def units(task: ImportanceTask) -> list[cross_validation.FoldUnit]:
    """Return the folds on which the recipe of a task is scored."""
    return cross_validation.units([task.recipe], PROTOCOL, task.method)


def score_fold(task: ImportanceTask, unit: cross_validation.FoldUnit) -> FoldLosses:
    """Score one fold. Linear algebra runs on one thread, so that the result is reproducible.

    Raises:
        WdbcError: a model cannot be fitted; the error names recipe, repeat and fold.
    """
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(limits=1):
            return _score_fold(task, unit)
    except Exception as cause:  # a recipe is arbitrary code, and the other folds must still run
        raise unit_errors.failure(str(unit), cause) from cause


def _score_fold(task: ImportanceTask, unit: cross_validation.FoldUnit) -> FoldLosses:
    import numpy as np

    X, y = cross_validation.measurements(task.frame)
    fit_on, scored = cross_validation.fold_rows(task.frame, unit)
    X_fit, y_fit, X_scored = X.iloc[fit_on], y.iloc[fit_on], X.iloc[scored]
    truth = np.asarray(y.iloc[scored], dtype=np.int64)

    def fitted(columns: list[str]) -> Pipeline:
        unfitted = recipes.named(task.recipe).build(task.search_seed)
        return search.refit(unfitted, task.winner, X_fit[columns], y_fit)[0]

    pipeline = fitted(list(X.columns))
    permuted, without = {}, {}
    generators = np.random.default_rng([task.seed, unit.repeat, unit.fold]).spawn(len(CLUSTERS))
    for cluster, generator in zip(CLUSTERS, generators, strict=True):
        columns = columns_of(cluster)
        permuted[cluster] = _permuted_loss(pipeline, X_scored, truth, columns, generator, task.permutations)
        others = [column for column in X.columns if column not in columns]
        without[cluster] = _log_loss(truth, prediction.predict(fitted(others), X_scored[others]))
    return FoldLosses(
        repeat=unit.repeat,
        fold=unit.fold,
        log_loss=_log_loss(truth, prediction.predict(pipeline, X_scored)),
        permuted=permuted,
        without=without,
    )


def _permuted_loss(
    pipeline: Pipeline,
    X: pd.DataFrame,
    y: NDArray[np.int64],
    columns: list[str],
    generator: np.random.Generator,
    permutations: int,
) -> float:
    import numpy as np

    order = np.concatenate([generator.permutation(len(X)) for _ in range(permutations)])
    permuted = X.iloc[np.tile(np.arange(len(X)), permutations)].reset_index(drop=True)
    permuted[columns] = X[columns].to_numpy()[order]
    return _log_loss(np.tile(y, permutations), prediction.predict(pipeline, permuted))


def _log_loss(y: NDArray[np.int64], p: NDArray[np.float64]) -> float:
    return float(ranking.losses(y, p)["log_loss"].mean())


def assemble(
    task: ImportanceTask,
    fit: fitting.Fit,
    split: splitting.Split,
    outcomes: Mapping[cross_validation.FoldUnit, FoldLosses],
) -> Importance:
    """Combine the losses of all folds, and describe the fitted pipeline if it is linear."""
    losses = tuple(outcomes[unit] for unit in sorted(outcomes))
    terms = contributions.describe(fit.pipeline, split)
    return summarize(losses, fit, terms, patients=len(task.frame), permutations=task.permutations, seed=task.seed)


def summarize(
    losses: tuple[FoldLosses, ...],
    fit: fitting.Fit,
    linear: contributions.LinearTerms | None,
    *,
    patients: int,
    permutations: int,
    seed: int,
) -> Importance:
    """Summarize the losses of all folds, which are in their order, with the terms of the fitted pipeline."""
    groups = (_group(cluster, losses) for cluster in CLUSTERS)
    return Importance(
        recipe=fit.recipe,
        winner=dict(fit.winner),
        score="log_loss",
        patients=patients,
        permutations=permutations,
        seed=seed,
        groups=tuple(sorted(groups, key=lambda group: -(group.permuted.mean or 0.0))),
        linear=linear,
        folds=losses,
    )


def _group(cluster: str, losses: tuple[FoldLosses, ...]) -> Group:
    import numpy as np

    from wdbc_assets.domain.evaluation.comparison import corrected_interval

    def difference(kind: str) -> Difference:
        increases = np.array([getattr(fold, kind)[cluster] - fold.log_loss for fold in losses])
        mean, low, high = corrected_interval(increases, folds=cross_validation.OUTER_FOLDS)
        return Difference(mean=mean, low=low, high=high)

    return Group(
        cluster=cluster,
        measurements=CLUSTERS[cluster],
        columns=tuple(columns_of(cluster)),
        permuted=difference("permuted"),
        without=difference("without"),
    )
