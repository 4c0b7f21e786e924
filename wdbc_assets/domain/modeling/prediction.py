"""Probabilities of a fitted pipeline for a table with exactly the columns it was fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import preconditions
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline


def predict(pipeline: Pipeline, X: pd.DataFrame) -> NDArray[np.float64]:
    """Return P(malignant) of each row of X, shape (n_rows,).

    Raises:
        WdbcError: X does not have the columns that the pipeline was fitted on, in that order; a cell is not a finite
            number; or the pipeline was not fitted on class 1.
    """
    expected, actual = list(pipeline.feature_names_in_), list(X.columns)
    if actual != expected:
        missing = [name for name in expected if name not in actual]
        unknown = [str(name) for name in actual if name not in expected]
        raise WdbcError(
            "The table does not have the columns that the pipeline was fitted on, in that order.",
            where=f"missing: {', '.join(missing[:10]) or 'none'}; unknown: {', '.join(unknown[:10]) or 'none'}",
            hint=f"Provide the {len(expected)} measurements in the order of the training set.",
        )
    preconditions.require_finite(X)
    classes = pipeline.classes_.tolist()
    if 1 not in classes:
        raise WdbcError(
            "The pipeline was not fitted on class 1 (malignant).",
            where="the pipeline's classes",
            hint="Fit it on diagnoses coded as 1 for malignant and 0 for benign.",
        )
    return np.asarray(pipeline.predict_proba(X)[:, classes.index(1)], dtype=np.float64)


def require_probabilities(p: NDArray[np.float64]) -> None:
    """Raise WdbcError unless p is a one-dimensional array of numbers from 0 to 1."""
    outside = int((~((p >= 0) & (p <= 1))).sum())  # in this form NaN counts as outside
    if p.ndim != 1 or outside:
        raise WdbcError(
            f"{outside} of {p.size} probabilities, of shape {p.shape}, are not numbers between 0 and 1.",
            where="probabilities",
            hint="Provide P(malignant) for each row, as `predict` returns it.",
        )
