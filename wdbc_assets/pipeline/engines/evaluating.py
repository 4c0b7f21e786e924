"""The evaluation of recipes on a clean frame in memory, or on one that is larger, by sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.pipeline.engines import folds, summed_folds
from wdbc_assets.store.table_files import TableFile

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from wdbc_assets import settings
    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.pipeline.engines.engine import Engine
    from wdbc_assets.store.checkpoints import Checkpoints
    from wdbc_assets.store.large_evaluation import LargeCrossValidation


def evaluate(
    frame: pd.DataFrame | TableFile,
    parameters: settings.EvaluationParameters,
    engine: Engine,
    checkpoints: Checkpoints,
    progress: Callable[[int, int], None],
) -> CrossValidation | LargeCrossValidation:
    """Evaluate the recipes by repeated nested cross-validation.

    Raises:
        WdbcError: as in `folds.evaluate`, or in `summed_folds.evaluate`.
    """
    recipes, protocol = parameters.evaluated_recipes.split(","), parameters.protocol
    if isinstance(frame, TableFile):
        return summed_folds.evaluate(
            frame, recipes=recipes, protocol=protocol, engine=engine, checkpoints=checkpoints, report=progress
        )
    return folds.evaluate(
        frame,
        recipes=recipes,
        protocol=protocol,
        method=parameters.split_method,
        engine=engine,
        checkpoints=checkpoints,
        report=progress,
    )
