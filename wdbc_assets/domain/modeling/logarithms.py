"""The logarithm of each measurement, log(x + offset), in recipes and in the drift report. It needs numpy only."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

OFFSET_QUANTILE = 0.05
FAR_BELOW = 1e-3


def learn(values: "Array") -> "tuple[Array, Array]":
    """Return the offset and the least value of each column of the training rows, shape (n, columns), not negative.

    A column with zeros has the 5 % quantile of its positive values as its offset, any other 0. The least value is a
    thousandth of the smallest value of x + offset; smaller ones, which may have no logarithm, count as this one.
    """
    offsets = np.array([_offset(column) for column in values.T])
    least = FAR_BELOW * (values + offsets).min(axis=0)
    return offsets, np.maximum(least, np.finfo(np.float64).tiny)


def of(values: "Array", offsets: "Array", least: "Array") -> "Array":
    """Return the logarithms of rows, shape (n, columns), by what `learn` returned."""
    result: Array = values + offsets
    np.maximum(result, least, out=result)
    return np.log(result, out=result)


def _offset(column: "Array") -> float:
    if column.min() > 0:
        return 0.0
    positive = column[column > 0]
    return float(np.quantile(positive, OFFSET_QUANTILE)) if len(positive) else 1.0
