"""The mean log-odds of an additive model and a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.modeling.recipes import grid, recipe
from wdbc_assets.domain.modeling.recipes.folds import shuffled_folds
from wdbc_assets.domain.modeling.recipes.spline import C, spline

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@recipe(
    scoring="neg_log_loss",
    full=grid(blend__spline__logistic__C=C),
    small=grid(blend__spline__logistic__C=(1.0,)),
    temperature="blend__spline__logistic__temperature",
    searched="blend__spline",
)
def blend(seed: int) -> Pipeline:
    """The mean log-odds of the recipe spline and of a stack on measurements and their logarithms.

    Penalty and temperature are those of the spline, which are searched for it alone. The stack has nothing to select:
    logistic regression on the out-of-fold predictions (5 folds) of a logistic regression on splines, a support vector
    machine and random trees.
    """
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.modeling.mean_log_odds import MeanLogOdds

    return Pipeline([("blend", MeanLogOdds(spline=spline(seed), stack=_stack(seed)))])


def _stack(seed: int) -> object:
    from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    from wdbc_assets.domain.modeling.log_terms import LogSpline, WithLogarithm

    ridge = LogisticRegression(C=0.3, solver="newton-cholesky", tol=1e-8)
    members = [
        ("logistic", Pipeline([("terms", LogSpline()), ("scale", StandardScaler()), ("logistic", ridge)])),
        ("svc", Pipeline([("terms", WithLogarithm()), ("scale", StandardScaler()), ("svc", SVC(C=10.0, gamma=0.005))])),
        ("trees", ExtraTreesClassifier(n_estimators=300, random_state=seed)),
    ]
    return StackingClassifier(members, LogisticRegression(solver="newton-cholesky", tol=1e-8), cv=shuffled_folds(seed))
