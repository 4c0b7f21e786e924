"""A support vector machine with calibrated probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.modeling.recipes import grid, recipe
from wdbc_assets.domain.modeling.recipes.folds import shuffled_folds

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@recipe(
    scoring="neg_log_loss",
    full=grid(svc__estimator__C=(0.1, 1.0, 10.0, 100.0), svc__estimator__gamma=(0.001, 0.003, 0.01, 0.03, 0.1)),
    small=grid(svc__estimator__C=(10.0,), svc__estimator__gamma=(0.01,)),
)
def svc(seed: int) -> Pipeline:
    """Standardized measurements and a support vector machine (RBF) with sigmoid calibration.

    The sigmoid is fitted on out-of-fold scores (5 folds); the final support vector machine is fitted on all rows.
    Isotonic calibration performs worse with so few rows.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    model = CalibratedClassifierCV(SVC(), method="sigmoid", cv=shuffled_folds(seed), ensemble=False)
    return Pipeline([("scale", StandardScaler()), ("svc", model)])
