"""A stack of three models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.modeling.recipes import recipe
from wdbc_assets.domain.modeling.recipes.folds import shuffled_folds

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@recipe(scoring="neg_log_loss", full=[{}], small=[{}])
def stacking(seed: int) -> Pipeline:
    """Logistic regression on the predictions of a logistic regression, a support vector machine and random trees.

    It is fitted on out-of-fold predictions (5 folds).
    """
    from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    members = [
        ("logistic", LogisticRegression(C=0.3, solver="newton-cholesky", tol=1e-8)),
        ("svc", SVC(C=10.0, gamma=0.01)),
        ("trees", ExtraTreesClassifier(n_estimators=300, random_state=seed)),
    ]
    model = StackingClassifier(members, LogisticRegression(solver="newton-cholesky", tol=1e-8), cv=shuffled_folds(seed))
    return Pipeline([("scale", StandardScaler()), ("stacking", model)])
