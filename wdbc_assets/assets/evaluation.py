"""The evidence: what each recipe is worth on patients that its models never saw, over and over.

The folds and their arithmetic stand in `domain.cross_validation`, the figures in `domain.comparison`, what they must
reach in `domain.floors`.
"""

from typing import TYPE_CHECKING

from wdbc_assets import metadata, settings
from wdbc_assets.assets.versioned import versioned_asset
from wdbc_assets.storage.workbench import Workbench

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain import cross_validation as nested


@versioned_asset(kinds={"scikitlearn", "parquet"}, owners=["team:model"], describe=metadata.of_cross_validation)
def cross_validation(
    clean_frame: "pd.DataFrame",
    parameters: settings.EvaluationParameters,
    effort: settings.Effort,
    workbench: Workbench,
    report: metadata.Report,
) -> "nested.CrossValidation":
    """Repeated nested cross-validation: each patient's probability from models that never saw it, recipe by recipe."""
    from wdbc_assets import units

    return units.evaluate(
        clean_frame,
        recipes=parameters.evaluated_recipes.split(","),
        protocol=parameters.protocol,
        workers=effort.processes(),
        workbench=workbench,
        report=lambda done, total: report("folds judged", done, total),
    )
