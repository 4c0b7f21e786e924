"""The patients that a recipe was developed on, which monitoring compares others with: all, or a sample of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from wdbc_assets.domain.data import contract, membership
from wdbc_assets.domain.evaluation import log_odds
from wdbc_assets.pipeline.engines import large
from wdbc_assets.store.large_evaluation import LargeCrossValidation
from wdbc_assets.store.table_files import TableFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.domain.evaluation.comparison import CrossValidation

SAMPLE = 100_000
"""About how many patients of a table larger than memory are drawn, by a hash of their measurements."""


@dataclass(frozen=True)
class DevelopmentPatients:
    """Patients: 30 measurements, diagnoses, and mean out-of-fold log-odds over the repeats, shape (n,)."""

    X: pd.DataFrame
    y: pd.Series[int]
    log_odds: NDArray[np.float64]

    @classmethod
    def of(
        cls, frame: pd.DataFrame | TableFile, evaluation: CrossValidation | LargeCrossValidation, recipe: str
    ) -> DevelopmentPatients:
        """Return the patients of a clean frame with the evaluation of a recipe.

        Raises:
            WdbcError: the recipe was not evaluated, or another table was.
        """
        if isinstance(frame, TableFile) and isinstance(evaluation, LargeCrossValidation):
            return _sampled(frame, evaluation, recipe)
        if isinstance(frame, TableFile) or isinstance(evaluation, LargeCrossValidation):
            raise large.of_other_tables("clean_frame", "cross_validation", command="wdbc evaluate")
        own = log_odds.out_of_fold(evaluation.predictions, recipe)
        if len(own) != len(frame):
            raise large.of_other_tables("clean_frame", "cross_validation", command="wdbc evaluate")
        return cls(frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS], own)


def _sampled(frame: TableFile, evaluation: LargeCrossValidation, recipe: str) -> DevelopmentPatients:
    evaluated = evaluation.evaluated
    log_odds.require_evaluated(recipe, evaluated.recipes)
    if evaluated.table.rows != frame.rows:
        raise large.of_other_tables("clean_frame", "cross_validation", command="wdbc evaluate")
    share = min(SAMPLE / frame.rows, 1.0)
    patients, part_log_odds = [], []
    for part, predictions in zip(frame.parts(), evaluated.parts(recipe), strict=True):
        chosen = membership.sampled(membership.digests(part), share=share)
        patients.append(part[chosen])
        part_log_odds.append(log_odds.of_probabilities(predictions[:, chosen]).mean(axis=0))
    table = pd.concat(patients, ignore_index=True)
    return DevelopmentPatients(table[list(contract.FEATURES)], table[contract.DIAGNOSIS], np.concatenate(part_log_odds))
