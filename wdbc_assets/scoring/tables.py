"""The predictions for a table of patients, for monitoring: `files` scores files of any size."""

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy, log_odds
from wdbc_assets.domain.monitoring.batch_predictions import BatchPredictions
from wdbc_assets.store import arrays, table_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from wdbc_assets.domain.data.incoming import PatientTable
    from wdbc_assets.store.bundle_loader import Served


class _PreviousFails(Exception):
    """The model before the champion cannot score a patient."""


def predictions(patients: "PatientTable", served: "Served", previous: "Served | None") -> BatchPredictions:
    """Return the predictions of a model, and of the one before it. Patients are read and predictions written in parts.

    A model before that cannot score the patients counts as none: it must not stop the champion.
    """
    try:
        found = table_files.write(_scored(patients, served, previous))
    except _PreviousFails:
        previous = None
        found = table_files.write(_scored(patients, served, None))
    return BatchPredictions(
        found, served.version, served.recipe, served.applied_policy, previous.version if previous else ""
    )


def _scored(patients: "PatientTable", served: "Served", previous: "Served | None") -> "Iterator[pa.Table]":
    """Yield the predictions in parts: see `BatchPredictions.patients`."""
    import pyarrow as pa

    for part in patients.arrow_parts([contract.ID, *contract.FEATURES]):
        X = table_files.matrix(part, contract.FEATURES)
        p = served.probabilities(X)
        yield pa.table(
            {
                contract.ID: part.column(contract.ID),
                "probability": arrays.from_numpy(served.recalibrated(p)),
                "triage": arrays.dictionary(served.triage_codes(p), decision_policy.OUTCOMES),
                "above_threshold": arrays.booleans(served.above_threshold(p)),
                "log_odds": arrays.from_numpy(log_odds.of_probabilities(p)),
                "previous_probability": arrays.from_numpy(
                    np.full(len(p), np.nan) if previous is None else _before(previous, X)
                ),
            }
        )


def _before(previous: "Served", X: np.ndarray) -> np.ndarray:
    try:
        return previous.probabilities(X)
    except WdbcError as error:
        raise _PreviousFails from error
