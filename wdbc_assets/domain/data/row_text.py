"""Rows of a database, of Parquet files, of CSV files or of JSON records, as lines in UCI's layout.

The same patients give the same bytes, however their numbers are stored. A missing value becomes an empty cell, and
whether a value is possible is for the rules, as in a CSV file. What cannot be a cell of its column is refused here.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from wdbc_assets.domain.data import contract, csv_layouts
from wdbc_assets.domain.data.csv_layouts import NAMES, NotATable

PARQUET = b"PAR1"
"""How a Parquet file begins."""

_KINDS = {"str": "text", "bool": "true or false", "bytes": "bytes", "datetime": "a time", "date": "a date"}


class UnsuitableValue(NotATable):
    """A value is of a type that its column cannot have."""


def places(names: Sequence[str], *, strict: bool) -> list[int]:
    """Return the position of each of the contract's 32 columns among `names`, which are matched as in a CSV header.

    Raises:
        NotATable: a column is missing or occurs twice, or `strict` is set and a name is unknown.
    """
    header = csv_layouts.known_names(list(names) or [""], strict=strict)
    return [header.place[name] for name in NAMES]


def of_values(rows: Iterable[Sequence[Any]], order: Sequence[int], *, first: int = 1) -> Iterator[bytes]:
    """Yield each row as a line.

    Args:
        rows: the values of each row.
        order: where the values of the 32 columns are in a row.
        first: number of the first row, for errors.

    Raises:
        UnsuitableValue: a value is of another type than its column; `where` is the row.
    """
    for number, row in enumerate(rows, start=first):
        try:
            yield _line([row[place] for place in order])
        except UnsuitableValue as error:
            error.where = f"row {number}"
            raise


def of_csv(content: bytes) -> Iterator[bytes]:
    """Yield the rows of a CSV table, each cell as it is written.

    Raises:
        NotATable: the content is not a table of the contract's columns; `where` is the line.
    """
    for cells in csv_layouts.lay_out(content).rows():
        line = ",".join(cells)
        if line.count(",") >= len(cells) or '"' in line or "\r" in line:
            line = ",".join(map(_quoted, cells))
        yield f"{line}\n".encode()


def of_parquet(content: bytes) -> Iterator[bytes]:
    """Yield the rows of a Parquet file.

    Raises:
        NotATable: the file is damaged, or not a table of the contract's columns; `where` is the row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(content))
        order = places(file.schema_arrow.names, strict=True)
        columns = [file.schema_arrow.names[place] for place in order]
        first = 1
        for batch in file.iter_batches(columns=columns):
            values = [batch.column(name).to_pylist() for name in columns]
            yield from of_values(zip(*values, strict=True), range(len(columns)), first=first)
            first += len(batch)
    except (pa.ArrowException, OSError):
        raise NotATable("the Parquet file is damaged or truncated", hint="Write or copy the file again.") from None


def of_file(content: bytes) -> Iterator[bytes]:
    """Yield the rows of a file, whichever of the two formats it has."""
    return of_parquet(content) if content.startswith(PARQUET) else of_csv(content)


def _line(values: Sequence[Any]) -> bytes:
    identifier, diagnosis, *measurements = values
    cells = [_id(identifier), _text(diagnosis)]
    for value, name in zip(measurements, contract.FEATURES, strict=True):
        # `type` and not `isinstance`: a bool is an int to Python, and no measurement.
        cells.append(repr(value) if type(value) is float else _number(value, name))
    return f"{','.join(cells)}\n".encode()


def _number(value: Any, column: str) -> str:
    if value is None:
        return ""
    if type(value) not in {int, float, Decimal}:
        raise _unsuitable(column, value, "numbers are needed")
    try:
        return repr(float(value))
    except OverflowError:
        return repr(float("inf"))


def _id(value: Any) -> str:
    if value is None:
        return ""
    if type(value) not in {int, float, Decimal} or (type(value) is not int and not float(value).is_integer()):
        raise _unsuitable(contract.ID, value, "whole numbers are needed")
    return str(int(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is not str or not value.isprintable():  # a line break would begin another row
        raise _unsuitable(contract.DIAGNOSIS, value, "M or B is needed")
    return _quoted(value)


def _unsuitable(column: str, value: Any, needed: str) -> UnsuitableValue:
    kind = type(value).__name__
    return UnsuitableValue(
        f"the column {column} holds {_KINDS.get(kind, f'values of the type {kind}')}; {needed}",
        hint="Convert the column where the table comes from, or in a query.",
    )


def _quoted(cell: str) -> str:
    if not any(mark in cell for mark in ',"\r'):
        return cell
    return '"' + cell.replace('"', '""') + '"'
