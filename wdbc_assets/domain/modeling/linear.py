"""Pipelines that are linear in standardized measurements, or in two terms of each, written as one sum.

This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import prediction

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

TOLERANCE = 1e-9  # of a sum of contributions, in log-odds, and of the probability that it gives


@dataclass(frozen=True)
class Linear:
    """A linear pipeline as one sum: log-odds = intercept + coefficients x standardised terms.

    `standardise` has the pipeline's first steps, which transform each column separately, to one term (standardization,
    Yeo-Johnson) or to two (its logarithm and a spline term). `coefficients` has one value per term, per standard
    deviation of the term: first those of one term of each column, in the order of the columns, then those of the other.
    """

    standardise: Pipeline
    columns: tuple[str, ...]
    coefficients: NDArray[np.float64]
    intercept: float

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the contribution of each measurement to the log-odds of each row, in the shape of X."""
        import pandas as pd

        terms = self.standardise.transform(X) * self.coefficients
        by_column = terms.reshape(len(X), -1, len(self.columns)).sum(axis=1)
        return pd.DataFrame(by_column, index=X.index, columns=list(self.columns))


def linear(pipeline: Pipeline) -> Linear | None:
    """Write a fitted pipeline as one sum over the measurements; return None if it is no such sum.

    Such a pipeline has steps that transform each column separately (a spline of the logarithm, standardization,
    Yeo-Johnson), then affine maps (principal components), then a logistic regression.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PowerTransformer, StandardScaler

    from wdbc_assets.domain.modeling.log_terms import LogSpline
    from wdbc_assets.domain.modeling.tempering import TemperedLogisticRegression

    *transformers, model = (step for _, step in pipeline.steps)
    kinds = [type(step) for step in transformers]
    columns = tuple(str(name) for name in pipeline.feature_names_in_)
    if kinds == [LogSpline, StandardScaler] and type(model) is TemperedLogisticRegression:
        return Linear(pipeline[:2], columns, model.coef_[0], float(model.intercept_[0]))
    by_column = next((n for n, kind in enumerate(kinds) if kind not in (PowerTransformer, StandardScaler)), len(kinds))
    if type(model) is not LogisticRegression or not by_column or any(kind is not PCA for kind in kinds[by_column:]):
        return None
    # The images of the zero vector and of the unit vectors define an affine map.
    probes = np.vstack([np.zeros(len(columns)), np.eye(len(columns))])
    for step in transformers[by_column:]:
        probes = step.transform(probes)
    answers = probes @ model.coef_[0] + float(np.ravel(model.intercept_)[0])
    return Linear(pipeline[:by_column], columns, answers[1:] - answers[0], float(answers[0]))


def require_same(pipeline: Pipeline, model: Linear, X: pd.DataFrame) -> None:
    """Raise WdbcError unless the sums equal the pipeline's log-odds and give its probabilities.

    The log-odds are taken from `decision_function`, not from the logarithm of the probabilities: near 1 a probability
    does not have nine digits of its odds.
    """
    from scipy.special import expit

    p = prediction.predict(pipeline, X)
    sums = model.intercept + model.contributions(X).to_numpy().sum(axis=1)
    log_odds = pipeline.decision_function(X)
    difference = max(float(np.abs(sums - log_odds).max()), float(np.abs(expit(sums) - p).max()), 0.0)
    if math.isnan(difference) or difference > TOLERANCE:
        raise WdbcError(
            f"The contributions of the measurements do not add up to the log-odds: they differ by {difference:.2g}.",
            where="the explanation of a linear recipe",
            hint="This is a bug: report it with the recipe and the version of scikit-learn.",
        )
