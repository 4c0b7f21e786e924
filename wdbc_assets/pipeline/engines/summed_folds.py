"""The evaluation of a table larger than memory, by sums over its parts, and its validation. A unit is one fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets import logs
from wdbc_assets.domain.data import contract, membership
from wdbc_assets.domain.data.failures import SHOWN, Failure
from wdbc_assets.domain.evaluation import comparison, cross_validation, summed_cross_validation
from wdbc_assets.domain.evaluation import rules as evaluation_rules
from wdbc_assets.domain.evaluation.cross_validation import OUTER_FOLDS
from wdbc_assets.domain.evaluation.summed_cross_validation import FoldModel
from wdbc_assets.domain.modeling import summed_fit
from wdbc_assets.pipeline import code_versions
from wdbc_assets.pipeline.engines import large
from wdbc_assets.pipeline.engines.work import saying_what_is_kept
from wdbc_assets.store import large_evaluation, parsing
from wdbc_assets.store.large_evaluation import LargeCrossValidation, PredictionsInFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wdbc_assets.domain.evaluation.cross_validation import FoldUnit
    from wdbc_assets.domain.rules.findings import Finding
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
        evaluated = PredictionsInFile.write(summed_cross_validation.predict(patients, models))
    measured = comparison.EvaluatedPatients(frame.rows, is_published=large.is_published(frame), column=frame.column)
    models.sort(key=lambda model: (model.recipe, model.repeat, model.fold))
    return LargeCrossValidation(evaluated, tuple(models), comparison.summarize(evaluated, measured, "hash"))


def keep(checkpoints: Checkpoints, model: FoldModel) -> None:
    """Store the model of a unit as a checkpoint."""
    checkpoints.put(_name(model), parsing.plain(model))


def kept(checkpoints: Checkpoints, unit: FoldUnit) -> FoldModel | None:
    """Return the checkpoint of a unit, if it is valid."""
    content: Any = checkpoints.get(_name(unit))
    try:
        model = parsing.build(FoldModel, content)
    except parsing.Malformed:
        return None
    return model if _name(model) == _name(unit) else None


def _name(unit: FoldUnit | FoldModel) -> str:
    return f"{unit.recipe}-{code_versions.recipe_version(unit.recipe)}-{unit.repeat}-{unit.fold}-sums"


def validate(value: LargeCrossValidation, frame: TableFile) -> list[Finding]:
    """Validate an evaluation of a clean frame."""
    return evaluation_rules.found(value.summary, list(wrong_predictions(value.evaluated, frame)))


def wrong_predictions(evaluated: PredictionsInFile, frame: TableFile) -> Iterator[Failure]:
    """Compare the predictions of every patient with the folds and diagnoses of a clean frame; rows count from 1."""
    table, first = evaluated.table, 1
    if (table.rows, table.count) != (frame.rows, frame.count):
        yield Failure(
            min(table.rows, frame.rows) + 1,
            "",
            f"predictions of {table.rows} patients, and the clean frame has {frame.rows}",
        )
        return
    for part, predictions in zip(frame.parts(), table.parts(), strict=True):
        digests = membership.digests(part)
        wrong = {"not the diagnosis of the clean frame": predictions[contract.DIAGNOSIS] != part[contract.DIAGNOSIS]}
        for repeat in evaluated.repeats:
            fold_of = membership.fold_of(digests, folds=OUTER_FOLDS, seed=repeat)
            other = predictions[f"{large_evaluation.FOLD} {repeat}"] != fold_of
            wrong[f"predicted by a model that was fitted on this patient, in repeat {repeat + 1}"] = other
            for recipe in evaluated.recipes:
                p = predictions[f"{recipe} {repeat}"]
                wrong[f"no probability of {recipe}, in repeat {repeat + 1}"] = ~p.between(0, 1)
        for what, rows in wrong.items():
            yield from (Failure(first + int(row), "", what) for row in np.flatnonzero(rows.to_numpy())[:SHOWN])
        first += len(part)
