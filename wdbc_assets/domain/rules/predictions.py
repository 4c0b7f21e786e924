"""The rules for predictions, of a batch and of the service. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.rules import findings
from wdbc_assets.domain.rules.base import ResultRule, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.data.incoming import PatientTable
    from wdbc_assets.domain.rules.findings import Finding


def _not_probabilities(parts: "Iterable[np.ndarray]") -> list[str]:
    outside = sum(int((~((p >= 0) & (p <= 1))).sum()) for p in parts)
    return [f"predictions outside 0 to 1 is {outside}, needed: 0"] if outside else []


def not_probabilities(predictions: "pd.DataFrame") -> list[str]:
    """Return a message if a probability is missing or outside 0 to 1."""
    return _not_probabilities([predictions["probability"].to_numpy(dtype=float)])


ARE_PROBABILITIES = ResultRule(
    "predictions_are_probabilities",
    "Each prediction is a number from 0 to 1.",
    "Report a bug: the champion's smoke test should have rejected it.",
    faults=not_probabilities,
)

ARE_OF_THE_BATCH = Rule(
    "predictions_are_of_the_batch",
    "Each patient of the batch has one prediction, in the order of the batch.",
    "Report a bug: a prediction would count for another patient.",
)

RULES = (ARE_PROBABILITIES, ARE_OF_THE_BATCH)


def validate(predictions: "PatientTable", batch: "PatientTable") -> "list[Finding]":
    """Return a finding for each rule: of predictions, and of the patients whom they must be about."""
    p = (part for (part,) in predictions.array_parts(["probability"]))
    return [
        findings.from_lines(ARE_PROBABILITIES, _not_probabilities(p)),
        findings.from_lines(ARE_OF_THE_BATCH, _of_others(predictions, batch)),
    ]


def _of_others(predictions: "PatientTable", batch: "PatientTable") -> list[str]:
    if predictions.rows != batch.rows:
        return [f"number of predictions is {predictions.rows}, needed: {batch.rows}, one for each patient"]
    ids = zip(predictions.arrow_parts(["id"]), batch.arrow_parts(["id"]), strict=True)
    others = sum(0 if ours.equals(theirs) else 1 for ours, theirs in ids)
    return [f"parts with another patient is {others}, needed: 0"] if others else []
