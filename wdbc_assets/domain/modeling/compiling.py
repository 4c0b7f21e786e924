"""Compiling: from a fitted pipeline to a scorer, and the proof that both give the same probabilities.

What can be compiled is what `explanation.linear` can write as one sum. scikit-learn is imported where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import linear, prediction
from wdbc_assets.domain.modeling.linear_scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    Array = NDArray[np.float64]

TOLERANCE = 1e-12
"""The most that a compiled probability may differ from scikit-learn's."""


def compile_pipeline(pipeline: Pipeline) -> Scorer | None:
    """Compile a fitted pipeline; None if it is none of a form that folds into one sum.

    That form is Yeo-Johnson or nothing, standardisations, principal components, and a logistic regression.
    """
    from sklearn.preprocessing import PowerTransformer

    found = linear.linear(pipeline)
    if found is None:
        return None
    powers = None
    centre, scale = np.zeros(len(found.columns)), np.ones(len(found.columns))
    for number, (_, step) in enumerate(found.standardise.steps):
        scaler = step
        if isinstance(step, PowerTransformer):
            if number or step.method != "yeo-johnson" or not step.standardize:
                return None
            powers = np.asarray(step.lambdas_, dtype=np.float64)
            scaler = step._scaler  # noqa: SLF001 -- scikit-learn shows it nowhere else
        centre, scale = _then(scaler, centre, scale)
    return Scorer(powers, centre, found.coefficients / scale, found.intercept)


def _then(scaler: Any, centre: Array, scale: Array) -> tuple[Array, Array]:
    """Compose (x - centre) / scale with a further standardisation."""
    mean = scaler.mean_ if scaler.with_mean else 0.0
    spread = scaler.scale_ if scaler.with_std else 1.0
    return centre + scale * mean, scale * spread


def require_agreement(scorer: Scorer, pipeline: Pipeline, X_train: pd.DataFrame) -> None:
    """Raise WdbcError unless scorer and pipeline give the same probabilities, to within 1e-12.

    They are compared on the training data, on random data within and around it, and on corner values.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        for name, X in probe_data(X_train.to_numpy(dtype=np.float64)):
            _require_same(scorer, pipeline, X_train, name, X)


def _require_same(scorer: Scorer, pipeline: Pipeline, like: pd.DataFrame, name: str, X: Array) -> None:
    import pandas as pd

    expected = prediction.predict(pipeline, pd.DataFrame(X, columns=like.columns))
    apart = np.abs(scorer.probabilities(X) - expected).max(initial=0.0)
    if not apart <= TOLERANCE:
        raise WdbcError(
            f"The compiled scorer and scikit-learn disagree by {apart:.2g} on {name}.",
            where="the bundle's compiled scorer",
            hint="Nothing was promoted. This is a fault of the program: report the recipe and scikit-learn's version.",
        )


def probe_data(X_train: Array) -> Iterator[tuple[str, Array]]:
    """Yield what a compiled scorer is tried on, each with its name: shape (rows, columns).

    The corners are set in one column at a time, the others at their medians, and in all columns at once.
    """
    yield "the training data", X_train
    generator = np.random.default_rng(42)
    middle, spread = np.median(X_train, axis=0), X_train.std(axis=0)
    largest = np.array([one.largest for _ in contract.STATISTICS for one in contract.MEASUREMENTS])
    rows = (2_000, X_train.shape[1])
    yield "random data like it", np.abs(generator.normal(middle, 3 * spread, rows))
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
