"""The work of `cross_validation` on a table larger than memory: a unit is one fold, fitted by sums over the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets import logs
from wdbc_assets.domain.evaluation import comparison, cross_validation, summed_cross_validation
from wdbc_assets.domain.evaluation.summed_cross_validation import FoldModel
from wdbc_assets.domain.modeling import summed_fit
from wdbc_assets.pipeline import code_versions
from wdbc_assets.pipeline.engines import large
from wdbc_assets.pipeline.engines.work import saying_what_is_kept
from wdbc_assets.store import parsing
from wdbc_assets.store.large_evaluation import InFile, LargeCrossValidation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wdbc_assets.domain.evaluation.cross_validation import Unit
    from wdbc_assets.pipeline.engines.engine import Engine
    from wdbc_assets.store.checkpoints import Checkpoints
    from wdbc_assets.store.table_files import TableFile


def evaluate(
    frame: TableFile,
    *,
    recipes: Sequence[str],
    protocol: str,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Callable[[int, int], None],
) -> LargeCrossValidation:
    """Evaluate the recipes on every fold of every repeat, except for units that have a checkpoint.

    Raises:
        WdbcError: a recipe has no form by sums, or cannot be fitted without a fold.
    """
    names, left_out = summed_cross_validation.evaluated_recipes(recipes)
    for name in left_out:
        reason = summed_fit.REASONS[name]
        logs.logger.info("%s is not evaluated on a large table: %s", name, reason, extra={"event": "note"})
    units = cross_validation.units(names, protocol, "hash")
    models: list[FoldModel] = []
    with saying_what_is_kept("folds"), large.patients(engine, frame) as patients:
        for unit in units:
            model = kept(checkpoints, unit)
            if model is None:
                model = summed_cross_validation.fit_without_fold(patients, unit)
                keep(checkpoints, model)
            models.append(model)
            report(len(models), len(units))
        evaluated = InFile.write(summed_cross_validation.predict(patients, models))
    measured = comparison.Measured(frame.rows, is_published=large.is_published(frame), column=frame.column)
    models.sort(key=lambda model: (model.recipe, model.repeat, model.fold))
    return LargeCrossValidation(evaluated, tuple(models), comparison.summarize(evaluated, measured, "hash"))


def keep(checkpoints: Checkpoints, model: FoldModel) -> None:
    """Store the model of a unit as a checkpoint."""
    checkpoints.put(_name(model), parsing.plain(model))


def kept(checkpoints: Checkpoints, unit: Unit) -> FoldModel | None:
    """Return the checkpoint of a unit, if it is valid."""
    content: Any = checkpoints.get(_name(unit))
    try:
        model = parsing.build(FoldModel, content)
    except parsing.Malformed:
        return None
    return model if _name(model) == _name(unit) else None


def _name(of: Unit | FoldModel) -> str:
    return f"{of.recipe}-{code_versions.recipe_version(of.recipe)}-{of.repeat}-{of.fold}-sums"
