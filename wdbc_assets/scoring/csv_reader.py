"""Reads a CSV file in batches: blocks of whole rows, parsed by Arrow or, if a block is irregular, row by row.

Arrow's streaming reader stops at the first cell that is not a number. Here such a cell costs only its own row and the
speed of its block. Numbers are defined by `domain.data.reading`, headers and lines by `domain.data.csv_layouts`. A row
may span several lines if a quoted cell does. If quotes are misplaced, every line of that row is set aside, so that part
of a row is never taken for a row.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from wdbc_assets.domain.data import contract, csv_layouts, file_formats, reading
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring.batches import QUOTES_RULE, TEXT_RULE, Batch, MalformedRow, matrix
from wdbc_assets.store import arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 4 * 2**20
_LONGEST_ROW = 2**20
_MAX_LINES = 2**16  # per batch; bounds the memory for a file of empty lines
_BLANKS = (b" ", b"\t")  # Arrow ignores them around a number
_EMPTY_LINES = (b"\n\n", b"\n\r\n")
_OPTIONAL = (contract.ID, contract.DIAGNOSIS)
_ROW = re.compile(
    rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+)(?:,(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+))*+\r?\n',
)
# Splits rows as lenient readers do, which accept text after a closing quote and quotes inside an unquoted cell.
_FORGIVEN_CELL = rb'(?:"[^"]*+(?:""[^"]*+)*+"[^,\n]*+|[^",\n][^,\n]*+|)'
_FORGIVEN_ROW = re.compile(_FORGIVEN_CELL + rb"(?:," + _FORGIVEN_CELL + rb")*+\n")


@dataclass(frozen=True)
class _Span:
    """One or more whole lines: a row, or lines with misplaced quotes."""

    text: bytes
    is_row: bool


class CsvSource:
    """An open CSV file whose columns are known from its first line. `id_type` is None if it has no id."""

    def __init__(self, file: BinaryIO, *, strict: bool = False, block: int = _BLOCK) -> None:
        """Read the first block; raise NotATable if it is not a table to score, or has unknown columns and `strict`."""
        self._blocks = _read_blocks(file, block)
        self._first = next(self._blocks, b"")
        # Only the first line can make the file invalid; irregularities further on cost only their own row.
        csv_layouts.refuse_format(self._first, hint=file_formats.PATIENTS)
        self._first = self._first.removeprefix(file_formats.BYTE_ORDER_MARK)
        line, _, rest = self._first.partition(b"\n")
        csv_layouts.refuse_bytes(line, hint=file_formats.PATIENTS)
        text = line.decode().removesuffix("\r")
        self.header = csv_layouts.header_of(text, optional=_OPTIONAL, strict=strict)
        self._line = 1
        if self.header.named:
            self._first, self._line = rest, 2
        elif not self.header.takes(cells := csv_layouts.cells(text)):
            raise csv_layouts.NotATable(
                f"the first line is not a header and has {len(cells)} columns; a file without a header has"
                f" {csv_layouts.WIDTH}",
                where="line 1",
                hint="Add a header line with the 30 measurements, in any order, and optionally an id.",
            )
        self.id_type = pa.string() if contract.ID in self.header.place else None
        self._wanted = [name for name in self.header.place if name != contract.DIAGNOSIS]
        self._single_line_bytes = 0  # bytes of the following text in which rows that span lines are not searched for

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rows in batches."""
        line, empty, pending = self._line, 0, b""
        for block in chain([self._first], self._blocks, [None]):
            text = pending + (block or b"")
            text += b"" if text.endswith(b"\n") or not text else b"\n"
            pending, spans = b"", None
            if b'"' in text and not csv_layouts.PLAIN_LINES.fullmatch(text):
                spans, pending = self._spans(text, last=block is None)
                text = text.removesuffix(pending)
            else:
                self._single_line_bytes = max(self._single_line_bytes - len(text), 0)
            rows = text.rstrip(b"\r\n")
            after = text[len(rows) :].count(b"\n")
            if not rows:
                empty += after
                continue
            # Empty lines are rows only if another row follows them.
            yield from self._empty(range(line, line + empty))
            line += empty
            if spans is None:
                yield self._parse(rows, line)
            else:
                yield self._row_by_row(spans, line, rows.count(b"\n") + 1)
            line += rows.count(b"\n") + 1
            empty = max(after - 1, 0)

    def _spans(self, text: bytes, *, last: bool) -> tuple[list[_Span], bytes]:
        """Split a text into rows; return them and an incomplete row at the end.

        If no row ends within the maximum length of a row, its first line is taken for a line with a missing quote. The
        search is then not repeated for the lines within that length, which keeps the total time linear.
        """
        spans, at = [], 0
        while at < len(text):
            end = text.index(b"\n", at) + 1
            limit = end if at < self._single_line_bytes else min(at + _LONGEST_ROW, len(text))
            row = _ROW.match(text, at, limit)
            forgiven = row or _FORGIVEN_ROW.match(text, at, limit)
            if forgiven:
                end = forgiven.end()
            elif at >= self._single_line_bytes:
                if not last and at + _LONGEST_ROW > len(text):
                    break
                self._single_line_bytes = at + _LONGEST_ROW
            spans.append(_Span(text[at:end], is_row=row is not None))
            at = end
        self._single_line_bytes = max(self._single_line_bytes - at, 0)
        return spans, text[at:]

    def _empty(self, numbers: range) -> Iterator[Batch]:
        for start in range(0, len(numbers), _MAX_LINES):
            malformed = tuple(_wrong_width(number, 1) for number in numbers[start : start + _MAX_LINES])
            yield self._batch(self._table([]), (), malformed, lambda _: np.empty(0))

    def _parse(self, rows: bytes, first: int) -> Batch:
        numbers = range(first, first + rows.count(b"\n") + 1)
        # Arrow ends or drops lines at these characters where this module does not, so it cannot be used.
        if _has_lone_return(rows) or b"\0" in rows or _has(b"\n" + rows, _EMPTY_LINES):
            return self._line_by_line(rows, first)
        if not _has(rows, _BLANKS) and (table := self._plain(rows, numbers)) is not None:
            return self._batch(table, numbers, (), lambda name: arrays.to_numpy(table.column(name)))
        return self._parse_as_text(rows, numbers)

    def _plain(self, rows: bytes, numbers: range) -> pa.Table | None:
        """Parse all measurements as numbers with Arrow; return None if a cell is not a number or a line is ragged."""
        try:
            table = self._read_csv(rows, {name: pa.float64() for name in contract.FEATURES})
        except pa.ArrowInvalid:
            return None
        return table if len(table) == len(numbers) and not reading.is_shifted(table) else None

    def _parse_as_text(self, rows: bytes, numbers: range) -> Batch:
        """Split the lines with Arrow, all cells as text; fall back to parsing line by line."""
        malformed: list[MalformedRow] = []

        def set_aside(row: csv.InvalidRow) -> str:
            if self.header.names_of(row.actual_columns) is not None:
                return "error"  # for example a row that ends with a comma
            malformed.append(_wrong_width(numbers[row.number - 1], row.actual_columns))
            return "skip"

        try:
            table = self._read_csv(rows, {}, set_aside)
        except pa.ArrowInvalid:
            return self._line_by_line(rows, numbers.start)
        if len(table) + len(malformed) != len(numbers) or reading.is_shifted(table):
            return self._line_by_line(rows, numbers.start)
        skipped = {row.row for row in malformed}
        parsed = [number for number in numbers if number not in skipped] if skipped else numbers
        return self._batch(table, parsed, tuple(malformed), lambda name: _numbers(table.column(name)))

    def _line_by_line(self, rows: bytes, first: int) -> Batch:
        spans = [_Span(line, is_row=True) for line in rows.split(b"\n")]
        return self._row_by_row(spans, first, len(spans))

    def _row_by_row(self, spans: Sequence[_Span], first: int, lines: int) -> Batch:
        """Parse the spans within the given number of lines, with every cell as text."""
        numbers, cells, malformed = [], [], []
        number, after = first, first + lines
        for span in spans:
            if number >= after:  # empty lines at the end, which are not rows if nothing follows
                break
            row = self._row(span)
            height = max(span.text.rstrip(b"\r\n").count(b"\n") + 1, 1)
            if isinstance(row, MalformedRow):
                malformed += [MalformedRow(number + line, row.content, row.rule) for line in range(height)]
            else:
                numbers.append(number)
                cells.append(row)
            number += height
        table = self._table(cells)
        return self._batch(table, numbers, tuple(malformed), lambda name: _numbers(table.column(name)))

    def _row(self, span: _Span) -> list[str] | MalformedRow:
        """Return the cells of the wanted columns, or why the row is malformed."""
        text = span.text.removesuffix(b"\n").removesuffix(b"\r")
        if not span.is_row and b'"' in text:
            return MalformedRow(0, "a misplaced quote", QUOTES_RULE)
        if b"\0" in text:
            return MalformedRow(0, "a NUL byte", TEXT_RULE)
        cells = csv_layouts.cells(text.decode(errors="surrogateescape"))
        if not self.header.takes(cells):
            return _wrong_width(0, len(cells))
        wanted = [cells[self.header.place[name]] for name in self._wanted]
        if not _is_utf_8(wanted):
            return MalformedRow(0, "not UTF-8", TEXT_RULE)
        return wanted

    def _table(self, rows: Sequence[Sequence[str]]) -> pa.Table:
        columns = zip(*rows, strict=True) if rows else [()] * len(self._wanted)
        return pa.Table.from_arrays([pa.array(cells, type=pa.string()) for cells in columns], names=self._wanted)

    def _read_csv(self, rows: bytes, types: "dict[str, pa.DataType]", on_invalid: object = None) -> pa.Table:
        end = rows.find(b"\n")
        line = rows[: end if end >= 0 else None].decode(errors="surrogateescape").removesuffix("\r")
        width = len(csv_layouts.cells(line))
        names = self.header.names_of(width) or self.header.names_of(len(self.header.columns)) or []
        wanted = [*self._wanted, *(name for name in names if name.startswith(csv_layouts.EMPTY))]
        return csv.read_csv(
            pa.BufferReader(rows),
            # One block and one thread: otherwise Arrow does not know the number of an invalid row.
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(rows), 1) + 1),
            parse_options=csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=on_invalid),
            convert_options=csv.ConvertOptions(
                column_types={name: types.get(name, pa.string()) for name in wanted},
                include_columns=wanted,
                null_values=[],
            ),
        )

    def _batch(
        self,
        table: pa.Table,
        numbers: Sequence[int],
        malformed: tuple[MalformedRow, ...],
        measurements: "Callable[[str], NDArray[np.float64]]",
    ) -> Batch:
        return Batch(
            X=matrix(measurements, len(table)),
            ids=None if self.id_type is None else table.column(contract.ID).combine_chunks(),
            numbers=numbers,
            malformed=malformed,
            text=lambda position, name: str(table.column(name)[position].as_py()),
        )


def _is_utf_8(cells: Sequence[str]) -> bool:
    try:
        return all(cell.isascii() or bool(cell.encode()) for cell in cells)
    except UnicodeEncodeError:
        return False


def _numbers(texts: pa.ChunkedArray) -> "NDArray[np.float64]":
    written = pc.match_substring_regex(texts, f"^(?:{csv_layouts.NUMBER.pattern})$")
    values = pc.if_else(written, texts, None)
    try:
        return arrays.to_numpy(values.cast(pa.float64()))
    except pa.ArrowInvalid:  # Arrow supports fewer number formats
        return np.array([reading.measurement(text or "") for text in values.to_pylist()], dtype=np.float64)


def _has(rows: bytes, parts: Sequence[bytes]) -> bool:
    return any(part in rows for part in parts)


def _has_lone_return(rows: bytes) -> bool:
    return b"\r" in rows and rows.count(b"\r") != rows.count(b"\r\n")


def _wrong_width(row: int, columns: int) -> MalformedRow:
    return MalformedRow(row, f"{columns} column{'' if columns == 1 else 's'}")


def _read_blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the file in blocks that end at the end of a line and have a bounded number of lines."""
    rest = b""
    while piece := file.read(size):
        lines, newline, after = piece.rpartition(b"\n")
        if newline:
            yield from _split_lines(rest + lines + newline)
            rest = after
        else:
            rest += after
        if len(rest) > _LONGEST_ROW:
            raise WdbcError(
                f"a line is longer than {_LONGEST_ROW:,} bytes",
                hint="Use a CSV file with one row per line, or a Parquet file.",
            )
    if rest:
        yield rest


def _split_lines(block: bytes) -> Iterator[bytes]:
    while block.count(b"\n") > _MAX_LINES:
        end = 0
        for _ in range(_MAX_LINES):
            end = block.index(b"\n", end) + 1
        yield block[:end]
        block = block[end:]
    yield block
