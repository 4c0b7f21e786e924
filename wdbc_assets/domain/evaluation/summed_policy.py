"""The decision policy of a fit on a table in partitions: that of `policy_derivation` under folds by hash.

The threshold and the quantiles are single patients' probabilities, so these are brought together: two numbers for each
patient, and never the measurements. This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import partitions as tables
from wdbc_assets.domain.evaluation import policy_derivation, ranking
from wdbc_assets.domain.evaluation.cross_validation import OUTER_FOLDS
from wdbc_assets.domain.modeling import summed_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Partitions, Patients
    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy
    from wdbc_assets.domain.modeling.fitting import Fit


def derive(
    partitions: Partitions[Patients],
    fit: Fit,
    *,
    test_size: float = defaults.TEST_SIZE,
    split_seed: int = defaults.SEED,
    recall_target: float = defaults.RECALL_TARGET,
    alpha: float = defaults.ALPHA,
    folds: int = defaults.POLICY_FOLDS,
    seed: int = defaults.SEED,
) -> DecisionPolicy:
    """Return the decision policy of a fit by `summed_fit`, with its evaluation. See `policy_derivation.derive`.

    Raises:
        WdbcError: a class is too small for the folds, or a fold cannot be fitted.
    """
    models = summed_scores.without_folds(partitions, fit, tables.Draws(test_size, split_seed, folds, (seed,)))
    parts = partitions.map(models.probabilities)
    y = np.concatenate([diagnoses for diagnoses, _ in parts])
    p = np.concatenate([probabilities for _, probabilities in parts], axis=1)[0]
    y_test, p_test = summed_scores.scores(partitions, fit, test_size=test_size, split_seed=split_seed)
    return policy_derivation.of_scores(
        policy_derivation.Scores(y, p, y_test.astype(np.int64), p_test),
        fit,
        recall_target=recall_target,
        alpha=alpha,
        folds=folds,
        seed=seed,
        log_loss=_winner_log_loss(partitions, fit, split_seed=split_seed),
    )


def _winner_log_loss(partitions: Partitions[Patients], fit: Fit, *, split_seed: int) -> float:
    everyone = tables.Draws(0.0, split_seed, OUTER_FOLDS, tuple(range(policy_derivation.WINNER_REPEATS)))
    models = summed_scores.without_folds(partitions, fit, everyone)
    sums = tables.total(partitions.map(partial(_losses, models)))
    return float(sums[0] / sums[1])


def _losses(models: summed_scores.FoldModels, patients: Patients) -> NDArray[np.float64]:
    """Return the sum of the log-losses of all repeats, and the number of terms."""
    y, p = models.probabilities(patients)
    return np.array(
        [sum(ranking.losses(y, probabilities)["log_loss"].sum() for probabilities in p), p.size], dtype=np.float64
    )
