"""Opening a stored bundle to serve from it: nothing in its files runs, and a compiled one needs numpy alone.

What is not exactly a bundle of this contract is refused before anything is made of it. That the files are those that
were stored is for `Store.files` to say; here they may be anybody's, with digests that fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy as policies
from wdbc_assets.domain.modeling import linear_scorer, prediction, recipes, smoke_test
from wdbc_assets.store import bundle_files, skops_files, skops_scan
from wdbc_assets.store.manifest import DamagedStore, stored_file, version_of
from wdbc_assets.store.paths import BUNDLE, PIPELINE, POLICY, REFERENCE, SCORER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from wdbc_assets.store.manifest import Manifest
    from wdbc_assets.store.store import Store

    Array = NDArray[np.float64]


_FILES = frozenset({BUNDLE, POLICY, REFERENCE, PIPELINE, SCORER})


@dataclass(frozen=True, eq=False)
class Served:
    """An opened bundle, ready to answer. `version` is the digest of its files, as the store names it."""

    recipe: str
    version: str
    features: tuple[str, ...]
    policy: dict[str, Any]
    reference: dict[str, Any]
    versions: dict[str, str]
    scorer: linear_scorer.Scorer | None
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

        return prediction.predict(self.pipeline, pd.DataFrame(X, columns=list(self.features)))

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


def read(store: "Store", manifest: "Manifest") -> dict[str, bytes]:
    """Read the files of a stored bundle, verified.

    Raises:
        DamagedStore: it states more files or bytes than a bundle has, and nothing was read; or a file is missing or is
            not the one that was written.
    """
    if len(manifest.files) > len(_FILES) or manifest.size > skops_scan.LARGEST + len(_FILES) * bundle_files.LARGEST:
        raise DamagedStore("the bundle is larger than any", where=store.folder(manifest), hint=bundle_files.HINT)
    return store.files(manifest)


def open_bundle(contents: Mapping[str, bytes], *, expendable: bool = False) -> Served:
    """Open the files of a bundle, by their names, and let it pass its smoke test.

    `expendable` is that of `models.from_skops`.

    Raises:
        WdbcError: they are not a bundle: a file too many or too few, a field missing or out of its bounds, a pickle,
            foreign types, another contract, other features, a model that crashes, hangs or swells; or what it answers
            is not sound.
        isolation.NotTried: that could not be found out now.
    """
    try:
        return _opened(contents, expendable=expendable)
    except (WdbcError, *skops_scan.PASSING):
        raise
    except Exception as error:  # noqa: BLE001 -- a foreign file makes numpy and scikit-learn raise anything
        raise _refused(f"the bundle cannot be opened ({type(error).__name__})", BUNDLE) from None


def _opened(contents: Mapping[str, bytes], *, expendable: bool) -> Served:
    import numpy as np

    stated = bundle_files.read(BUNDLE, contents.get(BUNDLE))
    expected = _FILES if stated["compiled"] else _FILES - {SCORER}
    if set(contents) != expected:
        raise _refused("the bundle has other files than a bundle has", ", ".join(sorted(set(contents) ^ expected)))
    if stated["recipe"] not in recipes.RECIPES:
        raise _refused("the bundle is of a recipe that this release does not know", BUNDLE)
    if stated["contract"] != contract.digest():
        raise _refused("the bundle was made for another contract of the data", BUNDLE)
    if tuple(stated["features"]) != contract.FEATURES:
        raise _refused("the bundle takes other measurements, or in another order", BUNDLE)
    policy = bundle_files.read(POLICY, contents[POLICY])
    if policy["recipe"] != stated["recipe"]:
        raise _refused("the decision policy is another recipe's", POLICY)
    reference = bundle_files.read(REFERENCE, contents[REFERENCE])
    compiled, pipeline = None, None
    if stated["compiled"]:
        skops_scan.scan(contents[PIPELINE])
        compiled = linear_scorer.Scorer.from_plain(bundle_files.read(SCORER, contents[SCORER]))
    else:
        pipeline = skops_files.from_skops(contents[PIPELINE], expendable=expendable)
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


def _refused(what: str, where: str) -> WdbcError:
    return WdbcError(what, where=where, hint=bundle_files.HINT)
