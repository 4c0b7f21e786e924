"""The champion. The gate is in `domain.promotion`, the bundle in `domain.modeling.bundles`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets.orchestration.promoted import promoted_asset
from wdbc_assets.registry import candidate

if TYPE_CHECKING:
    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.modeling import bundles, fitting


@promoted_asset(kinds={"scikitlearn", "numpy"}, owners=["team:model"])
def champion(
    train_test_split: "splitting.Split",
    fitted_pipeline: "fitting.Fit",
    decision_policy: dict[str, Any],
    versions: Mapping[str, str],
) -> "bundles.Bundle":
    """The model that serves predictions: a pipeline with its decision policy.

    Materializing this asset promotes nothing, unless it runs in the job `promote` or its configuration contains
    `promote: true`. Then the current pipeline is compared with the champion on the same out-of-fold predictions and
    replaces it if it passes the gate. An observation records the verdict.
    """
    return candidate.bundle(train_test_split, fitted_pipeline, decision_policy, versions)
