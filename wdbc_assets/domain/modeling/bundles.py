"""The bundle: all that answers for patients, in one piece that is promoted and rolled back as one.

The fitted pipeline and its compiled form, the decision policy, what the measurements looked like in training, and which
versions all this was made of. How it is stored is said in `storage.codecs`, how it is opened to serve in
`storage.bundles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import compiling, prediction, smoke_test

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.modeling import fitting
    from wdbc_assets.domain.modeling.linear_scorer import Scorer

LEVELS = tuple(number / 40 for number in range(1, 40))
"""The quantiles of the training part that a bundle keeps: .025 to .975. The extremes would be single patients'."""


@dataclass(frozen=True)
class Bundle:
    """A model that can be put into production.

    `scorer` is None for a recipe that cannot be compiled: it answers through scikit-learn. `policy` is the decision
    policy, `features` the columns in the order that the model takes, `contract` the digest of the contract that they
    keep. `reference` is `{"rows": n, "levels": [...], "quantiles": {column: [a value for each level]}, "answers":
    [...]}` of the training part; the answers are the pipeline's own probabilities of `smoke_test.rows`. `versions`
    names the version of each asset that the bundle is made of.
    """

    recipe: str
    pipeline: Pipeline
    scorer: Scorer | None
    policy: dict[str, Any]
    features: tuple[str, ...]
    contract: str
    reference: dict[str, Any]
    versions: Mapping[str, str]


def make(fit: fitting.Fit, policy: Mapping[str, Any], X_train: pd.DataFrame, versions: Mapping[str, str]) -> Bundle:
    """Make the bundle of a fitted pipeline and its decision policy.

    X_train is what the pipeline was fitted on: 30 finite measurements in the order of the contract. The recipe is
    compiled where it can be. Raises WdbcError if pipeline, policy and contract do not belong together, and if the
    compiled scorer and scikit-learn disagree by more than 1e-12 on any of `compiling.probe_data`.
    """
    features = tuple(str(name) for name in fit.pipeline.feature_names_in_)
    if features != contract.FEATURES or tuple(X_train.columns) != contract.FEATURES:
        raise _not_of_one("The pipeline does not take the 30 measurements in the order of the contract.")
    if policy["recipe"] != fit.recipe or policy["winner"] != fit.winner:
        raise _not_of_one("The decision policy was made for another pipeline.")
    compiled = compiling.compile_pipeline(fit.pipeline)
    if compiled is not None:
        compiling.require_agreement(compiled, fit.pipeline, X_train)
    return Bundle(
        recipe=fit.recipe,
        pipeline=fit.pipeline,
        scorer=compiled,
        policy=dict(policy),
        features=features,
        contract=contract.digest(),
        reference=_reference(fit.pipeline, X_train),
        versions=dict(versions),
    )


def _reference(pipeline: Pipeline, X_train: pd.DataFrame) -> dict[str, Any]:
    import pandas as pd
    from threadpoolctl import threadpool_limits

    quantiles = X_train.quantile(list(LEVELS))
    reference = {
        "rows": len(X_train),
        "levels": list(LEVELS),
        "quantiles": {name: quantiles[name].tolist() for name in contract.FEATURES},
    }
    with threadpool_limits(limits=1):
        p = prediction.predict(pipeline, pd.DataFrame(smoke_test.rows(reference), columns=list(contract.FEATURES)))
    return {**reference, "answers": p.tolist()}


def _not_of_one(what: str) -> WdbcError:
    return WdbcError(what, where="the bundle", hint="Run `wdbc run` and `wdbc report`, so that all is of one pipeline.")
