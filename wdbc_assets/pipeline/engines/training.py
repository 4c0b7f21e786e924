"""The training set in memory, or one that is larger, and the fit of a recipe on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.modeling import fitting, summed_fit
from wdbc_assets.domain.promotion import bundles
from wdbc_assets.pipeline.engines import large
from wdbc_assets.store.table_files import LargeSplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from wdbc_assets import settings
    from wdbc_assets.domain.data import splitting
    from wdbc_assets.pipeline.engines.engine import Engine


def fit(
    divided: splitting.Split | LargeSplit,
    parameters: settings.SearchParameters,
    engine: Engine,
    progress: Callable[[int, int], None],
) -> fitting.Fit:
    """Fit the recipe on the training set.

    Raises:
        WdbcError: as in `fitting.fit`; or the recipe cannot be fitted on a large table.
    """
    if isinstance(divided, LargeSplit):
        summed_fit.kind_of(parameters.recipe)  # before processes are started
        with large.patients(engine, divided.train) as patients:
            return summed_fit.fit(
                patients,
                recipe=parameters.recipe,
                grid=parameters.grid,
                folds=parameters.folds,
                repeats=parameters.search_repeats,
                seed=parameters.search_seed,
                test_size=divided.draw.test_size,
                split_seed=divided.draw.seed,
                progress=progress,
            )
    return fitting.fit(
        divided.X_train,
        divided.y_train,
        recipe=parameters.recipe,
        grid=parameters.grid,
        folds=parameters.folds,
        repeats=parameters.search_repeats,
        seed=parameters.search_seed,
        method=parameters.split_method,
        progress=progress,
    )


def training_set(divided: splitting.Split | LargeSplit) -> bundles.TrainingSet:
    """Return what a bundle needs of the training set."""
    if not isinstance(divided, LargeSplit):
        return bundles.TrainingSet.of(divided.X_train)
    train = divided.train
    return bundles.TrainingSet(train.rows, train.column, lambda: train.parts(contract.FEATURES))
