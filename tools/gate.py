"""Simulations of the gate: how often it promotes a candidate that is no better, and recognizes one that is.

`tools.evaluation` stores the result. A simulated candidate equals the champion on average: the difference in log-loss
of each patient between two real recipes gets a random sign, the same in all repeats. Its folds, and how far patients
differ, are those of real recipes.
"""

from typing import Any

import numpy as np
import pandas as pd

from wdbc_assets.domain import formatting
from wdbc_assets.domain.evaluation import comparison, ranking
from wdbc_assets.domain.promotion import criteria

CANDIDATES = 2000
"""The number of simulated candidates, and for several attempts of simulated champions."""

ATTEMPTS = 50
_FOLDS, _SEED = 10, 0


def simulate(predictions: pd.DataFrame, recipes: tuple[str, str], *, candidates: int = CANDIDATES) -> dict[str, Any]:
    """Return the shares of simulated candidates by what the gate's criterion for the log-loss says of them.

    Args:
        predictions: The out-of-fold predictions of `cross_validation`.
        recipes: The two recipes whose differences are used.
        candidates: How many to simulate.
    """
    generator = np.random.default_rng(_SEED)
    differences, means = _differences(predictions, recipes)

    def simulated(attempt: int, gain: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper bounds of the interval of each candidate, shape (candidates,)."""
        signs = generator.choice([-1.0, 1.0], size=(differences.shape[1], candidates))
        by_fold = np.concatenate([m @ (d[:, None] * signs) for m, d in zip(means, differences, strict=True)]) - gain
        confidence = 1 - criteria.alpha(attempt)
        bounds = [
            comparison.corrected_interval(values, folds=_FOLDS, confidence=confidence)[1:] for values in by_fold.T
        ]
        low, high = np.array(bounds).T
        return low, high

    low, high = simulated(1)
    ever = np.zeros(candidates, dtype=bool)
    for attempt in range(1, ATTEMPTS + 1):
        ever |= simulated(attempt)[1] < 0
    return {
        "recipes": list(recipes),
        "candidates": candidates,
        "promoted": float((high < 0).mean()),
        "worse": float((low > 0).mean()),
        "attempts": ATTEMPTS,
        "ever_promoted": float(ever.mean()),
        "power": {str(gain): float((simulated(1, gain)[1] < 0).mean()) for gain in criteria.GAINS},
    }


def text(found: dict[str, Any]) -> str:
    """Return the result as a sentence of the page."""
    power = ", ".join(f"{float(gain):.3f} in {formatting.percent(share)}" for gain, share in found["power"].items())
    promoted, worse, ever = (formatting.percent(found[name]) for name in ("promoted", "worse", "ever_promoted"))
    first, second = found["recipes"]
    return (
        f"The gate of `wdbc promote` was simulated with {found['candidates']} candidates that equal the champion on"
        f" average, and differ from it from patient to patient as `{first}` from `{second}`. Its criterion for the"
        f" log-loss is met by {promoted} of them, and calls {worse} worse; of {found['attempts']} candidates in a row"
        f" for one champion, at least one meets it in {ever}. A gain in log-loss is recognized at the first attempt if"
        f" it is {power}."
    )


def _differences(predictions: pd.DataFrame, recipes: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the differences in loss, shape (repeats, n), and the weights of each fold, shape (repeats, folds, n)."""
    ordered = predictions.sort_values(["repeat", "patient"])
    losses = []
    for recipe in recipes:
        own = ordered[ordered["recipe"] == recipe]
        of_rows = ranking.losses(own["diagnosis"].to_numpy(), own["probability"].to_numpy())["log_loss"]
        losses.append(of_rows.reshape(own["repeat"].nunique(), -1))
    folds = own["fold"].to_numpy().reshape(losses[0].shape)
    belongs = (folds[:, None, :] == np.arange(_FOLDS)[:, None]).astype(np.float64)
    return losses[0] - losses[1], belongs / belongs.sum(axis=2, keepdims=True)
