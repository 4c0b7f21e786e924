"""The work of `importance`: a unit is one fold, scored with each cluster of measurements permuted and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.evaluation import importance as domain
from wdbc_assets.domain.evaluation.importance import FoldLosses, Importance, ImportanceTask
from wdbc_assets.pipeline import code_versions
from wdbc_assets.pipeline.engines.work import Work, run
from wdbc_assets.store import parsing

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from wdbc_assets.domain.data.splitting import Split
    from wdbc_assets.domain.evaluation.cross_validation import FoldUnit
    from wdbc_assets.domain.modeling.fitting import Fit
    from wdbc_assets.pipeline.engines.engine import Engine
    from wdbc_assets.store.checkpoints import Checkpoints


def importance(
    frame: pd.DataFrame,
    split: Split,
    fit: Fit,
    *,
    permutations: int,
    seed: int,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Callable[[int, int], None],
) -> Importance:
    """Score every fold, except for those that have a checkpoint.

    Raises:
        WdbcError: A setting or the data are refused, or at least one fold failed; the message names fold and reason.
    """
    task = domain.task_of(frame, fit, permutations=permutations, seed=seed)
    outcomes = run(work(task), engine=engine, checkpoints=checkpoints, report=report)
    return domain.assemble(task, fit, split, outcomes)


def work(task: ImportanceTask) -> Work[FoldUnit, FoldLosses]:
    """Return the work of a task."""
    drawn = "" if task.method == "shuffled" else f"-{task.method}"
    prefix = f"{task.recipe}-{code_versions.recipe_version(task.recipe)}-{task.permutations}-{task.seed}{drawn}"

    def restore(unit: FoldUnit, content: Any) -> FoldLosses | None:
        try:
            losses = parsing.build(FoldLosses, content)
        except parsing.Malformed:
            return None
        complete = set(losses.permuted) == set(losses.without) == set(domain.CLUSTERS)
        return losses if complete and (losses.repeat, losses.fold) == (unit.repeat, unit.fold) else None

    return Work(
        noun="folds",
        task=task,
        units=domain.units(task),
        run=_run,
        name=lambda unit: f"{prefix}-{unit.repeat}-{unit.fold}",
        restore=restore,
    )


def _run(task: ImportanceTask, unit: FoldUnit) -> FoldLosses:
    return domain.score_fold(task, unit)
