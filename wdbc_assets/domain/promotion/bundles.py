"""The bundle: everything needed to score patients, promoted and rolled back as one unit.

It contains the fitted pipeline and its compiled form, the decision policy, the distribution of the training
measurements, and the versions of the assets it was made from. `store.codecs` writes bundles, `store.bundle_loader`
loads them for serving.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation.contributions import LEVELS
from wdbc_assets.domain.modeling import compiling, prediction, smoke_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy
    from wdbc_assets.domain.modeling import fitting
    from wdbc_assets.domain.modeling.linear_scorer import Scorer
    from wdbc_assets.domain.modeling.spline_scorer import SplineScorer


@dataclass(frozen=True)
class Bundle:
    """A model that can be promoted and served.

    `load_pipeline` returns the fitted pipeline; it is called only when the pipeline is used, because that imports
    scikit-learn. `scorer` is None for a recipe that cannot be compiled; scikit-learn then scores its patients. `policy`
    is the decision policy, `features` the columns in the order the model expects, `contract` the digest of the data
    contract. `reference` describes the training set. `versions` has the version of each asset that the bundle was made
    from. `trained_until` is the arrival (UTC, ISO 8601) of the last incoming batch that the model was fitted on, empty
    if it was fitted on the reference alone.
    """

    recipe: str
    load_pipeline: Callable[[], Pipeline] = field(repr=False)
    scorer: Scorer | SplineScorer | None
    policy: DecisionPolicy
    features: tuple[str, ...]
    contract: str
    reference: smoke_test.SmokeTestReference
    versions: Mapping[str, str]
    trained_until: str = ""

    @cached_property
    def pipeline(self) -> Pipeline:
        """The fitted pipeline, from whose probabilities those of the scorer differ by at most 1e-12."""
        return self.load_pipeline()


@dataclass(frozen=True)
class TrainingSet:
    """What a bundle needs of the data the pipeline was fitted on: 30 finite measurements in the order of the contract.

    Attributes:
        rows: The number of rows.
        column: From the name of a column to its values, shape (rows,).
        parts: Returns all rows, in parts.
    """

    rows: int
    column: Callable[[str], NDArray[np.float64]] = field(repr=False)
    parts: Callable[[], Iterable[pd.DataFrame]] = field(repr=False)

    @classmethod
    def of(cls, X: pd.DataFrame) -> TrainingSet:
        """Return a training set in memory.

        Raises:
            WdbcError: it has other columns, or in another order.
        """
        if tuple(X.columns) != contract.FEATURES:
            raise _mismatch("The training set does not have the 30 measurements in the order of the contract.")
        return cls(len(X), lambda name: X[name].to_numpy(dtype=float), lambda: [X])


def make(
    fit: fitting.Fit,
    policy: DecisionPolicy,
    training: TrainingSet,
    versions: Mapping[str, str],
    *,
    trained_until: str = "",
) -> Bundle:
    """Return the bundle of a fitted pipeline and its decision policy; compile the pipeline if possible.

    Raises:
        WdbcError: the pipeline, policy and contract do not belong together, or the compiled scorer and scikit-learn
            differ by more than 1e-12 on any of `compiling.probe_data`.
    """
    features = tuple(str(name) for name in fit.pipeline.feature_names_in_)
    if features != contract.FEATURES:
        raise _mismatch("The pipeline does not take the 30 measurements in the order of the contract.")
    if policy.recipe != fit.recipe or policy.winner != fit.winner:
        raise _mismatch("The decision policy was made for another pipeline.")
    compiled = compiling.compile_pipeline(fit.pipeline)
    if compiled is not None:
        for part in training.parts():
            compiling.require_agreement(compiled, fit.pipeline, part)
    return Bundle(
        recipe=fit.recipe,
        load_pipeline=lambda: fit.pipeline,
        scorer=compiled,
        policy=policy,
        features=features,
        contract=contract.digest(),
        reference=_reference(fit.pipeline, training),
        versions=dict(versions),
        trained_until=trained_until,
    )


def _reference(pipeline: Pipeline, training: TrainingSet) -> smoke_test.SmokeTestReference:
    import numpy as np
    import pandas as pd
    from threadpoolctl import threadpool_limits

    quantiles = {name: tuple(np.quantile(training.column(name), LEVELS).tolist()) for name in contract.FEATURES}
    with threadpool_limits(limits=1):
        p = prediction.predict(pipeline, pd.DataFrame(smoke_test.rows(quantiles), columns=list(contract.FEATURES)))
    return smoke_test.SmokeTestReference(training.rows, LEVELS, quantiles, tuple(p.tolist()))


def _mismatch(what: str) -> WdbcError:
    hint = "Run `wdbc run` and `wdbc report` to recreate everything from one pipeline."
    return WdbcError(what, where="the bundle", hint=hint)
