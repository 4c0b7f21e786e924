"""Importance on a table in partitions: that of `importance` under folds by hash.

The log-odds of `logistic` and `spline` are a sum over the measurements. So what a permutation needs of a patient is not
the measurements, but what each cluster adds to the log-odds: one number for each cluster, which are brought together.
This module imports numpy, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from wdbc_assets.domain.data import contract, membership
from wdbc_assets.domain.data import partitions as tables
from wdbc_assets.domain.evaluation import importance, ranking
from wdbc_assets.domain.evaluation.cross_validation import OUTER_FOLDS
from wdbc_assets.domain.evaluation.importance import CLUSTERS, FoldLosses
from wdbc_assets.domain.modeling import recipes, summed_scores, summed_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Partitions, Patients
    from wdbc_assets.domain.modeling import fitting
    from wdbc_assets.domain.modeling.summed_scores import FoldModels

    Array = NDArray[np.float64]


def score_folds(
    partitions: Partitions[Patients],
    fit: fitting.Fit,
    *,
    permutations: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> tuple[FoldLosses, ...]:
    """Return the losses on all folds of the quick protocol, in the order of repeats and folds.

    `progress(done, total)` is called after the models of all folds were fitted: with every cluster, and without each.

    Raises:
        WdbcError: a setting is out of range, or a model cannot be fitted.
    """
    importance.require_settings(permutations=permutations, seed=seed)
    repeats = recipes.PROTOCOLS[importance.PROTOCOL]
    draws = tables.Draws(0.0, 0, OUTER_FOLDS, tuple(range(repeats)))
    total = 1 + len(CLUSTERS)
    complete = summed_scores.without_folds(partitions, fit, draws)
    progress(1, total)
    without: dict[str, Array] = {}
    for cluster in CLUSTERS:
        others = tables.Selected(partitions, partial(_without_columns, _places(cluster)))
        models = summed_scores.without_folds(others, fit, draws)
        sums = tables.total(others.map(partial(_losses, models)))
        without[cluster] = sums[..., 0] / sums[..., 1]
        progress(1 + len(without), total)
    fold_losses = []
    for repeat in range(repeats):
        scored = _ScoredPatients.joined(partitions.map(partial(_score, complete, repeat)))
        for fold in range(OUTER_FOLDS):
            in_fold = scored.of(fold)
            generators = np.random.default_rng([seed, repeat, fold]).spawn(len(CLUSTERS))
            permuted = {
                cluster: in_fold.permuted_loss(number, generator, permutations)
                for number, (cluster, generator) in enumerate(zip(CLUSTERS, generators, strict=True))
            }
            left_out = {cluster: float(losses[repeat, fold]) for cluster, losses in without.items()}
            loss = _log_loss(in_fold.y, in_fold.log_odds)
            fold_losses.append(FoldLosses(repeat=repeat, fold=fold, log_loss=loss, permuted=permuted, without=left_out))
    return tuple(fold_losses)


@dataclass(frozen=True)
class _ScoredPatients:
    """Patients of a repeat: digest, diagnosis, fold, log-odds, and what each cluster adds to these, (n, clusters)."""

    digests: NDArray[np.uint64]
    y: NDArray[np.int64]
    fold_of: NDArray[np.int8]
    log_odds: Array
    added: Array

    @classmethod
    def joined(cls, parts: Sequence[_ScoredPatients]) -> _ScoredPatients:
        """Return the patients of all partitions in the order of their digests."""
        digests = np.concatenate([part.digests for part in parts])
        order = membership.order(digests)

        def of(name: str) -> NDArray[np.generic]:
            ordered: NDArray[np.generic] = np.concatenate([getattr(part, name) for part in parts])[order]
            return ordered

        return cls(digests[order], *(of(name) for name in ("y", "fold_of", "log_odds", "added")))  # type: ignore[arg-type]

    def of(self, fold: int) -> _ScoredPatients:
        """Return the patients of a fold."""
        kept = self.fold_of == fold
        return _ScoredPatients(
            self.digests[kept], self.y[kept], self.fold_of[kept], self.log_odds[kept], self.added[kept]
        )

    def permuted_loss(self, cluster: int, generator: np.random.Generator, permutations: int) -> float:
        """Return the mean log-loss if the patients have the values of a cluster of one another."""
        own = self.added[:, cluster]
        rest = self.log_odds - own
        losses = [_log_loss(self.y, rest + own[generator.permutation(len(own))]) for _ in range(permutations)]
        return float(np.mean(losses))


def _log_loss(y: NDArray[np.int64], log_odds: Array) -> float:
    return float(ranking.losses(y, expit(log_odds))["log_loss"].mean())


def _places(cluster: str) -> tuple[int, ...]:
    return tuple(contract.FEATURES.index(column) for column in importance.columns_of(cluster))


def _without_columns(columns: tuple[int, ...], patients: Patients) -> Patients:
    return tables.Patients(np.delete(patients.X, columns, axis=1), patients.y, patients.digests)


def _losses(models: FoldModels, patients: Patients) -> Array:
    """Return the sum of the log-losses in each fold of each repeat, and the number of patients, (repeats, folds, 2)."""
    y, p = models.probabilities(patients)
    fold_of = models.draws.training(patients)[1]
    sums = [
        [
            np.bincount(folds, weights=weights, minlength=OUTER_FOLDS)
            for weights in (ranking.losses(y, probabilities)["log_loss"], None)
        ]
        for probabilities, folds in zip(p, fold_of, strict=True)
    ]
    return np.moveaxis(np.array(sums, dtype=np.float64), 1, -1)


def _score(models: FoldModels, repeat: int, patients: Patients) -> _ScoredPatients:
    fold_of = models.draws.training(patients)[1][repeat]
    groups = [_places(cluster) for cluster in CLUSTERS]
    columns, terms = patients.X.shape[1], models.weights.shape[1] - 1
    places = [[start + place for start in range(0, terms, columns) for place in group] for group in groups]
    added, log_odds = np.empty((len(fold_of), len(groups))), np.empty(len(fold_of))
    for block in summed_terms.blocks(models.kind, patients.X):
        for fold in range(OUTER_FOLDS):
            s = repeat * OUTER_FOLDS + fold
            kept = np.flatnonzero(fold_of[block.rows] == fold)
            contributions = block.design(models.terms[s], kept) * models.weights[s]
            log_odds[block.rows.start + kept] = contributions.sum(axis=1)
            for number, group in enumerate(places):
                added[block.rows.start + kept, number] = contributions[:, group].sum(axis=1)
    return _ScoredPatients(patients.digests, patients.y.astype(np.int64), fold_of.astype(np.int8), log_odds, added)
