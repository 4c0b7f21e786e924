"""Importance: permutation importance of measurements, and contributions to a patient's log-odds.

Permutation importance permutes the three columns of a measurement together, because a single permuted column would be
replaced by a correlated one. Radius, perimeter and area still correlate above .98 with each other, so each of them
looks less important than the size that all three measure.

Contributions are exact for a linear recipe: its log-odds are an intercept plus one term per measurement. This holds
with principal components, which are linear, and with Yeo-Johnson and splines, which transform each column separately;
the term then belongs to the transformed measurement, and a spline's is the sum of its two terms. A support vector
machine or a stack has no such terms. pandas, numpy and scikit-learn are imported inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract, preconditions
from wdbc_assets.domain.evaluation import ranking
from wdbc_assets.domain.modeling import linear, prediction, recipes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.modeling import fitting

FEWEST_REPEATS = 2  # for a standard deviation


@dataclass(frozen=True, kw_only=True)
class Group:
    """The increase in log-loss on the test set if a measurement's three columns are permuted together."""

    measurement: str
    columns: tuple[str, ...]
    mean: float
    sd: float


@dataclass(frozen=True)
class Typical:
    """The contributions of two hypothetical patients: the mean benign and the mean malignant one, by column."""

    benign: dict[str, float]
    malignant: dict[str, float]


@dataclass(frozen=True)
class LinearTerms:
    """A linear recipe: intercept, coefficients per standard deviation, and contributions of typical patients.

    Of a spline, `coefficients` are those of the logarithms and `curvatures` those of the cubic terms; any other recipe
    has no `curvatures`.
    """

    intercept: float
    coefficients: dict[str, float]
    curvatures: dict[str, float] | None = field(default=None, metadata={"omitted": True}, kw_only=True)
    typical: Typical


@dataclass(frozen=True, kw_only=True)
class Importance:
    """The importance of the measurements for a fitted pipeline.

    `groups` are in descending order of the mean, which is that over the repeats. `linear` is None for a nonlinear
    recipe.
    """

    recipe: str
    winner: dict[str, recipes.Parameter]
    score: str
    repeats: int
    seed: int
    rows: int
    groups: tuple[Group, ...]
    linear: LinearTerms | None


def importance(split: splitting.Split, fit: fitting.Fit, *, repeats: int = 30, seed: int = 42) -> Importance:
    """Return the importance of the measurements for a fitted pipeline.

    Permutation importance: L. Breiman (2001), Mach. Learn. 45:5-32; for any model A. Fisher, C. Rudin, F. Dominici
    (2019), J. Mach. Learn. Res. 20(177).

    Raises:
        WdbcError: a setting is out of range.
    """
    from threadpoolctl import threadpool_limits

    preconditions.require_setting("repeats", repeats, fits=repeats >= FEWEST_REPEATS, allowed="2 or more; 30 is usual")
    preconditions.require_seed(seed)
    with threadpool_limits(limits=1):
        groups = _permuted(split, fit.pipeline, repeats=repeats, seed=seed)
        model = linear.linear(fit.pipeline)
        terms = None if model is None else _described(model, split, fit.pipeline)
    return Importance(
        recipe=fit.recipe,
        winner=dict(fit.winner),
        score="log_loss",
        repeats=repeats,
        seed=seed,
        rows=len(split.y_test),
        groups=tuple(sorted(groups, key=lambda group: -group.mean)),
        linear=terms,
    )


def _permuted(split: splitting.Split, pipeline: Pipeline, *, repeats: int, seed: int) -> list[Group]:
    import numpy as np

    X, y = split.X_test, np.asarray(split.y_test, dtype=np.int64)
    before = _log_loss(y, prediction.predict(pipeline, X))
    generators = np.random.default_rng(seed).spawn(len(contract.MEASUREMENTS))
    groups = []
    for measurement, generator in zip(contract.MEASUREMENTS, generators, strict=True):
        columns = [measurement.column(statistic) for statistic in contract.STATISTICS]
        order = np.concatenate([generator.permutation(len(X)) for _ in range(repeats)])
        permuted = X.iloc[np.tile(np.arange(len(X)), repeats)].reset_index(drop=True)
        permuted[columns] = X[columns].to_numpy()[order]
        probabilities = prediction.predict(pipeline, permuted).reshape(repeats, len(X))
        increase = np.array([_log_loss(y, p) - before for p in probabilities])
        groups.append(
            Group(
                measurement=measurement.name,
                columns=tuple(columns),
                mean=float(increase.mean()),
                sd=float(increase.std(ddof=1)),
            )
        )
    return groups


def _log_loss(y: NDArray[np.int64], p: NDArray[np.float64]) -> float:
    return float(ranking.losses(y, p)["log_loss"].mean())


def _described(model: linear.Linear, split: splitting.Split, pipeline: Pipeline) -> LinearTerms:
    means = split.X_train.groupby(split.y_train.to_numpy()).mean()  # benign, then malignant
    for X in (split.X_train, split.X_test, means):  # check exactness on all patients
        linear.require_same(pipeline, model, X)
    benign, malignant = model.contributions(means).to_numpy().tolist()
    coefficients, *others = (
        dict(zip(model.columns, row, strict=True))
        for row in model.coefficients.reshape(-1, len(model.columns)).tolist()
    )
    return LinearTerms(
        intercept=model.intercept,
        coefficients=coefficients,
        curvatures=next(iter(others), None),
        typical=Typical(
            benign=dict(zip(model.columns, benign, strict=True)),
            malignant=dict(zip(model.columns, malignant, strict=True)),
        ),
    )
