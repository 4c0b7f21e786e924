"""Probabilities of the patients of a table in partitions: out of fold, and of the test set.

This module imports numpy and scikit-learn, so callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.special import expit

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data import partitions as tables
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import order_statistics, summed_fit, summed_newton, summed_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Draws, Partitions, Patients
    from wdbc_assets.domain.modeling import fitting
    from wdbc_assets.domain.modeling.summed_terms import Kind, Terms

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class FoldModels:
    """The models of a winner's parameters without each fold of each seed, and their weights, one row each."""

    kind: Kind
    draws: Draws
    terms: tuple[Terms, ...]
    weights: Array

    def probabilities(self, patients: Patients) -> tuple[NDArray[np.int64], Array]:
        """Return diagnoses, shape (n,), and P(malignant) by models that never saw the row, shape (seeds, n)."""
        training, fold_of = self.draws.training(patients)
        log_odds = np.empty(fold_of.shape)
        for block in summed_terms.blocks(self.kind, training.X):
            for s, fold_terms in enumerate(self.terms):
                seed, fold = divmod(s, self.draws.folds)
                kept = np.flatnonzero(fold_of[seed, block.rows] == fold)
                log_odds[seed, block.rows.start + kept] = block.design(fold_terms, kept) @ self.weights[s]
        return training.y.astype(np.int64), expit(log_odds)


def without_folds(partitions: Partitions[Patients], fitted: fitting.Fit, draws: Draws) -> FoldModels:
    """Fit the winner's parameters again on every training set without a fold.

    Raises:
        WdbcError: a class is too small, a fold has none of it, or a fit does not converge.
    """
    kind = summed_fit.kind_of(fitted.recipe)
    counted = order_statistics.count(partitions, draws)
    summed_fit.require_classes(counted, draws.folds)
    terms = summed_terms.learn(kind, partitions, draws, counted)
    c = float(cast("float", fitted.winner["logistic__C"]))
    (pooled,) = summed_fit.pooled_fits(kind, partitions, draws, counted, terms, [c], lambda _: None)
    problems = [
        summed_newton.FitProblem(s, int(counted.rows[s]), c, pooled.weights, pooled.curvature)
        for s in range(1, len(counted.rows))
    ]
    summed_newton.solve(kind, partitions, draws, terms, problems, lambda _: None)
    if not all(problem.converged for problem in problems):
        raise WdbcError(
            "The winner does not converge without every fold.", where=fitted.recipe, hint="Choose a stronger penalty."
        )
    temperature = float(cast("float", fitted.winner.get("logistic__temperature", 1.0)))
    return FoldModels(kind, draws, terms[1:], temperature * np.array([problem.weights for problem in problems]))


def scores(
    partitions: Partitions[Patients], fitted: fitting.Fit, *, test_size: float, split_seed: int
) -> tuple[Array, Array]:
    """Return the diagnoses (1 = malignant) and P(malignant) of the patients of the test set, shape (n,) each."""
    draws = tables.Draws(test_size, split_seed, folds=2, seeds=())  # without seeds no folds are drawn
    parts = partitions.map(partial(_test_scores, draws, fitted))
    y, p = (np.concatenate([part[which] for part in parts]) for which in (0, 1))
    return y, p


def _test_scores(draws: Draws, fitted: fitting.Fit, patients: Patients) -> tuple[Array, Array]:
    import pandas as pd

    test = draws.test(patients)
    if not len(test.y):
        return np.empty(0), np.empty(0)
    X = pd.DataFrame(test.X, columns=list(contract.FEATURES))
    return test.y.astype(np.float64), fitted.pipeline.predict_proba(X)[:, 1]
