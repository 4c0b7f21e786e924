"""Preprocessing and values that the recipes on principal components share, as in the reference Airflow project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

EXPLAINED = (0.9, 0.95)
"""The share of the variance that the principal components must explain."""

C = (0.01, 0.1, 1.0, 10.0, 100.0)
"""The inverse strength of the penalty."""


def pipeline(model: object) -> Pipeline:
    """Return a pipeline with the reference project's preprocessing: Yeo-Johnson, standardization, and PCA."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import PowerTransformer, StandardScaler

    return Pipeline(
        [
            ("power", PowerTransformer(method="yeo-johnson")),
            ("scale", StandardScaler()),
            ("pca", PCA()),
            ("logistic", model),
        ]
    )
