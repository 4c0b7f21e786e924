"""Contributions: what each measurement adds to the log-odds of a linear recipe.

They are exact: the log-odds are an intercept plus one term per measurement. This holds with principal components,
which are linear, and with Yeo-Johnson and splines, which transform each column separately; the term then belongs to the
transformed measurement, and a spline's is the sum of its two terms. A support vector machine or a stack has no such
terms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from wdbc_assets.domain.modeling import linear

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.data import splitting

LEVELS = tuple(number / 40 for number in range(1, 40))
"""The quantiles of the training set that are stored with a model: .025 to .975. Extremes would be values of single
patients."""


@dataclass(frozen=True)
class Typical:
    """The contributions of two hypothetical patients: the mean benign and the mean malignant one, by column."""

    benign: dict[str, float]
    malignant: dict[str, float]


@dataclass(frozen=True)
class Curve:
    """What the values of a column add to the log-odds: quantiles of the training set, and the contribution of each."""

    quantiles: tuple[float, ...]
    contributions: tuple[float, ...]


@dataclass(frozen=True)
class LinearTerms:
    """A linear recipe: intercept, coefficients per standard deviation, and contributions of typical patients.

    Of a spline, `coefficients` are those of the logarithms and `curvatures` those of the cubic terms; any other recipe
    has no `curvatures`. `curves` has the contribution of each column at the quantiles `LEVELS`.
    """

    intercept: float
    coefficients: dict[str, float]
    curvatures: dict[str, float] | None = field(default=None, metadata={"omitted": True}, kw_only=True)
    typical: Typical
    curves: dict[str, Curve]

    @property
    def parameters(self) -> int:
        """The number of coefficients besides the intercept."""
        return len(self.coefficients) + len(self.curvatures or ())


def describe(pipeline: Pipeline, split: splitting.Split) -> LinearTerms | None:
    """Return the terms of a pipeline fitted on a split in memory. See `describe_sets`."""
    means = split.X_train.groupby(split.y_train.to_numpy()).mean()  # benign, then malignant
    sets = [split.X_train, split.X_test]
    return describe_sets(pipeline, sets, means=means, quantiles=split.X_train.quantile(list(LEVELS)))


def describe_sets(
    pipeline: Pipeline, tables: Iterable[pd.DataFrame], *, means: pd.DataFrame, quantiles: pd.DataFrame
) -> LinearTerms | None:
    """Return the terms of a fitted pipeline, or None if it is no such sum. Linear algebra runs on one thread.

    Args:
        pipeline: The fitted pipeline.
        tables: The measurements of all patients.
        means: The mean benign patient of the training set, and the mean malignant one.
        quantiles: The quantiles `LEVELS` of the training set.

    Raises:
        WdbcError: the sum does not give the probabilities of the pipeline for all patients.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return _terms(pipeline, tables, means, quantiles)


def _terms(
    pipeline: Pipeline, tables: Iterable[pd.DataFrame], means: pd.DataFrame, quantiles: pd.DataFrame
) -> LinearTerms | None:
    model = linear.linear(pipeline)
    if model is None:
        return None
    for X in chain(tables, [means]):  # check exactness on all patients
        linear.require_same(pipeline, model, X)
    benign, malignant = model.contributions(means).to_numpy().tolist()
    coefficients, *others = (
        dict(zip(model.columns, row, strict=True))
        for row in model.coefficients.reshape(-1, len(model.columns)).tolist()
    )
    contributions = model.contributions(quantiles)
    return LinearTerms(
        intercept=model.intercept,
        coefficients=coefficients,
        curvatures=next(iter(others), None),
        typical=Typical(
            benign=dict(zip(model.columns, benign, strict=True)),
            malignant=dict(zip(model.columns, malignant, strict=True)),
        ),
        curves={
            column: Curve(tuple(quantiles[column].tolist()), tuple(contributions[column].tolist()))
            for column in model.columns
        },
    )
