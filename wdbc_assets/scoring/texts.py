"""A CSV as chunks: blocks of whole lines, each parsed by Arrow, or with care where something in it is odd.

Arrow's own streaming reader stops for good at the first cell that is no number; here such a cell costs its own row and
the speed of its block. What a number is, is what it is to `domain.reading`; a header, what it is to `domain.layouts`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from wdbc_assets.domain import contract, layouts, reading
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import arrays
from wdbc_assets.scoring.chunks import Chunk, Torn, matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 4 * 2**20
_LONGEST_LINE = 2**20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = (b" ", b"\t")  # Arrow would drop them before and after a number
_EMPTY_LINES = (b"\n\n", b"\n\r\n")
_OPTIONAL = (contract.ID, contract.DIAGNOSIS)


class TextSource:
    """A text whose first line has told its columns; `id_type` is None if it has no id."""

    def __init__(self, file: BinaryIO, *, block: int = _BLOCK) -> None:
        """Read the first block; raises NotATable if it does not begin with a table of these columns."""
        self._blocks = _blocks_of_lines(file, block)
        self._first = next(self._blocks, b"")
        line, _, rest = self._first.partition(b"\n")
        # What the file is shows in its first line; what is odd further on costs its own row.
        layouts.refuse_foreign(line if line.strip() else self._first)
        self._first = self._first.removeprefix(_BYTE_ORDER_MARK)
        line = line.removeprefix(_BYTE_ORDER_MARK)
        text = line.decode().removesuffix("\r")
        names = layouts.columns_of(text, optional=_OPTIONAL)
        self._line = 1
        if names is None:
            names = layouts.NAMES
            width = layouts.width(layouts.cells(text))
            if width != len(names):
                raise layouts.NotATable(
                    f"the first line has {width} columns and names none; without a header {len(names)} are needed",
                    where="line 1",
                    mend="Name the columns in a first line: the 30 measurements, in any order; id and diagnosis may be "
                    "missing.",
                )
        else:
            self._first, self._line = rest, 2
        # An empty column at the end of each line has no name in what the contract knows.
        surplus = len(layouts.cells(text)) - len(names)
        self._columns = (*names, *[""] * surplus)
        self.id_type = pa.string() if contract.ID in names else None

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the rows, block by block."""
        line, empty = self._line, 0
        for block in _chained(self._first, self._blocks):
            rows = block.rstrip(b"\r\n")
            after = block[len(rows) :].count(b"\n")
            if not rows:
                empty += after
                continue
            # Empty lines count only if something follows them.
            rows = b"\n" * empty + rows
            yield self._chunk(rows, line)
            line += rows.count(b"\n") + 1
            empty = max(after - 1, 0)

    def _chunk(self, rows: bytes, first: int) -> Chunk:
        numbers = range(first, first + rows.count(b"\n") + 1)
        # Where Arrow would end a line, or drop one, and this module does not, it is not asked.
        arrows = not _has_lone_return(rows) and not _has(b"\n" + rows, _EMPTY_LINES)
        table = self._plain(rows, numbers) if arrows and not _has(rows, _BLANKS) else None
        if table is not None:
            return self._of(table, numbers, (), lambda name: arrays.to_numpy(table.column(name)))
        careful, torn = self._texts(rows, numbers) if arrows else self._line_by_line(rows, numbers)
        lost = {one.row for one in torn}
        kept = [number for number in numbers if number not in lost] if lost else numbers
        return self._of(careful, kept, torn, lambda name: _numbers(careful.column(name)))

    def _plain(self, rows: bytes, numbers: range) -> pa.Table | None:
        """Let Arrow make numbers of all measurements; None if a cell is none, or a line has other columns."""
        try:
            table = self._parsed(rows, {name: pa.float64() for name in contract.FEATURES})
        except pa.ArrowInvalid:
            return None
        return table if len(table) == len(numbers) else None

    def _texts(self, rows: bytes, numbers: range) -> tuple[pa.Table, tuple[Torn, ...]]:
        """Let Arrow part the lines, and take every cell as text."""
        torn: list[Torn] = []

        def set_aside(row: csv.InvalidRow) -> str:
            torn.append(_torn(numbers[row.number - 1], row.actual_columns))
            return "skip"

        try:
            table = self._parsed(rows, {}, set_aside)
        except pa.ArrowInvalid:
            return self._line_by_line(rows, numbers)
        if len(table) + len(torn) != len(numbers):  # a quotation mark that is not closed swallows lines
            return self._line_by_line(rows, numbers)
        return table, tuple(torn)

    def _line_by_line(self, rows: bytes, numbers: range) -> tuple[pa.Table, tuple[Torn, ...]]:
        parted, torn = [], []
        for number, line in zip(numbers, rows.split(b"\n"), strict=True):
            try:
                cells = layouts.cells(line.decode().removesuffix("\r"))
            except UnicodeDecodeError:
                torn.append(Torn(number, "not UTF-8"))
                continue
            if len(cells) == len(self._columns):
                parted.append(cells)
            else:
                torn.append(_torn(number, len(cells)))
        arrays = [pa.array([cells[place] for cells in parted], type=pa.string()) for place in range(len(self._columns))]
        return pa.Table.from_arrays(arrays, names=list(self._columns)), tuple(torn)

    def _parsed(self, rows: bytes, types: "dict[str, pa.DataType]", on_invalid: object = None) -> pa.Table:
        return csv.read_csv(
            pa.BufferReader(rows),
            # In one piece and on one thread: only so does Arrow know the number of an invalid row.
            read_options=csv.ReadOptions(
                column_names=list(self._columns), use_threads=False, block_size=max(len(rows), 1) + 1
            ),
            parse_options=csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=on_invalid),
            convert_options=csv.ConvertOptions(
                column_types={name: types.get(name, pa.string()) for name in self._columns}, null_values=[]
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


def _numbers(texts: pa.ChunkedArray) -> "NDArray[np.float64]":
    written = pc.match_substring_regex(texts, f"^(?:{layouts.NUMBER.pattern})$")
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
    """Yield what a file holds in blocks that end with a line's end."""
    rest = b""
    while piece := _read(file, size):
        lines, newline, after = piece.rpartition(b"\n")
        if newline:
            yield rest + lines + newline
            rest = after
        else:
            rest += after
        if len(rest) > _LONGEST_LINE:
            raise WdbcError(
                f"A line is longer than {_LONGEST_LINE:,} bytes.",
                mend="Give a table of text with lines, or a Parquet file.",
            )
    if rest:
        yield rest


def _chained(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _read(file: BinaryIO, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise WdbcError(f"the rows to score cannot be read: {error.strerror}", mend="Copy the file anew.") from None
