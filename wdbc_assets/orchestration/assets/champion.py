"""What is in production. The gate stands in `domain.promotion`, the bundle in `domain.bundles`."""

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
    """The model that serves predictions: a pipeline with its decision policy, replaced by evidence (or a stated force).

    Materializing it promotes nothing, unless the job `promote` does, or `promote: true` stands in its configuration.
    Then the current pipeline is compared with it on the same out-of-fold predictions; an observation shows the verdict.
    """
    return candidate.bundle(train_test_split, fitted_pipeline, decision_policy, versions)
