"""Recognizes the published data set, for which the results of an evaluation are known exactly."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract

if TYPE_CHECKING:
    import pandas as pd

ROWS = 569
"""The number of patients."""

_VALUES = "fbdffae16d84c980cddbee8ef2817438a370a1a240ee1b66569874fb232015eb"


def is_published(frame: pd.DataFrame) -> bool:
    """Return whether a clean frame has the 569 patients that UCI publishes, in their order."""
    import numpy as np

    columns = [contract.DIAGNOSIS, *contract.FEATURES]
    values = np.ascontiguousarray(frame[columns].to_numpy(np.float64))
    return hashlib.sha256(values.tobytes()).hexdigest() == _VALUES
