"""The work of `stability`: a unit is one bootstrap refit, or one split of the learning curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.evaluation import refits, stability
from wdbc_assets.domain.evaluation.refits import Learning, Outcome, Refit, RefitTask, RefitUnit
from wdbc_assets.pipeline import code_versions
from wdbc_assets.pipeline.engines.work import Work, run
from wdbc_assets.store import parsing

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from wdbc_assets.domain.evaluation.stability import Stability
    from wdbc_assets.domain.modeling.fitting import Fit
    from wdbc_assets.pipeline.engines.engine import Engine
    from wdbc_assets.store.checkpoints import Checkpoints


def refit(
    frame: pd.DataFrame,
    fit: Fit,
    *,
    bootstraps: int,
    splits: int,
    seed: int,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Callable[[int, int], None],
) -> Stability:
    """Develop the recipe of a fit again in every unit, except for units that have a checkpoint.

    Raises:
        WdbcError: At least one unit failed; the message contains the unit and the reason.
    """
    refits.require_developable(frame)  # invalid data are refused here, not once in each unit
    task = task_of(frame, fit, seed=seed)
    outcomes = run(
        work(task, bootstraps=bootstraps, splits=splits), engine=engine, checkpoints=checkpoints, report=report
    )
    return stability.assemble(task, outcomes)


def task_of(frame: pd.DataFrame, fit: Fit, *, seed: int) -> RefitTask:
    """Return what is developed again: recipe, grid and folds of a fit, on a clean frame."""
    return RefitTask(
        frame=frame,
        recipe=fit.recipe,
        grid=fit.grid,
        folds=fit.folds,
        search_seed=fit.seed,
        seed=seed,
        method=fit.split_method,
    )


def work(task: RefitTask, *, bootstraps: int, splits: int) -> Work[RefitUnit, Outcome]:
    """Return the work of a task."""
    patients = len(task.frame)
    prefix = f"{task.recipe}-{code_versions.recipe_version(task.recipe)}-{task.seed}"

    def restore(unit: RefitUnit, content: Any) -> Outcome | None:
        try:
            if unit.kind == "learning":
                learning = parsing.build(Learning, content)
                return learning if len(learning.rows) == len(learning.log_loss) == len(refits.PARTS) else None
            outcome = parsing.build(Refit, content)
        except parsing.Malformed:
            return None
        return outcome if len(outcome.probabilities) == patients else None

    return Work(
        noun="refits",
        task=task,
        units=refits.units(bootstraps=bootstraps, splits=splits),
        run=_run,
        name=lambda unit: f"{prefix}-{unit.kind}-{unit.number}",
        restore=restore,
    )


def _run(task: RefitTask, unit: RefitUnit) -> Outcome:
    return refits.run(task, unit)
