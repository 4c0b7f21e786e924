"""The default recipe: logistic regression on a curve of each measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.modeling.recipes import grid, recipe

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


C = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
"""The inverse strength of the penalty."""


@recipe(
    scoring="neg_log_loss",
    full=grid(logistic__C=C),
    small=grid(logistic__C=(1.0,)),
    temperature="logistic__temperature",
)
def spline(seed: int) -> Pipeline:
    """Ridge logistic regression on the logarithm of each measurement and a restricted cubic spline term of it.

    The log-odds are still a sum over the measurements, which can be shown term by term. They are multiplied by a
    temperature that minimizes the log-loss of the winner's out-of-fold log-odds. The 60 terms are more than so few
    patients support without a penalty; the penalty is what makes them usable.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from wdbc_assets.domain.modeling.log_terms import LogSpline
    from wdbc_assets.domain.modeling.tempering import TemperedLogisticRegression

    return Pipeline(
        [
            ("terms", LogSpline()),
            ("scale", StandardScaler()),
            ("logistic", TemperedLogisticRegression(random_state=seed)),
        ]
    )
