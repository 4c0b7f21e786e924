"""Reading: from the bytes of a source to the raw table, without guessing.

A table in UCI's layout or with a header is arranged as the 32 columns of the contract; anything else raises
`NotATable`. A cell that is not a number becomes a missing cell, and its text is kept for the rules to report. Arrow
parses a file without faults; any other file is parsed row by row by the code below.

Two faults are invisible in a file: truncation exactly at the end of a line, and truncation inside the last number. The
first appears as lost patients (`rules.tables`); the second is detected only by a pinned digest or by the length that
the server announced.
"""

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract, csv_layouts
from wdbc_assets.domain.data.csv_layouts import Layout, NotATable
from wdbc_assets.domain.data.failures import SHOWN, Failure

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

__all__ = ["LINE", "NotATable", "RawTable", "read"]

# Name of the raw table's index: the number of the row's line in the file, from 1.
LINE = "line"

_ID = re.compile(r"-?[0-9]{1,19}")
_LARGEST_ID = 2**63 - 1
# All that the rows of a faultless file are made of. Of these characters Arrow makes the numbers that Python makes.
_PLAIN = b"0123456789.,+-eEMB\n"


@dataclass(frozen=True)
class RawTable:
    """The raw table: n rows and 32 columns in the order of the contract, indexed by line number.

    An id or measurement that is not a number is missing in `frame`; `unreadable` has the texts of the first ten.
    """

    frame: "pd.DataFrame"
    unreadable: tuple[Failure, ...]


def read(content: bytes) -> RawTable:
    """Read a table in UCI's layout (no header), or with a header that has the contract's names in any order.

    These make no difference: UCI's, Kaggle's and scikit-learn's names, capitals and spaces in names, a byte order
    mark, CRLF, a missing last line end, empty lines at the end, quotation marks, columns without a name, and an empty
    last column.

    Raises:
        NotATable: the content is not such a table, or its lines have other columns.
    """
    layout = csv_layouts.lay_out(content)
    frame = _block_by_block(layout) if len(layout) and layout.is_made_of(_PLAIN) else None
    return _row_by_row(layout) if frame is None else RawTable(frame, ())


def read_lines(content: bytes, *, first: int) -> RawTable:
    """Read some lines of a table in UCI's layout, of which the first one has the number `first`.

    Raises:
        NotATable: the lines have other columns.
    """
    layout = replace(csv_layouts.lay_out_lines(content), first_line=first)
    frame = _block_by_block(layout) if layout.is_made_of(_PLAIN) else None
    return _row_by_row(layout) if frame is None else RawTable(frame, ())


def _block_by_block(layout: Layout) -> "pd.DataFrame | None":
    """Parse with Arrow, which is fast and rounds like Python; return None if the file has any fault."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    types = {"int64": pa.int64(), "str": pa.string(), "float64": pa.float64()}
    ids = np.empty(len(layout), dtype="int64")
    labels = []
    measurements = np.empty((len(contract.FEATURES), len(layout)))
    start = 0
    names = layout.header.names_of(layout.width())
    if names is None:
        return None
    try:
        # Streamed into place, for a whole Arrow table beside the frame would double what is needed.
        for batch in csv.open_csv(
            pa.BufferReader(pa.py_buffer(layout.text).slice(layout.start, layout.end - layout.start)),
            read_options=csv.ReadOptions(column_names=names),
            parse_options=csv.ParseOptions(quote_char=False, double_quote=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.string() for name in names}
                | {column.name: types[column.dtype] for column in contract.COLUMNS},
                null_values=[],
            ),
        ):
            if is_shifted(batch):
                return None
            rows = slice(start, start + len(batch))
            ids[rows] = batch.column(contract.ID).to_numpy()
            labels.append(batch.column(contract.DIAGNOSIS))
            for place, name in enumerate(contract.FEATURES):
                measurements[place, rows] = batch.column(name).to_numpy()
            start += len(batch)
    except pa.ArrowInvalid:
        return None
    if not all(np.isfinite(column).all() for column in measurements):
        return None
    return _frame(layout, ids, pa.chunked_array(labels).to_pandas(), measurements)


def is_shifted(table: "pa.Table | pa.RecordBatch") -> bool:
    """Return whether there is a value after the last named column."""
    import pyarrow.compute as pc

    names = [name for name in table.schema.names if name.startswith(csv_layouts.EMPTY)]
    return any(pc.sum(pc.binary_length(table.column(name))).as_py() for name in names)


def _row_by_row(layout: Layout) -> RawTable:
    """Parse decimal numbers with Python's `float`, and keep the texts of other cells."""
    import numpy as np
    import pandas as pd

    ids: list[int | None] = [None] * len(layout)
    labels = [""] * len(layout)
    measurements = np.full((len(contract.FEATURES), len(layout)), math.nan)
    unreadable: list[Failure] = []
    for row, (id_text, label, *texts) in enumerate(layout.rows()):
        ids[row], labels[row], values = _id(id_text), label, [measurement(text) for text in texts]
        measurements[:, row] = values
        if len(unreadable) < SHOWN:
            cells = zip((contract.ID, *contract.FEATURES), (id_text, *texts), (ids[row], *values), strict=True)
            unreadable += [
                Failure(layout.first_line + row, column, csv_layouts.shown(text))
                for column, text, value in cells
                if value is None or math.isnan(value)
            ]
    frame = _frame(layout, ids, pd.Series(labels, dtype="str"), measurements)
    return RawTable(frame, tuple(unreadable[:SHOWN]))


def _frame(
    layout: Layout, ids: "np.ndarray | list[int | None]", labels: "pd.Series[str]", measurements: "np.ndarray"
) -> "pd.DataFrame":
    import pandas as pd

    columns = {
        contract.ID: pd.array(ids, dtype="Int64"),  # nullable, for an unreadable id has no number to stand for it
        contract.DIAGNOSIS: labels,
        **dict(zip(contract.FEATURES, measurements, strict=True)),
    }
    frame = pd.DataFrame(columns, copy=False)
    frame.index = pd.RangeIndex(layout.first_line, layout.first_line + len(frame), name=LINE)
    return frame


def measurement(text: str) -> float:
    """Return a cell's text as a number, or NaN if it is not a number or too large to be finite."""
    value = float(text) if csv_layouts.NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else math.nan


def _id(text: str) -> int | None:
    number = int(text) if _ID.fullmatch(text) else None
    return number if number is not None and abs(number) <= _LARGEST_ID else None
