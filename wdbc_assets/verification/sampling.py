"""Sampling for expensive assets: stored results serve as checkpoints for all but a few units, which are computed again.

The sample depends only on the version. Verifying the same store twice recomputes the same units; another version gets
another sample.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wdbc_assets.store import codecs
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.table_files import TableFile

if TYPE_CHECKING:
    import pandas as pd


def folds(checkpoints: Checkpoints, contents: Mapping[str, bytes], inputs: Mapping[str, Any], version: str) -> str:
    """Fill the checkpoints with the stored predictions of an evaluation, except for one fold of each recipe.

    Raises:
        LookupError: A stored file is missing.
    """
    from wdbc_assets.domain.evaluation import cross_validation
    from wdbc_assets.pipeline.engines import folds as engine

    if "models.json" in contents:
        return _summed_folds(checkpoints, contents, version)
    predictions = codecs.from_parquet(contents["predictions.parquet"])
    method = json.loads(contents["summary.json"]).get("split_method", "shuffled")
    outcomes = _outcomes(predictions, json.loads(contents["winners.json"]), method)
    names = {unit.recipe for unit in outcomes}
    sample = {_pick([unit for unit in outcomes if unit.recipe == name], f"{version} {name}") for name in names}
    frame = inputs["clean_frame"]
    work = engine.work(frame, list(outcomes))
    for unit, (patients, outcome) in outcomes.items():
        if unit not in sample and patients == cross_validation.fold_rows(frame, unit)[1].tolist():
            work.keep(checkpoints, unit, outcome)
    return f"{len(sample)} of {len(outcomes)} folds evaluated again"


def _summed_folds(checkpoints: Checkpoints, contents: Mapping[str, bytes], version: str) -> str:
    from wdbc_assets.domain.evaluation.summed_cross_validation import FoldModel
    from wdbc_assets.pipeline.engines import summed_folds
    from wdbc_assets.store import parsing

    models = [parsing.build(FoldModel, model) for model in parsing.decode(contents["models.json"])]
    by_unit = {(model.recipe, model.repeat, model.fold): model for model in models}
    names = {recipe for recipe, _, _ in by_unit}
    sample = {_pick([unit for unit in by_unit if unit[0] == name], f"{version} {name}") for name in names}
    for unit, model in by_unit.items():
        if unit not in sample:
            summed_folds.keep(checkpoints, model)
    return f"{len(sample)} of {len(models)} folds evaluated again"


def labelled_folds(
    checkpoints: Checkpoints, contents: Mapping[str, bytes], inputs: Mapping[str, Any], version: str
) -> str:
    """Fill the checkpoints as `folds` does, for an evaluation of the labelled patients.

    Raises:
        LookupError: A stored file is missing.
    """
    return folds(checkpoints, contents, {"clean_frame": inputs["labelled_patients"].frame}, version)


def _outcomes(
    predictions: "pd.DataFrame", winners: list[dict[str, Any]], method: Any
) -> dict[Any, tuple[list[int], Any]]:
    """Return the test patients and the outcome of each unit."""
    from wdbc_assets.domain.evaluation.cross_validation import FoldOutcome, FoldUnit

    outcomes = {}
    for fold in winners:
        unit = FoldUnit(fold["recipe"], fold["repeat"], fold["fold"], method)
        rows = predictions["recipe"].eq(unit.recipe) & predictions["repeat"].eq(unit.repeat)
        group = predictions[rows & predictions["fold"].eq(unit.fold)]
        outcomes[unit] = (group["patient"].tolist(), FoldOutcome(fold["winner"], tuple(group["probability"])))
    return outcomes


def refits(checkpoints: Checkpoints, contents: Mapping[str, bytes], inputs: Mapping[str, Any], version: str) -> str:
    """Fill the checkpoints with the stored refits, except for the original, one bootstrap refit and one split.

    Raises:
        LookupError: A stored file is missing, or the files do not belong together.
    """
    from wdbc_assets.domain.evaluation.refits import Refit
    from wdbc_assets.pipeline.engines import refitting

    files = {name: contents[name] for name in _STABILITY}
    value = codecs.decode("stability", files)
    summary = value.summary
    task = refitting.task_of(inputs["clean_frame"], inputs["fitted_pipeline"], seed=summary.seed)
    work = refitting.work(task, bootstraps=summary.refits, splits=summary.splits)
    by_refit = value.probabilities.groupby("refit", sort=True)["probability"].agg(tuple)
    stored: list[Any] = [
        Refit(development=development, probabilities=by_refit[number])
        for number, development in enumerate(value.developments)
    ]
    stored += value.learning
    if len(stored) != len(work.units):
        raise LookupError
    kinds = sorted({unit.kind for unit in work.units})
    sample = {_pick([unit for unit in work.units if unit.kind == kind], f"{version} {kind}") for kind in kinds}
    for unit, outcome in zip(work.units, stored, strict=True):
        if unit not in sample:
            work.keep(checkpoints, unit, outcome)
    return f"{len(sample)} of {len(work.units)} refits done again"


def scored_folds(
    checkpoints: Checkpoints, contents: Mapping[str, bytes], inputs: Mapping[str, Any], version: str
) -> str:
    """Fill the checkpoints with the stored losses of an importance, except for those of one fold.

    Those of a table larger than memory are all computed again, because the folds share their passes over it.

    Raises:
        LookupError: The stored file is missing.
    """
    from wdbc_assets.domain.evaluation import importance
    from wdbc_assets.pipeline.engines import feature_importance

    if isinstance(inputs["clean_frame"], TableFile):
        return ""
    value = codecs.decode("json", {"importance.json": contents["importance.json"]})
    task = importance.task_of(
        inputs["clean_frame"], inputs["fitted_pipeline"], permutations=value.permutations, seed=value.seed
    )
    work = feature_importance.work(task)
    stored = {(losses.repeat, losses.fold): losses for losses in value.folds}
    sample = _pick(work.units, version)
    for unit in work.units:
        if unit != sample and (unit.repeat, unit.fold) in stored:
            work.keep(checkpoints, unit, stored[unit.repeat, unit.fold])
    return f"1 of {len(work.units)} folds scored again"


_STABILITY = ("probabilities.parquet", "developments.json", "learning.json", "summary.json")


def _pick(units: Sequence[Any], version: str) -> Any:
    digest = hashlib.sha256(version.encode()).hexdigest()
    return sorted(units)[int(digest[:8], 16) % len(units)]
