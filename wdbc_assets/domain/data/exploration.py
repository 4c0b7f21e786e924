"""What the data look like before anything is learnt from them: the figures, and what they mean in sentences.

The parts stand in modules of their own: `distributions` (one measurement), `correlation` (two), `observations` (the
sentences). It imports numpy: import it where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract, correlation, distributions, insights, preconditions
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """What the data look like: no extreme, and no row.

    Beside counts of rows: `missing` cells, `duplicates` (rows with the measurements of an earlier row),
    `row_order_auc` (how well a row's position parts the classes, whichever way: 0.5 is chance, 1 sorted), and
    `findings`, the sentences of `insights`. A missing cell is left out of its measurement's figures.
    """

    rows: int
    benign: int
    malignant: int
    malignant_share: float
    missing: int
    duplicates: int
    measurements: dict[str, distributions.Distribution]
    correlation: correlation.Correlation
    row_order_auc: float
    findings: tuple[str, ...] = ()


def explore(frame: pd.DataFrame, *, bound: float = correlation.BOUND) -> Exploration:
    """Describe a clean frame (n_patients x 31); `bound` is the least |r| within a cluster.

    Raises WdbcError if a cell is infinite or no number, if a diagnosis is neither 0 nor 1, or if a measurement has
    fewer than `contract.LEAST_PER_CLASS` values of a class: a quantile of so few would be a patient's own value.
    """
    X, malignant = frame[list(contract.FEATURES)], _malignant(frame)
    _require_enough(X, malignant)
    position = np.arange(len(frame), dtype=np.float64)
    row_order = distributions.auc(position, malignant)
    figures = Exploration(
        rows=len(frame),
        benign=int((~malignant).sum()),
        malignant=int(malignant.sum()),
        malignant_share=float(malignant.mean()),
        missing=int(X.isna().to_numpy().sum()),
        duplicates=int(X.duplicated().sum()),
        measurements={name: _describe(X[name], malignant) for name in contract.FEATURES},
        correlation=correlation.correlate(X, bound=bound),
        row_order_auc=max(row_order, 1 - row_order),
    )
    return replace(figures, findings=tuple(insights.findings(figures)))


def _malignant(frame: pd.DataFrame) -> np.ndarray:
    diagnoses = frame[contract.DIAGNOSIS].to_numpy()
    preconditions.require_diagnoses(diagnoses, rows=len(frame), of_each=contract.LEAST_PER_CLASS)
    return np.asarray(diagnoses == contract.MALIGNANT)


def _require_enough(X: pd.DataFrame, malignant: np.ndarray) -> None:
    preconditions.require_finite(X.fillna(0.0))
    for code, name in ((contract.BENIGN, "benign"), (contract.MALIGNANT, "malignant")):
        counts = X[malignant == code].count()
        short = [str(column) for column in counts.index[counts < contract.LEAST_PER_CLASS]]
        if short:
            raise WdbcError(
                f"Too few {name} patients have a value in {len(short)} of {X.shape[1]} columns; "
                f"needed: {contract.LEAST_PER_CLASS}.",
                where=f"columns {', '.join(short[:10])}",
                hint="Fill the missing cells, or explore more patients.",
            )


def _describe(column: pd.Series[float], malignant: np.ndarray) -> distributions.Distribution:
    values = np.asarray(column, dtype=np.float64)
    known = ~np.isnan(values)
    return distributions.describe(values[known], malignant[known])
