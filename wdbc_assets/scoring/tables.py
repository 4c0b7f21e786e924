"""The predictions for a table of patients, for monitoring: `files` scores files of any size."""

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy, log_odds

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data.incoming import Patients
    from wdbc_assets.store.bundle_loader import Served


def predictions(patients: "Patients", served: "Served", previous: "Served | None") -> "pd.DataFrame":
    """Return one row for each patient, 40 bytes and the id. The measurements are read in parts.

    The columns are `id`, `probability` (of malignant, as reported), `triage`, `above_threshold`, `log_odds` (of the
    model as it was fitted, without a recalibration: what monitoring watches), `model` (the champion's version),
    `recipe` and `policy` (how the triage came about).

    Beside them stands the model before the champion: `previous_version`, empty without one, and
    `previous_probability`, that of the model as it was fitted, missing without one. A model that cannot score the
    patients counts as none: it must not stop the champion.
    """
    import pandas as pd

    rows = patients.rows
    probability, of_fitted, before = np.empty(rows), np.empty(rows), np.full(rows, np.nan)
    triage, above_threshold = np.empty(rows, dtype=np.int8), np.empty(rows, dtype=np.bool_)
    begin = 0
    for X in patients.matrices(contract.FEATURES):
        part = slice(begin, begin := begin + len(X))
        p = served.probabilities(X)
        probability[part], of_fitted[part] = served.recalibrated(p), log_odds.of_probabilities(p)
        triage[part], above_threshold[part] = served.triage_codes(p), served.above_threshold(p)
        if previous is not None:
            try:
                before[part] = previous.probabilities(X)
            except WdbcError:
                before[:], previous = np.nan, None
    return pd.DataFrame(
        {
            contract.ID: patients.series(contract.ID),
            "probability": probability,
            "triage": pd.Categorical.from_codes(triage, pd.Index(decision_policy.OUTCOMES)),
            "above_threshold": above_threshold,
            "log_odds": of_fitted,
            "model": _constant(served.version, rows),
            "recipe": _constant(served.recipe, rows),
            "policy": _constant(served.applied_policy, rows),
            "previous_version": _constant(previous.version if previous else "", rows),
            "previous_probability": before,
        },
        copy=False,
    )


def _constant(text: str, rows: int) -> "pd.Categorical[str]":
    """Return a column of one text."""
    import pandas as pd

    return pd.Categorical.from_codes(np.zeros(rows, dtype=np.int8), pd.Index([text]))
