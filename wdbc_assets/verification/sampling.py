"""Long work is not all done again: finished parts of what is stored stand in for all but a few, which are.

Which are done again depends on the version alone: the same store is verified in the same way each time, and other
versions by other parts.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets.store import codecs
from wdbc_assets.store.checkpoints import Checkpoints

if TYPE_CHECKING:
    import pandas as pd

Sampler = Callable[[Checkpoints, Mapping[str, bytes], Mapping[str, Any], str], str]
"""Lays parts of the stored files onto a checkpoints, given the inputs and the version; returns what is left to be done.

Raises LookupError if a file that the parts are read from is not among them.
"""


def folds(checkpoints: Checkpoints, contents: Mapping[str, bytes], inputs: Mapping[str, Any], version: str) -> str:
    """Lay the stored predictions of an evaluation onto the checkpoints, but for one fold of each recipe."""
    from wdbc_assets.domain.evaluation import cross_validation
    from wdbc_assets.pipeline.engines import local

    predictions = codecs.from_parquet(contents["predictions.parquet"])
    found = _outcomes(predictions, json.loads(contents["winners.json"]))
    again = {
        _chosen([unit for unit in found if unit.recipe == name], version) for name in {one.recipe for one in found}
    }
    y = inputs["clean_frame"]["diagnosis"].to_numpy()
    for unit, (patients, outcome) in found.items():
        if unit not in again and patients == cross_validation.rows(y, unit)[1].tolist():
            local.keep(checkpoints, unit, outcome)
    return f"{len(again)} of {len(found)} folds judged again"


def _outcomes(predictions: "pd.DataFrame", winners: list[dict[str, Any]]) -> dict[Any, tuple[list[int], Any]]:
    """Return what each unit found, with the patients that it answered for."""
    from wdbc_assets.domain.evaluation.cross_validation import Outcome, Unit

    of = {Unit(one["recipe"], one["repeat"], one["fold"]): one["winner"] for one in winners}
    found = {}
    for unit, winner in of.items():
        rows = predictions["recipe"].eq(unit.recipe) & predictions["repeat"].eq(unit.repeat)
        group = predictions[rows & predictions["fold"].eq(unit.fold)]
        found[unit] = (group["patient"].tolist(), Outcome(winner, tuple(group["probability"])))
    return found


def _chosen(candidates: list[Any], version: str) -> Any:
    digest = hashlib.sha256(f"{version} {candidates[0].recipe}".encode()).hexdigest()
    return sorted(candidates)[int(digest[:8], 16) % len(candidates)]


SAMPLERS: Mapping[str, Sampler] = {"cross_validation": folds}
