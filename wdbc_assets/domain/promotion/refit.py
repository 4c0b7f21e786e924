"""A refit of the champion: its recipe and the targets of its policy, on more patients.

The test set of the reference is left out, as it is of every model: `refit_comparison` compares on it, too. numpy and
pandas are imported inside functions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.promotion import bundles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wdbc_assets.domain.data.labelled import LabelledPatients
    from wdbc_assets.domain.data.splitting import Split
    from wdbc_assets.domain.promotion.bundles import Bundle


def refit(
    patients: LabelledPatients,
    split: Split,
    champion: Bundle,
    *,
    versions: Mapping[str, str],
    progress: Callable[[str, int, int], None],
) -> Bundle:
    """Return the bundle of the champion's recipe, fitted on the training set and the patients up to the cut.

    Candidates are searched as `fitting.fit` does by default, which is the search that the gate demands of every
    candidate. The policy is derived for the champion's targets; a recalibration is not carried over, because the refit
    has seen the newer patients.

    Args:
        patients: The labelled patients.
        split: The split of the reference.
        champion: The bundle in production.
        versions: The versions of these three.
        progress: Receives what is done, how often so far, and how often in all.

    Raises:
        WdbcError: too few batches, a recipe that no longer exists, or a search without a result.
    """
    import pandas as pd

    from wdbc_assets.domain.evaluation import policy_derivation
    from wdbc_assets.domain.modeling import fitting

    cut = patients.cut(after=champion.trained_until)
    later = patients.between("", cut)
    enlarged = replace(
        split,
        X_train=pd.concat([split.X_train, later[list(contract.FEATURES)]], ignore_index=True),
        y_train=pd.concat([split.y_train, later[contract.DIAGNOSIS]], ignore_index=True),
    )
    fit = fitting.fit(
        enlarged.X_train,
        enlarged.y_train,
        recipe=champion.recipe,
        progress=lambda done, total: progress("candidates evaluated", done, total),
    )
    policy = policy_derivation.derive(
        enlarged,
        fit,
        recall_target=champion.policy.recall_target,
        alpha=champion.policy.alpha,
        folds=champion.policy.folds,
        seed=champion.policy.seed,
        progress=lambda done, total: progress("folds scored", done, total),
    )
    return bundles.make(fit, policy, bundles.TrainingSet.of(enlarged.X_train), versions, trained_until=cut)
