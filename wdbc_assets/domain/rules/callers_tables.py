"""Validation of a DataFrame that a caller of the Python API passes: its columns, their types, and its rows.

This module imports pandas, so callers import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pandas.api import types

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules import rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_COLUMNS_NAMED = 5


def measurements(X: pd.DataFrame) -> NDArray[np.float64]:
    """Return the measurements of a table, whose columns may be in any order, shape (n, 30).

    Raises:
        WdbcError: a measurement is missing, occurs twice or is not a number, or a row breaks a rule of the data.
    """
    _require_columns(X)
    table = X[list(contract.FEATURES)]
    other = [name for name in contract.FEATURES if not _is_numeric(table[name])]
    try:
        values = None if other else table.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:
        values = None
    if values is None:
        raise WdbcError(
            "A measurement is not a number.",
            where=other[0] if other else "the table",
            hint="Convert the columns to floating-point numbers: `X.astype(float)`.",
        )
    _, broken = rows.validate(values)
    if broken:
        first = broken[0]
        raise WdbcError(
            f"{len({fault.position for fault in broken})} of {len(values)} rows break a rule of the data.",
            where=f"first row {first.position + 1}, column {first.column}: {first.rule}",
            hint="Correct these rows, or leave them out.",
        )
    return values


def _require_columns(X: pd.DataFrame) -> None:
    missing = [name for name in contract.FEATURES if name not in X.columns]
    if missing:
        some = ", ".join(missing[:_COLUMNS_NAMED]) + (", ..." if len(missing) > _COLUMNS_NAMED else "")
        raise WdbcError(
            f"The table lacks {len(missing)} of the {len(contract.FEATURES)} measurements: {some}.",
            where="the columns of the table",
            hint="Name the columns as `wdbc_assets.domain.data.contract.FEATURES` does.",
        )
    table = X[list(contract.FEATURES)]
    if table.shape[1] != len(contract.FEATURES):
        twice = table.columns[table.columns.duplicated()][0]
        raise WdbcError(
            f"The column {twice} occurs twice.", where="the columns of the table", hint="Remove one of them."
        )


def _is_numeric(column: pd.Series) -> bool:
    """Return whether a column contains real numbers only, in whatever type, and missing values."""
    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column) and not types.is_complex_dtype(column):
        return True
    return types.infer_dtype(column.astype(object), skipna=True) in {
        "floating",
        "integer",
        "mixed-integer-float",
        "empty",
    }
