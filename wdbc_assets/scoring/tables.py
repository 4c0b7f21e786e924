"""The predictions for a table of patients, for monitoring: `files` scores files of any size."""

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import decision_policy, log_odds

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from wdbc_assets.store.bundle_loader import Served


def predictions(table: "pd.DataFrame", served: "Served") -> "pd.DataFrame":
    """Return one row for each patient of a table with `id` and the 30 measurements.

    The columns are `id`, `probability` (of malignant, as reported), `triage`, `above_threshold`, `log_odds` (of the
    model as it was fitted, without a recalibration: what monitoring watches), `model` (the champion's version) and
    `recipe`.
    """
    import pandas as pd

    p = served.probabilities(np.asfortranarray(table[list(contract.FEATURES)].to_numpy(dtype=np.float64)))
    codes = decision_policy.codes(p, served.policy.quantiles)
    return pd.DataFrame(
        {
            contract.ID: table[contract.ID],
            "probability": served.recalibrated(p),
            "triage": pd.Categorical.from_codes(codes, pd.Index(decision_policy.OUTCOMES)),
            "above_threshold": served.above_threshold(p),
            "log_odds": log_odds.of_probabilities(p),
            "model": pd.Categorical.from_codes(np.zeros(len(p), dtype=np.int8), pd.Index([served.version])),
            "recipe": pd.Categorical.from_codes(np.zeros(len(p), dtype=np.int8), pd.Index([served.recipe])),
        }
    )


def predictions_of_parts(parts: "Iterable[pd.DataFrame]", served: "Served") -> "pd.DataFrame":
    """Return the predictions for a table that is read in parts, as `predictions` returns those of one."""
    import pandas as pd

    return pd.concat([predictions(part, served) for part in parts], ignore_index=True)
