"""The simplest recipe: ridge logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.modeling.recipes import grid, recipe

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@recipe(
    scoring="neg_log_loss",
    full=grid(logistic__C=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)),
    small=grid(logistic__C=(1.0,)),
)
def logistic(seed: int) -> Pipeline:
    """Standardized measurements and ridge logistic regression, with the penalty selected by log-loss.

    Selection by log-loss needs the exact optimum, which newton-cholesky reaches to rounding error.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(solver="newton-cholesky", tol=1e-8, random_state=seed)
    return Pipeline([("scale", StandardScaler()), ("logistic", model)])
