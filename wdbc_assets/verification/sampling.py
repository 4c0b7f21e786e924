"""Sampling for expensive assets: stored results serve as checkpoints for all but a few units, which are computed again.

The sample depends only on the version. Verifying the same store twice recomputes the same units; another version gets
another sample.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets.store import codecs
from wdbc_assets.store.checkpoints import Checkpoints

if TYPE_CHECKING:
    import pandas as pd


def folds(checkpoints: Checkpoints, contents: Mapping[str, bytes], inputs: Mapping[str, Any], version: str) -> str:
    """Fill the checkpoints with the stored predictions of an evaluation, except for one fold of each recipe.

    Raises:
        LookupError: A stored file is missing.
    """
    from wdbc_assets.domain.evaluation import cross_validation
    from wdbc_assets.pipeline.engines import local

    predictions = codecs.from_parquet(contents["predictions.parquet"])
    outcomes = _outcomes(predictions, json.loads(contents["winners.json"]))
    names = {unit.recipe for unit in outcomes}
    sample = {_pick([unit for unit in outcomes if unit.recipe == name], version) for name in names}
    y = inputs["clean_frame"]["diagnosis"].to_numpy()
    for unit, (patients, outcome) in outcomes.items():
        if unit not in sample and patients == cross_validation.fold_rows(y, unit)[1].tolist():
            local.keep(checkpoints, unit, outcome)
    return f"{len(sample)} of {len(outcomes)} folds evaluated again"


def _outcomes(predictions: "pd.DataFrame", winners: list[dict[str, Any]]) -> dict[Any, tuple[list[int], Any]]:
    """Return the test patients and the outcome of each unit."""
    from wdbc_assets.domain.evaluation.cross_validation import Outcome, Unit

    outcomes = {}
    for fold in winners:
        unit = Unit(fold["recipe"], fold["repeat"], fold["fold"])
        rows = predictions["recipe"].eq(unit.recipe) & predictions["repeat"].eq(unit.repeat)
        group = predictions[rows & predictions["fold"].eq(unit.fold)]
        outcomes[unit] = (group["patient"].tolist(), Outcome(fold["winner"], tuple(group["probability"])))
    return outcomes


def _pick(units: list[Any], version: str) -> Any:
    digest = hashlib.sha256(f"{version} {units[0].recipe}".encode()).hexdigest()
    return sorted(units)[int(digest[:8], 16) % len(units)]
