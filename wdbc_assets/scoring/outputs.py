"""What is scored and what is set aside, as files that appear only when they are whole, and harm no spreadsheet.

A file is written under another name beside its place, and takes it at the end; what goes to standard output, or into a
pipe, goes as it comes. A spreadsheet takes a cell that begins with one of =, +, -, @ for a formula: such an id gets an
apostrophe before it (OWASP, "CSV Injection").
"""

import io
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from wdbc_assets.domain import layouts, rows
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring.chunks import Chunk

STANDARD = "-"
_ROW_GROUP = 2**18
_FORMULA = r"^([=+\-@\t\r\n])"


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
        """Write some rows."""
        columns = [_harmless(column.cast(kind)) for column, kind in zip(batch, self._schema.types, strict=True)]
        self._sink.write(_as_csv(pa.RecordBatch.from_arrays(columns, schema=self._schema)))
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

    def write(self, chunk: Chunk, faults: Sequence[rows.Fault]) -> None:
        """Write the faults of a chunk, in the order of its rows."""
        lines = [(one.row, "", one.rule, one.found) for one in chunk.torn]
        for fault in faults:
            value = layouts.shown(chunk.text(fault.position, fault.column)) if self._shown else ""
            lines.append((chunk.number(fault.position), fault.column, fault.rule, value))
        if lines:
            lines.sort(key=lambda line: line[0])
            names = ["row", "column", "rule", "value"][: 4 if self._shown else 3]
            columns = [pa.array(column) for column in zip(*lines, strict=True)]
            self._sink.write(_as_csv(pa.RecordBatch.from_arrays(columns[: len(names)], names=names)))


@contextmanager
def whole(target: str) -> Iterator[BinaryIO]:
    """Open a file that takes its place when all went well, and leaves no trace otherwise.

    Raises:
        WdbcError: it cannot be written.
    """
    if target == STANDARD:
        with _told(STANDARD):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    place = Path(target).resolve()
    with _told(target):
        if _takes_as_it_comes(place):
            with place.open("wb") as file:
                yield file
            return
        temporary = place.with_name(f".{place.name}-{secrets.token_hex(4)}")  # a process id comes again in containers
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _told(target: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = "standard output" if target == STANDARD else target
        what = f"the output cannot be written: {error.strerror or error}"
        raise WdbcError(what, where=where, mend="Nothing was written. Choose a place that takes it.") from None


def _takes_as_it_comes(place: Path) -> bool:
    """Say whether it is a pipe or a device, whose place no file can take."""
    try:
        mode = place.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)


def _harmless(column: pa.Array) -> pa.Array:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    return pc.replace_substring_regex(column, _FORMULA, r"'\1")


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _as_csv(batch: pa.RecordBatch) -> bytes:
    sink = io.BytesIO()
    try:
        csv.write_csv(batch, sink, csv.WriteOptions(include_header=False, quoting_style="none"))
    except pa.ArrowInvalid:  # a text holds a comma, a quotation mark or a line end
        sink = io.BytesIO()
        csv.write_csv(batch, sink, csv.WriteOptions(include_header=False, quoting_style="needed"))
    return sink.getvalue()


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
