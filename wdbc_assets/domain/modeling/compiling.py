"""Compilation of a fitted pipeline into a scorer, and the check that both return the same probabilities.

A pipeline can be compiled if `linear.linear` can write it as one sum. scikit-learn is imported inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import linear, prediction
from wdbc_assets.domain.modeling.linear_scorer import Scorer
from wdbc_assets.domain.modeling.spline_scorer import SplineScorer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    Array = NDArray[np.float64]

TOLERANCE = 1e-12
"""The maximum absolute difference between a compiled probability and scikit-learn's."""


def compile_pipeline(pipeline: Pipeline) -> Scorer | SplineScorer | None:
    """Compile a fitted pipeline; return None if it cannot be written as one sum.

    The supported steps are an optional Yeo-Johnson transformation, standardizations, principal components and a
    logistic regression, in this order; or a spline of the logarithm, standardization and a logistic regression.
    """
    from sklearn.preprocessing import PowerTransformer

    from wdbc_assets.domain.modeling.log_terms import LogSpline

    model = linear.linear(pipeline)
    if model is None:
        return None
    if isinstance(model.standardise[0], LogSpline):
        return _compiled_spline(model)
    powers = None
    centre, scale = np.zeros(len(model.columns)), np.ones(len(model.columns))
    for number, (_, step) in enumerate(model.standardise.steps):
        scaler = step
        if isinstance(step, PowerTransformer):
            if number or step.method != "yeo-johnson" or not step.standardize:
                return None
            powers = np.asarray(step.lambdas_, dtype=np.float64)
            scaler = step._scaler  # noqa: SLF001 -- scikit-learn has no public attribute for it
        centre, scale = _compose(scaler, centre, scale)
    return Scorer(powers, centre, model.coefficients / scale, model.intercept)


def _compiled_spline(model: linear.Linear) -> SplineScorer:
    terms, scaler = model.standardise[0], model.standardise[1]
    by_term = (2, len(model.columns))
    return SplineScorer(
        offsets=terms.offsets_,
        least=terms.least_,
        knots=terms.knots_,
        centre=scaler.mean_.reshape(by_term),
        weights=(model.coefficients / scaler.scale_).reshape(by_term),
        intercept=model.intercept,
    )


def _compose(scaler: Any, centre: Array, scale: Array) -> tuple[Array, Array]:
    """Return the center and scale of (x - centre) / scale followed by another standardization."""
    mean = scaler.mean_ if scaler.with_mean else 0.0
    spread = scaler.scale_ if scaler.with_std else 1.0
    return centre + scale * mean, scale * spread


def require_agreement(scorer: Scorer | SplineScorer, pipeline: Pipeline, X_train: pd.DataFrame) -> None:
    """Raise WdbcError unless scorer and pipeline return the same probabilities, to within 1e-12.

    They are compared on the training data, on random data around it, and on extreme values (`probe_data`).
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        for name, X in probe_data(X_train.to_numpy(dtype=np.float64)):
            _require_same(scorer, pipeline, X_train, name, X)


def _require_same(scorer: Scorer | SplineScorer, pipeline: Pipeline, like: pd.DataFrame, name: str, X: Array) -> None:
    import pandas as pd

    expected = prediction.predict(pipeline, pd.DataFrame(X, columns=like.columns))
    difference = np.abs(scorer.probabilities(X) - expected).max(initial=0.0)
    if not difference <= TOLERANCE:
        raise WdbcError(
            f"The compiled scorer and scikit-learn differ by {difference:.2g} on {name}.",
            where="the bundle's compiled scorer",
            hint="Nothing was promoted. This is a bug: report it with the recipe and the version of scikit-learn.",
        )


def probe_data(X_train: Array) -> Iterator[tuple[str, Array]]:
    """Yield the data on which a compiled scorer is checked, each with its name: shape (rows, columns).

    Extreme values are set in one column at a time, with the others at their medians, and in all columns together.
    """
    yield "the training data", X_train
    generator = np.random.default_rng(42)
    middle, spread = np.median(X_train, axis=0), X_train.std(axis=0)
    largest = np.array([measurement.largest for _ in contract.STATISTICS for measurement in contract.MEASUREMENTS])
    rows = (2_000, X_train.shape[1])
    yield "random data around it", np.abs(generator.normal(middle, 3 * spread, rows))
    yield "random data within the contract", largest * generator.random(rows)
    tiny = np.finfo(np.float64)
    corners = {
        "zeros": 0 * largest,
        "tiny values": np.full_like(largest, tiny.smallest_subnormal),
        "small values": np.full_like(largest, tiny.eps),
        "the contract's largest values": largest,
        "huge values": 1000 * largest,
        "values below 0": -middle,
    }
    for name, corner in corners.items():
        alone = np.where(np.eye(len(middle), dtype=bool), corner, middle)
        yield name, np.vstack([alone, corner])
