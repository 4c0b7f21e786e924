"""Opening a stored bundle to serve from it: nothing in its files runs, and a compiled one needs numpy alone.

What is not exactly a bundle of this contract is refused before anything is made of it. That the files are those that
were stored is for `Store.files` to say; here they may be anybody's, with digests that fit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain import contract, recipes, scorer
from wdbc_assets.domain import policy as policies
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage import models
from wdbc_assets.storage.passport import stored_file, version_of
from wdbc_assets.storage.places import BUNDLE, PIPELINE, POLICY, REFERENCE, SCORER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    Array = NDArray[np.float64]

_STATED = {"recipe": str, "features": list, "contract": str, "versions": dict, "compiled": bool}
_MEND = "Nothing of it was run. Promote a model of this release (`wdbc promote`), and find out who wrote this file."


@dataclass(frozen=True, eq=False)
class Served:
    """An opened bundle, ready to answer. `version` is the digest of its files, as the store names it."""

    recipe: str
    version: str
    features: tuple[str, ...]
    policy: dict[str, Any]
    reference: dict[str, Any]
    versions: dict[str, str]
    scorer: scorer.Scorer | None
    pipeline: "Pipeline | None"

    @property
    def compiled(self) -> bool:
        """Say whether it answers without scikit-learn."""
        return self.scorer is not None

    def probabilities(self, X: "Array") -> "Array":
        """Give P(malignant) of each row of X: finite numbers, shape (n, 30), columns as in `features`; gives (n,).

        Raises:
            WdbcError: X has another shape, or a cell that is blank or infinite.
        """
        if self.scorer is not None:
            return self.scorer.probabilities(X)
        import pandas as pd

        from wdbc_assets.domain import evaluation

        return evaluation.predict(self.pipeline, pd.DataFrame(X, columns=list(self.features)))

    def decisions(self, p: "Array") -> "NDArray[np.str_]":
        """Give for each probability `benign` or `malignant`, by the policy's threshold."""
        import numpy as np

        return np.array(policies.ANSWERS)[policies.called_malignant(p, self.policy).astype(np.int8)]

    def sets(self, p: "Array") -> "NDArray[np.str_]":
        """Give for each probability the one class that is possible by the policy's sets, or `refer`."""
        return policies.decide(p, self.policy)

    def contributions(self, X: "Array") -> "tuple[float, Array] | None":
        """Give the intercept and what each cell adds to the log-odds; None for a recipe that is no such sum."""
        return None if self.scorer is None else self.scorer.contributions(X)


def open_bundle(contents: Mapping[str, bytes]) -> Served:
    """Open the files of a bundle, by their names.

    Raises:
        WdbcError: they are not a bundle: a file too many or too few, a pickle, foreign types, another contract, other
            features, a policy or a scorer that does not belong to it.
    """
    stated = _plain(contents, BUNDLE)
    if {name: type(value) for name, value in stated.items()} != _STATED:
        raise _refused(f"{BUNDLE} does not state what a bundle states", BUNDLE)
    expected = {BUNDLE, POLICY, REFERENCE, PIPELINE} | ({SCORER} if stated["compiled"] else set())
    if set(contents) != expected:
        raise _refused("the bundle has other files than a bundle has", ", ".join(sorted(set(contents) ^ expected)))
    if stated["recipe"] not in recipes.RECIPES:
        raise _refused("the bundle is of a recipe that this release does not know", BUNDLE)
    if stated["contract"] != contract.digest():
        raise _refused("the bundle was made for another contract of the data", BUNDLE)
    if tuple(stated["features"]) != contract.FEATURES:
        raise _refused("the bundle takes other measurements, or in another order", BUNDLE)
    models.refuse_foreign(contents[PIPELINE])
    compiled = scorer.Scorer.from_plain(_plain(contents, SCORER)) if stated["compiled"] else None
    if compiled is not None and len(compiled.weights) != len(contract.FEATURES):
        raise _refused("the compiled scorer takes another number of measurements", SCORER)
    return Served(
        recipe=stated["recipe"],
        version=version_of({name: stored_file(content) for name, content in contents.items()}),
        features=contract.FEATURES,
        policy=_policy(_plain(contents, POLICY), stated["recipe"]),
        reference=_plain(contents, REFERENCE),
        versions=dict(stated["versions"]),
        scorer=compiled,
        pipeline=None if compiled is not None else _pipeline(contents[PIPELINE]),
    )


def _plain(contents: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        plain = json.loads(contents[name])
    except (KeyError, ValueError):
        plain = None
    if not isinstance(plain, dict):
        raise _refused(f"the bundle's {name} is missing, or is no JSON object", name)
    return plain


def _policy(policy: dict[str, Any], recipe: str) -> dict[str, Any]:
    try:
        limits = [policy["threshold"], policy["quantiles"][policies.BENIGN], policy["quantiles"][policies.MALIGNANT]]
        fits = policy["recipe"] == recipe and all(
            isinstance(limit, float | int) and 0 <= limit <= 1 for limit in limits
        )
    except (KeyError, TypeError):
        fits = False
    if not fits:
        raise _refused("the decision policy is none, or another recipe's", POLICY)
    return policy


def _pipeline(content: bytes) -> "Pipeline":
    pipeline = models.from_skops(content)
    if tuple(getattr(pipeline, "feature_names_in_", ())) != contract.FEATURES:
        raise _refused("the pipeline takes other measurements, or in another order", PIPELINE)
    return pipeline


def _refused(what: str, where: str) -> WdbcError:
    return WdbcError(what, where=where, mend=_MEND)
