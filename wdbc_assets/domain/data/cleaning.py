"""Cleaning: from the raw table to the frame that models are fitted on."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data import reading


def clean(table: "reading.RawTable") -> "pd.DataFrame":
    """Encode the diagnosis and drop the id; rows and their order stay the same.

    Args:
        table: n rows of the raw table; it must have been validated (`schemas.validate_raw`).

    Returns:
        n rows numbered from 0: `diagnosis` (int64, 1 = malignant) and the 30 features (float64).

    Raises:
        ValueError: the table has unreadable cells or labels other than M and B, so it was not validated.
    """
    raw = table.frame
    if table.unreadable or not raw[contract.DIAGNOSIS].isin(list(contract.LABELS)).all():
        raise ValueError("a raw table that breaks its rules cannot be cleaned; validate it first")
    # Features are taken as they stand, without a copy: a frame of a million rows is not held twice.
    frame = raw[list(contract.FEATURES)].reset_index(drop=True)
    frame.insert(0, contract.DIAGNOSIS, (raw[contract.DIAGNOSIS] == "M").to_numpy(dtype="int64"))
    return frame
