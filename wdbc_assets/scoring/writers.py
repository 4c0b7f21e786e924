"""Formats scored rows and rejects, safe to open in a spreadsheet. `output_files` opens the destination.

A spreadsheet interprets a cell that starts with =, +, -, @, or their full-width forms as a formula. Such an id is
prefixed with an apostrophe (OWASP, "CSV Injection").
"""

import csv as python_csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from wdbc_assets.domain.data import csv_layouts
from wdbc_assets.domain.rules import rows
from wdbc_assets.scoring.batches import Batch
from wdbc_assets.scoring.output_files import Closed

_ROW_GROUP = 2**18
_FORMULA = r"^([=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"
_OTHER_SEPARATORS = r"[;\t|]"


class Scored(Protocol):
    """Writer of scored rows. `rows` counts the rows written."""

    rows: int

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows."""


@contextmanager
def scored(sink: BinaryIO, schema: pa.Schema, form: str) -> Iterator[Scored]:
    """Open a writer of scored rows in the given format. The end of the file is written only after success."""
    if form == "csv":
        yield CsvScored(sink, schema)
        return
    counted = _Counted(sink)
    written = ParquetScored(counted, schema)
    try:
        yield written
        written.close()
    except BaseException:
        # Arrow's writer always writes a footer, at the latest on garbage collection: discard it.
        counted.sink = io.BytesIO()
        with suppress(pa.ArrowException, OSError):
            written.close()
        raise


class CsvScored:
    """Writes CSV with a header. Texts are quoted only where needed."""

    def __init__(self, sink: BinaryIO, schema: pa.Schema) -> None:
        self.rows = 0
        self._sink = sink
        self._schema = pa.schema([(field.name, _plain(field.type)) for field in schema])
        self._sink.write(",".join(schema.names).encode() + b"\n")

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows. If the reader closes the pipe, only the rows that it received are counted."""
        columns = [
            column.cast(kind) if pa.types.is_dictionary(column.type) else _escape(column)  # words are never formulas
            for column, kind in zip(batch, self._schema.types, strict=True)
        ]
        content = _as_csv(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        try:
            self._sink.write(content)
        except Closed as error:
            self.rows += _whole_rows(content[: error.taken])
            raise
        self.rows += len(batch)


class ParquetScored:
    """Writes Parquet. Formulas are not escaped: Parquet readers do not evaluate them."""

    def __init__(self, sink: "_Counted", schema: pa.Schema) -> None:
        self.rows = 0
        self._writer = pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            schema,
            store_schema=False,  # so that words are read back as text, not as dictionary codes
            use_dictionary=[field.name for field in schema if pa.types.is_dictionary(field.type)],
        )
        self._waiting: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Buffer rows and write them once there are enough for a row group."""
        self._waiting.append(batch)
        self.rows += len(batch)
        if sum(map(len, self._waiting)) >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write the remaining rows and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._writer.write_table(pa.Table.from_batches(waiting))


class Rejects:
    """Writes the rows that were set aside: a CSV file with one line for each cell that violates a rule.

    With `show_values`, the last column contains the value of the cell, which is a patient's data. With a `file`, the
    first column is its name, and the header is left out: it is that of `rejects_header`.
    """

    def __init__(self, sink: BinaryIO, *, show_values: bool, file: str | None = None) -> None:
        self._sink = sink
        self._show_values = show_values
        self._file = file
        if file is None:
            self._sink.write(rejects_header(show_values=show_values, files=False))

    def write(self, batch: Batch, broken: Sequence[rows.BrokenRule]) -> None:
        """Write the violations of a batch in the order of its rows."""
        lines = [(malformed.row, "", malformed.rule, malformed.content) for malformed in batch.malformed]
        for violation in broken:
            value = ""
            if self._show_values:
                value = csv_layouts.shown(batch.text(violation.position, violation.column))
            lines.append((batch.number(violation.position), violation.column, violation.rule, value))
        if lines:
            lines.sort(key=lambda line: line[0])
            names = ["row", "column", "rule", "value"][: 4 if self._show_values else 3]
            columns = [_escape(pa.array(column)) for column in zip(*lines, strict=True)][: len(names)]
            if self._file is not None:
                names, columns = ["file", *names], [_escape(pa.array([self._file] * len(lines))), *columns]
            self._sink.write(_as_csv(pa.RecordBatch.from_arrays(columns, names=names)))


def rejects_header(*, show_values: bool, files: bool) -> bytes:
    """Return the header of the rows that were set aside, with the column `file` if they are of several files."""
    names = [*(["file"] if files else []), "row", "column", "rule", *(["value"] if show_values else [])]
    return ",".join(names).encode() + b"\n"


def _escape(column: pa.Array) -> pa.Array:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    return pc.replace_substring_regex(column, _FORMULA, r"'\1")


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _as_csv(batch: pa.RecordBatch) -> bytes:
    if not _has_separators(batch.column(0)):
        with suppress(pa.ArrowInvalid):  # a text contains a comma, a quote or a line end
            return _write_csv(batch, "none")
    return _write_csv(batch, "needed")


def _has_separators(column: pa.Array) -> bool:
    """Return whether a text contains a separator of other CSV dialects, after which a formula could start."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return bool(pc.any(pc.match_substring_regex(column, _OTHER_SEPARATORS)).as_py())


def _write_csv(batch: pa.RecordBatch, quoting: str) -> bytes:
    sink = io.BytesIO()
    csv.write_csv(batch, sink, csv.WriteOptions(include_header=False, quoting_style=quoting))
    return sink.getvalue()


def _whole_rows(content: bytes) -> int:
    text = content.decode(errors="replace")
    count = sum(1 for _ in python_csv.reader(io.StringIO(text, newline="")))
    return count if content.endswith(b"\n") else max(count - 1, 0)


class _Counted(io.RawIOBase):
    """A sink that reports its position, which a pipe cannot."""

    def __init__(self, sink: BinaryIO) -> None:
        self.sink = sink
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.sink.write(content)
        written = memoryview(content).nbytes
        self._written += written
        return written

    def tell(self) -> int:
        return self._written
