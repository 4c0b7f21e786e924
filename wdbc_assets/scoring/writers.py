"""What is scored and what is set aside, written so that it harms no spreadsheet. Where it goes, `places` says.

A spreadsheet takes a cell that begins with one of =, +, -, @, or their full-width forms, for a formula: such an id gets
an apostrophe before it (OWASP, "CSV Injection").
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
from wdbc_assets.scoring.batches import Chunk
from wdbc_assets.scoring.output_files import Closed

_ROW_GROUP = 2**18
_FORMULA = r"^([=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"
_SEPARATORS_ELSEWHERE = r"[;\t|]"


class Scored(Protocol):
    """Takes what is scored, batch by batch; `rows` counts it."""

    rows: int

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows."""


@contextmanager
def scored(sink: BinaryIO, schema: pa.Schema, form: str) -> Iterator[Scored]:
    """Open what writes scored rows in a format; what comes at the end is written when all went well."""
    if form == "csv":
        yield CsvScored(sink, schema)
        return
    counted = _Counted(sink)
    written = ParquetScored(counted, schema)
    try:
        yield written
        written.close()
    except BaseException:
        # Arrow's writer ends its file in any case, at the latest when it is collected: into nothing, then.
        counted.sink = io.BytesIO()
        with suppress(pa.ArrowException, OSError):
            written.close()
        raise


class CsvScored:
    """Writes CSV with a header; texts are quoted where they need it."""

    def __init__(self, sink: BinaryIO, schema: pa.Schema) -> None:
        self.rows = 0
        self._sink = sink
        self._schema = pa.schema([(field.name, _plain(field.type)) for field in schema])
        self._sink.write(",".join(schema.names).encode() + b"\n")

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows; of those whose reader goes away, the ones that it took are counted."""
        columns = [
            column.cast(kind) if pa.types.is_dictionary(column.type) else _harmless(column)  # words are our own
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
    """Writes Parquet; what looks like a formula stays as it is, for no spreadsheet guesses here."""

    def __init__(self, sink: "_Counted", schema: pa.Schema) -> None:
        self.rows = 0
        self._writer = pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            schema,
            store_schema=False,  # so words are read back as text, and not as codes of a dictionary
            use_dictionary=[field.name for field in schema if pa.types.is_dictionary(field.type)],
        )
        self._waiting: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows, or keep them until there are enough for a row group."""
        self._waiting.append(batch)
        self.rows += len(batch)
        if sum(map(len, self._waiting)) >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._writer.write_table(pa.Table.from_batches(waiting))


class Rejects:
    """Writes what was set aside and why: a CSV with one line for each cell that breaks a rule.

    With `show_values` there is a fourth column, with what the cell holds: it is a patient's value.
    """

    def __init__(self, sink: BinaryIO, *, show_values: bool) -> None:
        self._sink = sink
        self._shown = show_values
        self._sink.write(b"row,column,rule,value\n" if show_values else b"row,column,rule\n")

    def write(self, chunk: Chunk, faults: Sequence[rows.BrokenRule]) -> None:
        """Write the faults of a chunk, in the order of its rows."""
        lines = [(one.row, "", one.rule, one.found) for one in chunk.torn]
        for fault in faults:
            value = csv_layouts.shown(chunk.text(fault.position, fault.column)) if self._shown else ""
            lines.append((chunk.number(fault.position), fault.column, fault.rule, value))
        if lines:
            lines.sort(key=lambda line: line[0])
            names = ["row", "column", "rule", "value"][: 4 if self._shown else 3]
            columns = [_harmless(pa.array(column)) for column in zip(*lines, strict=True)]
            self._sink.write(_as_csv(pa.RecordBatch.from_arrays(columns[: len(names)], names=names)))


def _harmless(column: pa.Array) -> pa.Array:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    return pc.replace_substring_regex(column, _FORMULA, r"'\1")


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _as_csv(batch: pa.RecordBatch) -> bytes:
    if not _has_separators(batch.column(0)):
        with suppress(pa.ArrowInvalid):  # a text holds a comma, a quotation mark or a line end
            return _written(batch, "none")
    return _written(batch, "needed")


def _has_separators(column: pa.Array) -> bool:
    """Say whether a text would begin another cell, be it a formula, where something else parts the cells."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return bool(pc.any(pc.match_substring_regex(column, _SEPARATORS_ELSEWHERE)).as_py())


def _written(batch: pa.RecordBatch, quoting: str) -> bytes:
    sink = io.BytesIO()
    csv.write_csv(batch, sink, csv.WriteOptions(include_header=False, quoting_style=quoting))
    return sink.getvalue()


def _whole_rows(content: bytes) -> int:
    text = content.decode(errors="replace")
    found = sum(1 for _ in python_csv.reader(io.StringIO(text, newline="")))
    return found if content.endswith(b"\n") else max(found - 1, 0)


class _Counted(io.RawIOBase):
    """A sink that knows how much went through, which a pipe does not."""

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
