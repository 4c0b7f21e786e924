"""The rules for the predictions of a batch. This module imports no heavy libraries."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.rules.base import ResultRule

if TYPE_CHECKING:
    import pandas as pd


def not_probabilities(predictions: "pd.DataFrame") -> list[str]:
    """Return a message if a probability is missing or outside 0 to 1."""
    outside = int((~predictions["probability"].between(0, 1)).sum())
    return [f"predictions outside 0 to 1 is {outside}, needed: 0"] if outside else []


def several_models(predictions: "pd.DataFrame") -> list[str]:
    """Return a message unless all predictions are of one model."""
    models = predictions["model"].nunique()
    return [] if models == 1 else [f"models is {models}, needed: 1"]


ARE_PROBABILITIES = ResultRule(
    "predictions_are_probabilities",
    "Each prediction is a number from 0 to 1.",
    "Report a bug: the champion's smoke test should have rejected it.",
    faults=not_probabilities,
)

RULES = (
    ARE_PROBABILITIES,
    ResultRule(
        "predictions_have_one_model",
        "All patients of a batch are scored by the same version of the champion.",
        "Report a bug: a run reads the champion once.",
        faults=several_models,
    ),
)
