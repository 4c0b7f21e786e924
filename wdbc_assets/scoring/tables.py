"""The predictions for a table of patients, for monitoring: `files` scores files of any size."""

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy, log_odds

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from wdbc_assets.store.bundle_loader import Served


def predictions(table: "pd.DataFrame", served: "Served") -> "pd.DataFrame":
    """Return one row for each patient of a table with `id` and the 30 measurements.

    The columns are `id`, `probability` (of malignant, as reported), `triage`, `above_threshold`, `log_odds` (of the
    model as it was fitted, without a recalibration: what monitoring watches), `model` (the champion's version),
    `recipe` and `policy` (how the triage came about).
    """
    import pandas as pd

    p = served.probabilities(np.asfortranarray(table[list(contract.FEATURES)].to_numpy(dtype=np.float64)))
    return pd.DataFrame(
        {
            contract.ID: table[contract.ID],
            "probability": served.recalibrated(p),
            "triage": pd.Categorical.from_codes(served.triage_codes(p), pd.Index(decision_policy.OUTCOMES)),
            "above_threshold": served.above_threshold(p),
            "log_odds": log_odds.of_probabilities(p),
            "model": _constant(served.version, len(p)),
            "recipe": _constant(served.recipe, len(p)),
            "policy": _constant(served.applied_policy, len(p)),
        }
    )


def with_previous(predictions: "pd.DataFrame", table: "pd.DataFrame", previous: "Served | None") -> "pd.DataFrame":
    """Return predictions for a table with those of the model before the champion beside them.

    `previous_version` is its version, empty without one. `previous_probability` is that of the model as it was fitted,
    missing without one. A model that cannot score the table counts as none: it must not stop the champion.
    """

    version, p = "", np.full(len(table), np.nan)
    if previous is not None:
        with contextlib.suppress(WdbcError):
            p = previous.probabilities(np.asfortranarray(table[list(contract.FEATURES)].to_numpy(dtype=np.float64)))
            version = previous.version
    return predictions.assign(
        previous_version=_constant(version, len(table)), previous_probability=np.asarray(p, dtype=np.float64)
    )


def predictions_of_parts(
    parts: "Iterable[pd.DataFrame]", served: "Served", previous: "Served | None"
) -> "pd.DataFrame":
    """Return the predictions for a table that is read in parts, with those of the model before the champion."""
    import pandas as pd

    scored = [with_previous(predictions(part, served), part, previous) for part in parts]
    return pd.concat(scored, ignore_index=True)


def _constant(text: str, rows: int) -> "pd.Categorical[str]":
    """Return a column of one text."""
    import pandas as pd

    return pd.Categorical.from_codes(np.zeros(rows, dtype=np.int8), pd.Index([text]))
