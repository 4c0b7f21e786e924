"""The fit of a recipe on a training set in memory, or on one that is larger, by sums."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from wdbc_assets.domain.modeling import fitting, summed_fit
from wdbc_assets.pipeline.engines import large
from wdbc_assets.store.table_files import LargeSplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from wdbc_assets import settings
    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.data.partitions import Partitions, Patients
    from wdbc_assets.pipeline.engines.engine import Engine
    from wdbc_assets.pipeline.progress import Report

T = TypeVar("T")


def fit(
    divided: splitting.Split | LargeSplit,
    parameters: settings.SearchParameters,
    engine: Engine,
    report: Report,
) -> fitting.Fit:
    """Fit the recipe on the training set.

    Raises:
        WdbcError: as in `fitting.fit`; or the recipe cannot be fitted on a large table.
    """
    if isinstance(divided, LargeSplit):
        summed_fit.kind_of(parameters.recipe)  # before processes are started
        with large.patients(engine, divided.train) as patients:
            passes = _Passes(patients, report)
            return summed_fit.search(
                passes,
                recipe=parameters.recipe,
                grid=parameters.grid,
                folds=parameters.folds,
                repeats=parameters.search_repeats,
                seed=parameters.search_seed,
                test_size=divided.draw.test_size,
                split_seed=divided.draw.seed,
                progress=passes.fitted,
            ).fit()
    return fitting.fit(
        divided.X_train,
        divided.y_train,
        recipe=parameters.recipe,
        grid=parameters.grid,
        folds=parameters.folds,
        repeats=parameters.search_repeats,
        seed=parameters.search_seed,
        method=parameters.split_method,
        progress=partial(report, "candidates evaluated"),
    )


class _Passes:
    """The partitions of a table, and how often it was read: most fits end in the same pass, the last ones."""

    def __init__(self, patients: Partitions[Patients], report: Report) -> None:
        self._patients = patients
        self._report = report
        self._count = 0
        self._fits_begun = False

    def map(self, function: Callable[[Patients], T]) -> list[T]:
        """Return what a function makes of each partition, and count the pass."""
        results = self._patients.map(function)
        self._count += 1
        if not self._fits_begun:
            self._report(f"passes over the table: {self._count}")
        return results

    def fitted(self, done: int, total: int) -> None:
        """Report the pass that has ended, and how many fits are finished."""
        self._fits_begun = True
        self._report(f"passes over the table: {self._count}, candidates evaluated", done, total)
