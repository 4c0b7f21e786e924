"""Log-odds of probabilities, clipped as for the log-loss so that they are finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import ranking

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def of_probabilities(p: Array) -> Array:
    """Return ln(p / (1 - p)), in the shape of p."""
    clipped = np.clip(p, ranking.LOG_LOSS_CLIP, 1 - ranking.LOG_LOSS_CLIP)
    log_odds: Array = np.log(clipped) - np.log1p(-clipped)
    return log_odds


def out_of_fold(predictions: pd.DataFrame, recipe: str) -> Array:
    """Return the mean log-odds of each patient over the repeats of a cross-validation, shape (patients,).

    Args:
        predictions: As `cross_validation.assemble` returns them.
        recipe: The recipe whose predictions are used.

    Raises:
        WdbcError: the recipe was not evaluated.
    """
    own = predictions[predictions["recipe"] == recipe]
    require_evaluated(recipe, own["recipe"].unique())
    log_odds = of_probabilities(own["probability"].to_numpy())
    return np.asarray(own.assign(log_odds=log_odds).groupby("patient")["log_odds"].mean().sort_index())


def require_evaluated(recipe: str, evaluated: Iterable[str]) -> None:
    """Raise WdbcError unless a recipe is among the evaluated ones."""
    if recipe not in evaluated:
        raise WdbcError(
            f"the recipe {recipe} has no out-of-fold predictions",
            where="cross_validation",
            hint=f"Run `wdbc evaluate --recipe {recipe}`.",
        )
