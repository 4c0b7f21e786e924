"""A pipeline that is linear in its standardised measurements, written as one sum.

It imports numpy: import it where it is used.
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
    """A linear pipeline as one sum: log-odds = intercept + coefficients x standardised measurements.

    `standardise` are the pipeline's first steps, which treat each column by itself; `coefficients` are per standard
    deviation of what they give, one for each of `columns`.
    """

    standardise: Pipeline
    columns: tuple[str, ...]
    coefficients: NDArray[np.float64]
    intercept: float

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Give what each measurement of each row adds to the log-odds, in the form of X."""
        import pandas as pd

        terms = self.standardise.transform(X) * self.coefficients
        return pd.DataFrame(terms, index=X.index, columns=list(self.columns))


def linear(pipeline: Pipeline) -> Linear | None:
    """Write a fitted pipeline as one sum; None if it is not linear in its standardised measurements.

    Linear is a logistic regression after steps that treat each column by itself (standardisation, Yeo-Johnson), and
    then any that are affine maps (principal components).
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PowerTransformer, StandardScaler

    *transformers, model = (step for _, step in pipeline.steps)
    kinds = [type(step) for step in transformers]
    by_column = next((n for n, kind in enumerate(kinds) if kind not in (PowerTransformer, StandardScaler)), len(kinds))
    if type(model) is not LogisticRegression or not by_column or any(kind is not PCA for kind in kinds[by_column:]):
        return None
    columns = tuple(str(name) for name in pipeline.feature_names_in_)
    # What an affine map does to nothing, and to one of each, is all that there is to know of it.
    probes = np.vstack([np.zeros(len(columns)), np.eye(len(columns))])
    for step in transformers[by_column:]:
        probes = step.transform(probes)
    answers = probes @ model.coef_[0] + float(np.ravel(model.intercept_)[0])
    return Linear(pipeline[:by_column], columns, answers[1:] - answers[0], float(answers[0]))


def require_same(pipeline: Pipeline, found: Linear, X: pd.DataFrame) -> None:
    """Raise WdbcError unless the sums are the pipeline's log-odds, and give its probabilities.

    The log-odds are those of which `predict_proba` takes the logistic function, and not the logarithm of what it gives:
    near 1 a probability no longer holds nine digits of its odds.
    """
    from scipy.special import expit

    p = prediction.predict(pipeline, X)
    sums = found.intercept + found.contributions(X).to_numpy().sum(axis=1)
    apart = max(float(np.abs(sums - pipeline.decision_function(X)).max()), float(np.abs(expit(sums) - p).max()), 0.0)
    if math.isnan(apart) or apart > TOLERANCE:
        raise WdbcError(
            f"What the measurements contribute adds up to something else than the log-odds, by {apart:.2g}.",
            where="the explanation of a linear recipe",
            hint="This is a fault of the program: report it with the recipe and the version of scikit-learn.",
        )
