"""Open a stored bundle for serving. Nothing in its files is executed, and a compiled bundle needs numpy only.

Whatever is not a valid bundle of this contract is rejected before any object is created from it. `Store.files` checks
that the files are those that were stored; here they may come from anybody, with digests that match.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy as policies
from wdbc_assets.domain.evaluation import recalibration
from wdbc_assets.domain.modeling import linear_scorer, prediction, recipes, smoke_test, spline_scorer
from wdbc_assets.store import bundle_files, parsing, skops_files, skops_scan
from wdbc_assets.store.manifest import DamagedStore, stored_file, version_of
from wdbc_assets.store.paths import BUNDLE, CHAMPION, PIPELINE, POLICY, REFERENCE, SCORER

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from wdbc_assets.domain.promotion.bundles import Bundle
    from wdbc_assets.store.manifest import Manifest
    from wdbc_assets.store.store import Store

    Array = NDArray[np.float64]


_FILES = frozenset({BUNDLE, POLICY, REFERENCE, PIPELINE, SCORER})


@dataclass(frozen=True, eq=False)
class Served:
    """An opened bundle, ready to predict.

    `version` is the digest of its files, as the store names it. `refers_everyone` tells that every patient is referred
    to a person, whatever the prediction set says. That is a decision about production and not part of the bundle.
    """

    recipe: str
    version: str
    features: tuple[str, ...]
    policy: policies.DecisionPolicy
    reference: smoke_test.SmokeTestReference
    versions: dict[str, str]
    scorer: linear_scorer.Scorer | spline_scorer.SplineScorer | None
    pipeline: "Pipeline | None"
    refers_everyone: bool = False

    @property
    def compiled(self) -> bool:
        """Whether it predicts without scikit-learn."""
        return self.scorer is not None

    def probabilities(self, X: "Array") -> "Array":
        """Return P(malignant), shape (n,), for the rows of X: shape (n, 30), finite, columns as in `features`.

        They are those of the model as it was fitted, by which the policy decides. Users see `recalibrated`.

        Raises:
            WdbcError: X has another shape, or a missing or infinite value.
        """
        if self.scorer is not None:
            return self.scorer.probabilities(X)
        import pandas as pd

        return prediction.predict(self.pipeline, pd.DataFrame(X, columns=list(self.features)))

    def recalibrated(self, p: "Array") -> "Array":
        """Return the probabilities to report, at the prevalence of the policy, for those of `probabilities`."""
        return recalibration.probabilities(self.policy, p)

    def triage(self, p: "Array") -> "NDArray[np.str_]":
        """Return the outcome for each probability by its conformal prediction set: benign, refer or malignant."""
        return np.array(policies.OUTCOMES)[self.triage_codes(p)]

    def triage_codes(self, p: "Array") -> "NDArray[np.int8]":
        """Return the same as positions in `decision_policy.OUTCOMES`, which is faster."""
        if not self.refers_everyone:
            return policies.codes(p, self.policy.quantiles)
        return np.full(len(p), policies.OUTCOMES.index(policies.REFER), dtype=np.int8)

    @property
    def applied_policy(self) -> policies.Applied:
        """How triage outcomes come about."""
        return policies.REFER_EVERYONE if self.refers_everyone else policies.BY_PREDICTION_SET

    def above_threshold(self, p: "Array") -> "NDArray[np.bool_]":
        """Return for each probability whether it is at or above the policy's threshold."""
        return policies.is_above(p, self.policy.threshold)

    def contributions(self, X: "Array") -> "tuple[float, Array] | None":
        """Return the intercept and each cell's contribution to the log-odds, or None if the recipe is not linear.

        They add up to the log-odds of the reported probability: the intercept includes a recalibration.
        """
        if self.scorer is None:
            return None
        intercept, terms = self.scorer.contributions(X)
        recalibrated = self.policy.recalibration
        return intercept + (recalibrated.offset if recalibrated else 0.0), terms


@dataclass(frozen=True)
class Packed:
    """The files of a bundle, sorted by name, and the policy of `Served.refers_everyone`.

    It is what other processes are sent in place of a model: they open it as everybody does, and unpickle none.
    """

    files: tuple[tuple[str, bytes], ...]
    refers_everyone: bool

    def opened(self) -> Served:
        """Return the bundle, ready to predict; raise WdbcError as `open_bundle` does."""
        return replace(open_bundle(dict(self.files)), refers_everyone=self.refers_everyone)


def read(store: "Store", manifest: "Manifest") -> dict[str, bytes]:
    """Read and verify the files of a stored bundle.

    Raises:
        DamagedStore: the manifest declares more files or bytes than a bundle has, and nothing was read; or a file is
            missing or was altered.
    """
    if len(manifest.files) > len(_FILES) or manifest.size > skops_scan.LARGEST + len(_FILES) * bundle_files.LARGEST:
        raise DamagedStore("the bundle is too large", where=store.folder(manifest), hint=bundle_files.HINT)
    return store.files(manifest)


def read_policy(content: bytes | None) -> policies.DecisionPolicy:
    """Return the decision policy in a bundle's file.

    Raises:
        WdbcError: the file is missing or is not such a policy.
    """
    return parsing.build(policies.DecisionPolicy, bundle_files.read(POLICY, content))


def open_champion(store: "Store") -> Served:
    """Open the champion's bundle.

    Raises:
        WdbcError: no champion has been promoted yet, or its bundle is damaged or rejected.
    """
    return open_bundle(champion_files(store))


def champion_files(store: "Store") -> dict[str, bytes]:
    """Return the files of the champion's bundle, by their names.

    Raises:
        WdbcError: no champion has been promoted yet, or its bundle is damaged.
    """
    manifest = store.current(CHAMPION)
    if manifest is None:
        raise WdbcError(
            "no champion has been promoted yet",
            where=store.url,
            hint="Run `wdbc run` and `wdbc evaluate`, then `wdbc promote`.",
        )
    return read(store, manifest)


def serve(bundle: "Bundle", version: str) -> Served:
    """Return the value of a stored bundle, ready to predict."""
    return Served(
        recipe=bundle.recipe,
        version=version,
        features=bundle.features,
        policy=bundle.policy,
        reference=bundle.reference,
        versions=dict(bundle.versions),
        scorer=bundle.scorer,
        pipeline=None if bundle.scorer is not None else bundle.pipeline,
    )


def open_bundle(contents: Mapping[str, bytes], *, sandboxed: bool = False) -> Served:
    """Open a bundle from its files by name, and run its smoke test.

    `sandboxed` is that of `skops_files.from_skops`.

    Raises:
        WdbcError: the bundle is invalid: a missing or extra file, an invalid field, a pickle, foreign types, another
            contract, other features, a model that crashes, hangs or exhausts memory, or a failed smoke test.
        isolation.NotTried: the model could not be tested now.
    """
    try:
        return _open(contents, sandboxed=sandboxed)
    except (WdbcError, *skops_scan.PASSING):
        raise
    except Exception as error:  # noqa: BLE001 -- an invalid file can make numpy and scikit-learn raise anything
        raise _refused(f"the bundle cannot be opened ({type(error).__name__})", BUNDLE) from None


def _open(contents: Mapping[str, bytes], *, sandboxed: bool) -> Served:
    stated = bundle_files.read(BUNDLE, contents.get(BUNDLE))
    expected = _FILES if stated["compiled"] else _FILES - {SCORER}
    if set(contents) != expected:
        raise _refused("the bundle has missing or extra files", ", ".join(sorted(set(contents) ^ expected)))
    if stated["recipe"] not in recipes.RECIPES:
        raise _refused("the bundle has a recipe that this release does not support", BUNDLE)
    if stated["contract"] != contract.digest():
        raise _refused("the bundle was made for another data contract", BUNDLE)
    if tuple(stated["features"]) != contract.FEATURES:
        raise _refused("the bundle expects other measurements, or another order of them", BUNDLE)
    policy = read_policy(contents[POLICY])
    if policy.recipe != stated["recipe"]:
        raise _refused("the decision policy belongs to another recipe", POLICY)
    reference = parsing.build(smoke_test.SmokeTestReference, bundle_files.read(REFERENCE, contents[REFERENCE]))
    compiled, pipeline = None, None
    if stated["compiled"]:
        skops_scan.scan(contents[PIPELINE])
        compiled = _scorer(bundle_files.read(SCORER, contents[SCORER]))
    else:
        pipeline = skops_files.from_skops(contents[PIPELINE], sandboxed=sandboxed)
    served = Served(
        recipe=stated["recipe"],
        version=version_of({name: stored_file(content) for name, content in contents.items()}),
        features=contract.FEATURES,
        policy=policy,
        reference=reference,
        versions=dict(stated["versions"]),
        scorer=compiled,
        pipeline=pipeline,
    )
    with np.errstate(all="ignore"):
        smoke_test.check(served)
    return served


def _scorer(plain: Mapping[str, Any]) -> linear_scorer.Scorer | spline_scorer.SplineScorer:
    kind = spline_scorer.SplineScorer if bundle_files.is_spline(plain) else linear_scorer.Scorer
    return kind.from_plain(plain)


def _refused(what: str, where: str) -> WdbcError:
    return WdbcError(what, where=where, hint=bundle_files.HINT)
