"""The work of `cross_validation`: a unit is one fold of one repeat of one recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.evaluation import comparison, cross_validation
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.cross_validation import FoldOutcome, FoldUnit
from wdbc_assets.pipeline import code_versions
from wdbc_assets.pipeline.engines.work import Work, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from wdbc_assets.domain.data import membership
    from wdbc_assets.pipeline.engines.engine import Engine
    from wdbc_assets.store.checkpoints import Checkpoints


def evaluate(
    frame: pd.DataFrame,
    *,
    recipes: Sequence[str],
    protocol: str,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Callable[[int, int], None],
    method: membership.Method = "shuffled",
) -> CrossValidation:
    """Evaluate the recipes on every fold of every repeat, except for units that have a checkpoint.

    Raises:
        WdbcError: At least one unit failed; the message contains recipe, repeat, fold and reason.
    """
    cross_validation.measurements(frame)  # invalid data are refused here, not once in each unit
    units = cross_validation.units(recipes, protocol, method)
    outcomes = run(work(frame, units), engine=engine, checkpoints=checkpoints, report=report)
    predictions, winners = cross_validation.assemble(frame, outcomes)
    return CrossValidation(predictions, winners, comparison.summary(predictions, frame, method))


def work(frame: pd.DataFrame, units: Sequence[FoldUnit]) -> Work[FoldUnit, FoldOutcome]:
    """Return the work of these units on a clean frame."""
    fold_of = {
        (repeat, method): cross_validation.folds(frame, repeat, method)
        for repeat, method in {(unit.repeat, unit.method) for unit in units}
    }

    def restore(unit: FoldUnit, content: Any) -> FoldOutcome | None:
        match content:
            case {"winner": dict(winner), "probabilities": list(probabilities)}:
                if len(probabilities) == (fold_of[unit.repeat, unit.method] == unit.fold).sum():
                    return FoldOutcome(winner, tuple(probabilities))
        return None

    return Work(noun="folds", task=frame, units=units, run=_run, name=_name, restore=restore)


def _run(frame: pd.DataFrame, unit: FoldUnit) -> FoldOutcome:
    return cross_validation.evaluate_fold(frame, unit)


def _name(unit: FoldUnit) -> str:
    # Checkpoints of a recipe end with its code; those of the other recipes stay.
    drawn = "" if unit.method == "shuffled" else f"-{unit.method}"
    return f"{unit.recipe}-{code_versions.recipe_version(unit.recipe)}-{unit.repeat}-{unit.fold}{drawn}"
