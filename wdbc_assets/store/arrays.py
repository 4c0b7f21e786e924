"""Zero-copy conversion between NumPy and Arrow, without importing pandas.

`pyarrow.array` and `to_numpy` import pandas to check the type of their argument, which takes half of the time for a
small file. They are used here only for the rare arrays with nulls.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {"float64": pa.float64(), "int8": pa.int8()}


def to_numpy(column: pa.Array | pa.ChunkedArray) -> "NDArray[np.float64]":
    """Return a column as float64, NaN where it is null. The result may share memory; do not write to it."""
    array = column
    if isinstance(column, pa.ChunkedArray):  # to combine a single chunk would copy it
        array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if array.type != pa.float64():
        array = array.cast(pa.float64(), safe=False)
    if array.null_count:
        return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.asarray(np.from_dlpack(array), dtype=np.float64)


def from_numpy(values: "NDArray[np.float64] | NDArray[np.int8]") -> pa.Array:
    """Return float64 or int8 values as an Arrow array that shares their memory; do not change them afterwards."""
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(_TYPES[values.dtype.name], len(values), [None, buffer])


def booleans(mask: "NDArray[np.bool_]") -> pa.Array:
    """Return truth values as an Arrow array, which holds one bit for each."""
    bits = pa.py_buffer(np.packbits(mask, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, bits])


def dictionary(codes: "NDArray[np.int8]", words: Sequence[str]) -> pa.DictionaryArray:
    """Return a dictionary array: `codes` are positions in `words`."""
    texts = [word.encode() for word in words]
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.DictionaryArray.from_arrays(from_numpy(codes), pa.Array.from_buffers(pa.string(), len(texts), buffers))
