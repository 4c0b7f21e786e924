"""From the bytes of a source to the raw table, without ever guessing.

A table in UCI's form or with a header is laid out as the 32 columns of the contract. What cannot be laid out so raises
`NotATable`; a cell that is no number becomes a missing cell with its text kept beside it, for the rules to refuse. A
file without a fault is parsed by Arrow; anything odd is read row by row, exactly as written down here.

Two faults leave no trace in a file: a cut exactly at the end of a line, and one inside its very last number. The first
shows as lost patients (`table_rules`); the second only a pinned digest, or the length the server announced, can tell.
"""

import math
import re
from dataclasses import dataclass
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
    """The raw table: n rows, 32 columns in the order of the contract, indexed by the number of the line.

    An id or measurement that is no number is missing in `frame`; `unreadable` has the texts of the first ten.
    """

    frame: "pd.DataFrame"
    unreadable: tuple[Failure, ...]


def read(content: bytes) -> RawTable:
    """Read a table in UCI's form (no header) or with a header whose names are those of the contract, in any order.

    UCI's, Kaggle's and scikit-learn's names, capitals and blanks in them, a byte order mark, CRLF, a missing last line
    end, empty lines at the end, quotation marks, columns without a name and an empty last one make no difference.

    Raises:
        NotATable: the content is something else, or its lines have other columns.
    """
    layout = csv_layouts.lay_out(content)
    frame = _block_by_block(layout) if len(layout) and layout.is_made_of(_PLAIN) else None
    return _row_by_row(layout) if frame is None else RawTable(frame, ())


def _block_by_block(layout: Layout) -> "pd.DataFrame | None":
    """Parse with Arrow, which is fast and rounds as Python does; None if anything is odd."""
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
    """Say whether a value stands behind the last column that has a name."""
    import pyarrow.compute as pc

    names = [name for name in table.schema.names if name.startswith(csv_layouts.EMPTY)]
    return any(pc.sum(pc.binary_length(table.column(name))).as_py() for name in names)


def _row_by_row(layout: Layout) -> RawTable:
    """Parse with Python's own `float` what is written as a decimal number, and keep the texts of what is not."""
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
    """Return the number that a cell's text is, or NaN if it is none, or one too large to be finite."""
    value = float(text) if csv_layouts.NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else math.nan


def _id(text: str) -> int | None:
    number = int(text) if _ID.fullmatch(text) else None
    return number if number is not None and abs(number) <= _LARGEST_ID else None
