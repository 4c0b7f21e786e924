"""The decision policy of a fit on a training set in memory, or on one that is larger, by sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.evaluation import policy_derivation, summed_policy
from wdbc_assets.pipeline.engines import large
from wdbc_assets.store.table_files import LargeSplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from wdbc_assets import settings
    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy
    from wdbc_assets.domain.modeling.fitting import Fit
    from wdbc_assets.pipeline.engines.engine import Engine


def derive(
    divided: splitting.Split | LargeSplit,
    fitted: Fit,
    parameters: settings.PolicyParameters,
    engine: Engine,
    progress: Callable[[int, int], None],
) -> DecisionPolicy:
    """Derive the decision policy of a fit from out-of-fold probabilities of the training set.

    Raises:
        WdbcError: a class is too small for the folds, a fold cannot be fitted, or the engine was lost.
    """
    terms = {
        "recall_target": parameters.recall_target,
        "alpha": parameters.referral_alpha,
    }
    if isinstance(divided, LargeSplit):
        with large.patients(engine, divided.train, divided.test) as patients:
            return summed_policy.derive(
                patients,
                fitted,
                test_size=divided.draw.test_size,
                split_seed=divided.draw.seed,
                folds=parameters.policy_folds,
                seed=parameters.policy_seed,
                **terms,
            )
    return policy_derivation.derive(
        divided, fitted, folds=parameters.policy_folds, seed=parameters.policy_seed, progress=progress, **terms
    )
