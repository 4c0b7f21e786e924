"""Exploratory analysis of the clean frame: distributions, correlations, and findings in sentences.

`distributions` describes one measurement, `correlation` several; `insights` states the findings. numpy is imported
inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract, correlation, distributions, insights, preconditions
from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """A description of the data that contains no single patient's value: no extremes and no rows.

    `missing` counts cells, `duplicates` counts rows with the same measurements as an earlier row. `row_order_auc` is
    the ROC-AUC of a row's position, from 0.5 (chance) to 1 (sorted by class). `findings` are the sentences of
    `insights`. Statistics of a measurement exclude its missing cells.
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
    """Describe a clean frame (n_patients x 31); `bound` is the smallest |r| within a cluster.

    Raises:
        WdbcError: a cell is infinite or not a number, a diagnosis is neither 0 nor 1, or a measurement has fewer than
            `contract.LEAST_PER_CLASS` values in a class: a quantile of so few would be a single patient's value.
    """
    import numpy as np

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
    import numpy as np

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
    import numpy as np

    values = np.asarray(column, dtype=np.float64)
    known = ~np.isnan(values)
    return distributions.describe(values[known], malignant[known])
