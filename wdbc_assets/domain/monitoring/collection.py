"""Collection of the labelled patients: the reference, and the patients of all batches whose diagnosis became known.

This module imports pandas, so callers import it inside functions.
"""

from collections.abc import Mapping

import pandas as pd

from wdbc_assets.domain.data import contract, incoming
from wdbc_assets.domain.data.incoming import IncomingBatch
from wdbc_assets.domain.data.labelled import ARRIVED_AT, COLUMNS, LabelledPatients
from wdbc_assets.domain.monitoring import live


def collect(reference: pd.DataFrame, batches: Mapping[str, IncomingBatch], events: pd.DataFrame) -> LabelledPatients:
    """Return the patients of the reference, and those of the batches whose diagnosis is known.

    Of a patient who arrived several times the first row counts, so that no later row of a patient is held back from a
    model that was fitted on the first one. Patients without an id cannot be joined with an outcome.

    Args:
        reference: The clean frame.
        batches: The incoming batches by key.
        events: The outcomes, with `live.EVENT_COLUMNS`, in the order in which they were recorded.
    """
    known = live.current_diagnoses(events)
    arrived = [batches[key].table.assign(**{ARRIVED_AT: incoming.arrival(key).isoformat()}) for key in sorted(batches)]
    rows = pd.concat(arrived, ignore_index=True) if arrived else pd.DataFrame(columns=list(COLUMNS))
    named = rows[rows[contract.ID] != ""]
    patients = named.drop_duplicates(contract.ID, keep="first")
    labelled = patients.drop(columns=contract.DIAGNOSIS, errors="ignore").merge(
        known.table[[contract.ID, contract.DIAGNOSIS]], on=contract.ID, validate="one_to_one"
    )
    developed = reference.assign(**{contract.ID: "", ARRIVED_AT: ""})
    table = pd.concat([developed[list(COLUMNS)], labelled[list(COLUMNS)]], ignore_index=True)
    repeats = table.duplicated(list(contract.FEATURES), keep="first") & (table[ARRIVED_AT] != "")
    kinds = {contract.ID: "str", ARRIVED_AT: "str", contract.DIAGNOSIS: "int64"}
    kinds |= dict.fromkeys(contract.FEATURES, "float64")
    return LabelledPatients(
        table=table[~repeats].reset_index(drop=True).astype(kinds),
        without_outcome=len(patients) - len(labelled),
        contradictory=known.contradictory,
        repeated=len(named) - len(patients),
        duplicates=int(repeats.sum()),
        without_batch=int((~known.table[contract.ID].isin(patients[contract.ID])).sum()),
    )
