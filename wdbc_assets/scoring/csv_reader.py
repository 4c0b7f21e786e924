"""A CSV as chunks: blocks of whole rows, each parsed by Arrow, or with care where something in it is odd.

Arrow's own streaming reader stops for good at the first cell that is no number; here such a cell costs its own row and
the speed of its block. What a number is, is what it is to `domain.reading`; a header and a line, what they are to
`domain.layouts`. A row may span lines where a cell in quotation marks does. Where the marks are out of place, every
line of that row is set aside: half of one is never taken for a row.
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
from wdbc_assets.scoring import arrays
from wdbc_assets.scoring.batches import QUOTES_RULE, TEXT_RULE, Chunk, Torn, matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 4 * 2**20
_LONGEST_ROW = 2**20
_MOST_LINES = 2**16  # of a chunk; so a file of empty lines takes no more memory than another
_BLANKS = (b" ", b"\t")  # Arrow would drop them before and after a number
_EMPTY_LINES = (b"\n\n", b"\n\r\n")
_OPTIONAL = (contract.ID, contract.DIAGNOSIS)
_ROW = re.compile(
    rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+)(?:,(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+))*+\r?\n',
)
# As readers part rows that forgive a text behind the mark that closes a cell, or marks inside a cell without them.
_FORGIVEN_CELL = rb'(?:"[^"]*+(?:""[^"]*+)*+"[^,\n]*+|[^",\n][^,\n]*+|)'
_FORGIVEN_ROW = re.compile(_FORGIVEN_CELL + rb"(?:," + _FORGIVEN_CELL + rb")*+\n")


@dataclass(frozen=True)
class _Span:
    """Some whole lines: one row, or lines whose quotation marks are out of place."""

    text: bytes
    is_row: bool


class TextSource:
    """A text whose first line has told its columns; `id_type` is None if it has no id."""

    def __init__(self, file: BinaryIO, *, strict: bool = False, block: int = _BLOCK) -> None:
        """Read the first block; raises NotATable if it begins no table to score, or has other columns and is strict."""
        self._blocks = _blocks_of_lines(file, block)
        self._first = next(self._blocks, b"")
        # What the file is shows in its first line; what is odd further on costs its own row.
        csv_layouts.refuse_format(self._first)
        self._first = self._first.removeprefix(file_formats.BYTE_ORDER_MARK)
        line, _, rest = self._first.partition(b"\n")
        csv_layouts.refuse_bytes(line)
        text = line.decode().removesuffix("\r")
        self.header = csv_layouts.header_of(text, optional=_OPTIONAL, strict=strict)
        self._line = 1
        if self.header.named:
            self._first, self._line = rest, 2
        elif not self.header.takes(cells := csv_layouts.cells(text)):
            raise csv_layouts.NotATable(
                f"the first line has {len(cells)} columns and names none; without a header it has {csv_layouts.WIDTH}",
                where="line 1",
                hint="Name the columns in a first line: the 30 measurements, in any order, and an id if it is wanted.",
            )
        self.id_type = pa.string() if contract.ID in self.header.place else None
        self._wanted = [name for name in self.header.place if name != contract.DIAGNOSIS]
        self._blind = 0  # bytes of what follows in which no row is looked for that spans lines

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the rows, block by block."""
        line, empty, pending = self._line, 0, b""
        for block in chain([self._first], self._blocks, [None]):
            text = pending + (block or b"")
            text += b"" if text.endswith(b"\n") or not text else b"\n"
            pending, spans = b"", None
            if b'"' in text and not csv_layouts.PLAIN_LINES.fullmatch(text):
                spans, pending = self._spans(text, last=block is None)
                text = text.removesuffix(pending)
            else:
                self._blind = max(self._blind - len(text), 0)
            rows = text.rstrip(b"\r\n")
            after = text[len(rows) :].count(b"\n")
            if not rows:
                empty += after
                continue
            # Empty lines count only if something follows them.
            yield from self._empty(range(line, line + empty))
            line += empty
            if spans is None:
                yield self._chunk(rows, line)
            else:
                yield self._row_by_row(spans, line, rows.count(b"\n") + 1)
            line += rows.count(b"\n") + 1
            empty = max(after - 1, 0)

    def _spans(self, text: bytes, *, last: bool) -> tuple[list[_Span], bytes]:
        """Part a text into rows; what is given back is a row that is still open at the end.

        A row that is not closed within the longest that one may be is taken for one line that lacks a mark, and the
        search is not made again for the lines of that stretch: else a file of such lines would take for ever.
        """
        spans, at = [], 0
        while at < len(text):
            end = text.index(b"\n", at) + 1
            sight = end if at < self._blind else min(at + _LONGEST_ROW, len(text))
            row = _ROW.match(text, at, sight)
            forgiven = row or _FORGIVEN_ROW.match(text, at, sight)
            if forgiven:
                end = forgiven.end()
            elif at >= self._blind:
                if not last and at + _LONGEST_ROW > len(text):
                    break
                self._blind = at + _LONGEST_ROW
            spans.append(_Span(text[at:end], is_row=row is not None))
            at = end
        self._blind = max(self._blind - at, 0)
        return spans, text[at:]

    def _empty(self, numbers: range) -> Iterator[Chunk]:
        for start in range(0, len(numbers), _MOST_LINES):
            torn = tuple(_torn(number, 1) for number in numbers[start : start + _MOST_LINES])
            yield self._of(self._table([]), (), torn, lambda _: np.empty(0))

    def _chunk(self, rows: bytes, first: int) -> Chunk:
        numbers = range(first, first + rows.count(b"\n") + 1)
        # Where Arrow would end a line, or drop one, and this module does not, it is not asked.
        if _has_lone_return(rows) or b"\0" in rows or _has(b"\n" + rows, _EMPTY_LINES):
            return self._line_by_line(rows, first)
        if not _has(rows, _BLANKS) and (table := self._plain(rows, numbers)) is not None:
            return self._of(table, numbers, (), lambda name: arrays.to_numpy(table.column(name)))
        return self._texts(rows, numbers)

    def _plain(self, rows: bytes, numbers: range) -> pa.Table | None:
        """Let Arrow make numbers of all measurements; None if a cell is none, or a line has other columns."""
        try:
            table = self._parsed(rows, {name: pa.float64() for name in contract.FEATURES})
        except pa.ArrowInvalid:
            return None
        return table if len(table) == len(numbers) and not reading.is_shifted(table) else None

    def _texts(self, rows: bytes, numbers: range) -> Chunk:
        """Let Arrow part the lines, and take every cell as text; line by line if that does not do."""
        torn: list[Torn] = []

        def set_aside(row: csv.InvalidRow) -> str:
            if self.header.names_of(row.actual_columns) is not None:
                return "error"  # a row that ends in a comma, among others
            torn.append(_torn(numbers[row.number - 1], row.actual_columns))
            return "skip"

        try:
            table = self._parsed(rows, {}, set_aside)
        except pa.ArrowInvalid:
            return self._line_by_line(rows, numbers.start)
        if len(table) + len(torn) != len(numbers) or reading.is_shifted(table):
            return self._line_by_line(rows, numbers.start)
        lost = {one.row for one in torn}
        kept = [number for number in numbers if number not in lost] if lost else numbers
        return self._of(table, kept, tuple(torn), lambda name: _numbers(table.column(name)))

    def _line_by_line(self, rows: bytes, first: int) -> Chunk:
        spans = [_Span(line, is_row=True) for line in rows.split(b"\n")]
        return self._row_by_row(spans, first, len(spans))

    def _row_by_row(self, spans: Sequence[_Span], first: int, lines: int) -> Chunk:
        """Take every cell as text, of the rows that lie in the first so many lines."""
        numbers, parted, torn = [], [], []
        number, after = first, first + lines
        for span in spans:
            if number >= after:  # empty lines at the end, which may be followed by nothing
                break
            row = self._row(span)
            height = max(span.text.rstrip(b"\r\n").count(b"\n") + 1, 1)
            if isinstance(row, Torn):
                torn += [Torn(number + line, row.found, row.rule) for line in range(height)]
            else:
                numbers.append(number)
                parted.append(row)
            number += height
        table = self._table(parted)
        return self._of(table, numbers, tuple(torn), lambda name: _numbers(table.column(name)))

    def _row(self, span: _Span) -> list[str] | Torn:
        """Return the cells that are wanted of a row, or why it is none."""
        text = span.text.removesuffix(b"\n").removesuffix(b"\r")
        if not span.is_row and b'"' in text:
            return Torn(0, "a quotation mark out of place", QUOTES_RULE)
        if b"\0" in text:
            return Torn(0, "a NUL byte", TEXT_RULE)
        cells = csv_layouts.cells(text.decode(errors="surrogateescape"))
        if not self.header.takes(cells):
            return _torn(0, len(cells))
        wanted = [cells[self.header.place[name]] for name in self._wanted]
        if not _is_utf_8(wanted):
            return Torn(0, "not UTF-8", TEXT_RULE)
        return wanted

    def _table(self, rows: Sequence[Sequence[str]]) -> pa.Table:
        columns = zip(*rows, strict=True) if rows else [()] * len(self._wanted)
        return pa.Table.from_arrays([pa.array(cells, type=pa.string()) for cells in columns], names=self._wanted)

    def _parsed(self, rows: bytes, types: "dict[str, pa.DataType]", on_invalid: object = None) -> pa.Table:
        end = rows.find(b"\n")
        line = rows[: end if end >= 0 else None].decode(errors="surrogateescape").removesuffix("\r")
        width = len(csv_layouts.cells(line))
        names = self.header.names_of(width) or self.header.names_of(len(self.header.columns)) or []
        wanted = [*self._wanted, *(name for name in names if name.startswith(csv_layouts.EMPTY))]
        return csv.read_csv(
            pa.BufferReader(rows),
            # In one piece and on one thread: only so does Arrow know the number of an invalid row.
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(rows), 1) + 1),
            parse_options=csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=on_invalid),
            convert_options=csv.ConvertOptions(
                column_types={name: types.get(name, pa.string()) for name in wanted},
                include_columns=wanted,
                null_values=[],
            ),
        )

    def _of(
        self,
        table: pa.Table,
        numbers: Sequence[int],
        torn: tuple[Torn, ...],
        measurements: "Callable[[str], NDArray[np.float64]]",
    ) -> Chunk:
        return Chunk(
            X=matrix(measurements, len(table)),
            ids=None if self.id_type is None else table.column(contract.ID).combine_chunks(),
            numbers=numbers,
            torn=torn,
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
    except pa.ArrowInvalid:  # Arrow reads fewer forms of a number
        return np.array([reading.measurement(text or "") for text in values.to_pylist()], dtype=np.float64)


def _has(rows: bytes, parts: Sequence[bytes]) -> bool:
    return any(part in rows for part in parts)


def _has_lone_return(rows: bytes) -> bool:
    return b"\r" in rows and rows.count(b"\r") != rows.count(b"\r\n")


def _torn(row: int, columns: int) -> Torn:
    return Torn(row, f"{columns} column{'' if columns == 1 else 's'}")


def _blocks_of_lines(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield what a file holds in blocks that end with a line's end, and have not too many of them."""
    rest = b""
    while piece := file.read(size):
        lines, newline, after = piece.rpartition(b"\n")
        if newline:
            yield from _of_few_lines(rest + lines + newline)
            rest = after
        else:
            rest += after
        if len(rest) > _LONGEST_ROW:
            raise WdbcError(
                f"A line is longer than {_LONGEST_ROW:,} bytes.",
                hint="Give a table of text with lines, or a Parquet file.",
            )
    if rest:
        yield rest


def _of_few_lines(block: bytes) -> Iterator[bytes]:
    while block.count(b"\n") > _MOST_LINES:
        end = 0
        for _ in range(_MOST_LINES):
            end = block.index(b"\n", end) + 1
        yield block[:end]
        block = block[end:]
    yield block
