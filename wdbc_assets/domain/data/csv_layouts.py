"""The layout of a CSV table: refuses content that is not a table, reads the header, and splits lines into rows.

This is the only reader of headers and lines, for training data (`reading`) and for files to score (`scoring`). The two
differ only in which columns may be missing or unknown. `reading` determines which texts are numbers.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from wdbc_assets.domain.data import contract, file_formats
from wdbc_assets.domain.data.file_formats import BYTE_ORDER_MARK
from wdbc_assets.domain.errors import WdbcError

NAMES = tuple(column.name for column in contract.COLUMNS)
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

WIDTH = len(NAMES)
# A column without a name, or as pandas names it: Kaggle's empty last one, the row names of R, the index of pandas.
_NAMELESS = re.compile(r"|unnamed:[ _]\d+|__index_level_\d+__", re.IGNORECASE)
_NAMES_SHOWN = 5
_LONGEST_TEXT = 40
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
EMPTY = "empty"
_HINT = file_formats.TABLE
_COMMAS = (
    "Export it with commas between the columns and points in the numbers: in R write.csv instead of write.csv2, in"
    " pandas to_csv(sep=',', decimal='.'), in a spreadsheet with English (US) as the region."
)
# RFC 4180: a cell is in quotation marks, with marks in it doubled, or has none.
_CELL = r'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+)'
_ONE_LINE_CELL = r'(?:"[^"\n]*+(?:""[^"\n]*+)*+"|[^",\r\n]*+)'
_LINE = re.compile(rf"{_CELL}(?:,{_CELL})*+")
_CELLS = re.compile(rf"(?:\A|,)({_CELL})")
PLAIN_LINES = re.compile(rf"(?:{_ONE_LINE_CELL}(?:,{_ONE_LINE_CELL})*+\r?(?:\n|\Z))*+".encode())
"""Whole lines each of which is a row by itself: no quotation mark in them is out of its place, or open at the end."""


class NotATable(WdbcError):
    """The content cannot be arranged as the columns of the contract."""


@dataclass(frozen=True)
class Header:
    """The meaning of each cell of a row: `columns` has a column of the contract, or None for an ignored cell.

    `unknown` lists the names of ignored columns, as written. `named` is true if the first line is a header.
    """

    columns: tuple[str | None, ...]
    unknown: tuple[str, ...] = ()
    named: bool = True
    last_is_nameless: bool = False

    @cached_property
    def place(self) -> dict[str, int]:
        """Return the position of each column of the contract in a row."""
        return {name: place for place, name in enumerate(self.columns) if name is not None}

    def takes(self, cells: Sequence[str]) -> bool:
        """Return whether these cells form a row.

        A row may end in a comma that the header lacks, or lack a comma that the header has, as in Kaggle's file. A cell
        after the last named column must be empty: a value there would mean that the cells are shifted.
        """
        return self.names_of(len(cells)) is not None and not any(cells[len(self.columns) - self.last_is_nameless :])

    def names_of(self, width: int) -> list[str] | None:
        """Return a name for each cell of a row of this width, including ignored cells; None if no row has this width.

        Names that begin with `EMPTY` belong to cells that must be empty.
        """
        names = [name or f"ignored {place}" for place, name in enumerate(self.columns)]
        if self.last_is_nameless:
            names[-1] = f"{EMPTY} 0"
            if width == len(names) - 1:
                return names[:-1]
        if width == len(names) + 1:
            names.append(f"{EMPTY} 1")
        return names if width == len(names) else None


UCI = Header(NAMES, named=False)
"""The file without a header, as UCI publishes it."""


@dataclass(frozen=True)
class Layout:
    """The rows within the text, the number of their first line, and the meaning of their cells."""

    text: bytes
    start: int
    end: int
    first_line: int
    header: Header

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.text.count(b"\n", self.start, self.end) + 1 if self.end > self.start else 0

    def is_made_of(self, characters: bytes) -> bool:
        """Return whether the rows contain only these characters."""
        return self.text.translate(None, characters) == self.text[: self.start].translate(None, characters)

    def rows(self) -> Iterator[list[str]]:
        """Yield the 32 cells of each row, in the order of the contract.

        Raises:
            NotATable: before the first row, if any line has more or fewer cells than the header.
        """
        rows = ((number, cells(line)) for number, line in enumerate(self._lines(), start=self.first_line))
        ragged = [(number, len(values)) for number, values in rows if not self.header.takes(values)]
        if ragged:
            raise self._not_of_one_width(ragged)
        order = [self.header.place[name] for name in NAMES]
        for parted in map(cells, self._lines()):
            yield [parted[place] for place in order]

    def width(self) -> int:
        """Return the number of cells in the first row."""
        return len(cells(next(self._lines())))

    def _lines(self) -> Iterator[str]:
        start = self.start
        while start < self.end:
            stop = self.text.find(b"\n", start, self.end)
            stop = self.end if stop < 0 else stop
            yield self.text[start:stop].decode()
            start = stop + 1

    def _not_of_one_width(self, ragged: Sequence[tuple[int, int]]) -> NotATable:
        line, width = ragged[0]
        needed = len(self.header.columns)
        last = self.first_line + len(self) - 1
        columns = f"{width} column{'' if width == 1 else 's'}"
        hint = _HINT
        if width == needed:
            what = f"a value stands behind the last named column of {len(ragged)} lines"
            hint = "Give every column a name, and every row as many cells as there are names."
        elif len(ragged) == len(self) and len({width for _, width in ragged}) == 1:
            what = f"every line has {columns}, {needed} are needed"
        elif line == last and width < needed:
            what = f"the last line, line {last}, breaks off after {columns} of {needed}: the file was cut"
            hint = "Fetch the file again."
        else:
            more = f", and {len(ragged) - 1} more lines have too few or too many" if len(ragged) > 1 else ""
            what = f"line {line} has {columns}, {needed} are needed{more}"
        return NotATable(what, where=f"line {line}", hint=hint)


def lay_out(content: bytes) -> Layout:
    """Find the rows and the columns.

    Raises:
        NotATable: the content is not text, has another format or separator, or a header with other names.
    """
    refuse_format(content)
    refuse_bytes(content)
    text = content.replace(b"\r\n", b"\n") if b"\r" in content else content
    start, end = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0, len(text)
    while end > start and text[end - 1] == ord("\n"):
        end -= 1
    stop = text.find(b"\n", start, end)
    stop = end if stop < 0 else stop
    header = header_of(text[start:stop].decode())
    if not header.named:
        return Layout(text, start, end, 1, header)
    return Layout(text, min(stop + 1, end), end, 2, header)


def lay_out_lines(content: bytes) -> Layout:
    """Return the layout of lines in UCI's layout that are part of a table, each with a line feed at its end."""
    return Layout(content, 0, len(content.rstrip(b"\n")), 1, UCI)


def shown(text: str) -> str:
    """Return a cell's text for messages: truncated, and quoted so that spaces and unusual characters are visible."""
    return ascii(text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "...")


def refuse_format(content: bytes, *, hint: str = _HINT) -> None:
    """Refuse content that is empty, for which `hint` says what to give, or recognizably of another format.

    Raises:
        NotATable: the message names the format.
    """
    if not content or content.isspace():
        raise NotATable("the source is empty", hint=hint)
    if (kind := file_formats.recognise(content)) is not None:
        raise NotATable(f"the source is {kind.name}, not a table", hint=kind.hint)


def refuse_bytes(content: bytes, *, hint: str = _HINT) -> None:
    """Refuse content that is not UTF-8 text; `hint` says what to give instead of binary content.

    Raises:
        NotATable: the message names the likely encoding, and the line.
    """
    if (position := content.find(b"\0")) >= 0:
        what = "the source holds NUL bytes: it is binary, or text in UTF-16"
        raise NotATable(what, where=_line_of(content, position), hint=f"{hint} {file_formats.UTF_8}")
    try:
        content.isascii() or content.decode("utf-8")
    except UnicodeDecodeError as error:
        what = "the source is not UTF-8 text, but probably Latin-1 (ISO 8859-1, Windows-1252)"
        raise NotATable(what, where=_line_of(content, error.start), hint=file_formats.UTF_8) from None


def _line_of(content: bytes, position: int) -> str:
    number = content.count(b"\n", 0, position) + 1
    return f"line {number}"


def _refuse_separator(line: str) -> None:
    least = len(contract.FEATURES)
    if line.count(",") >= least - 1:
        return
    for separator, name in _SEPARATORS.items():
        if len(line.strip().split(separator)) >= least:
            raise NotATable(f"the columns are separated by {name}; commas are needed", where="line 1", hint=_COMMAS)


def header_of(line: str, *, optional: Collection[str] = (), strict: bool = True) -> Header:
    """Return the meaning of the cells from the first line of a text: a header, or a row in UCI's layout.

    A header contains a name of the contract, or several cells and no number. A row contains numbers and no name.

    Raises:
        NotATable: the columns have another separator, or the header has other names.
    """
    if "\r" in line and line.count(",") >= WIDTH:
        raise NotATable(
            "the lines end in CR alone, as on a classic Mac", where="line 1", hint="Save it with line ends LF or CRLF."
        )
    _refuse_separator(line)
    parted = cells(line)
    named = any(map(contract.column_named, parted))
    if not named and (len(parted) == 1 or any(NUMBER.fullmatch(cell.strip()) for cell in parted)):
        return UCI
    return known_names(parted, optional=optional, strict=strict)


def known_names(header: Sequence[str], *, optional: Collection[str] = (), strict: bool = True) -> Header:
    """Return the meaning of the cells from the names of the columns.

    `optional` columns may be missing. Columns without a name are ignored, and so are unknown ones unless `strict`.

    Raises:
        NotATable: a required name is missing, a name occurs twice, or `strict` is set and a name is unknown.
    """
    columns = tuple(map(contract.column_named, header))
    missing = [name for name in NAMES if name not in columns and name not in optional]
    twice = [name for name in NAMES if columns.count(name) > 1]
    unnamed = [cell for cell, column in zip(header, columns, strict=True) if column is None]
    unknown = tuple(cell.strip() for cell in unnamed if not _NAMELESS.fullmatch(cell.strip()))
    faults = [f"{verb} {some(names)}" for verb, names in (("lacks", missing), ("names twice", twice)) if names]
    if faults or (strict and unknown):
        raise _of_other_names(faults, missing, unknown)
    last_is_nameless = _NAMELESS.fullmatch(header[-1].strip()) is not None
    return Header(columns, unknown, last_is_nameless=last_is_nameless)


def _of_other_names(faults: list[str], missing: Sequence[str], unknown: Sequence[str]) -> NotATable:
    detail = ""
    if unknown:
        counted = f"has {len(unknown)} unknown name{'s' if len(unknown) > 1 else ''}"
        listed = some([shown(name) for name in unknown])
        # While names are missing the line may be a row after all, and its cells a patient's values.
        faults.append(counted if missing else f"{counted}: {listed}")
        detail = f"unknown: {listed}" if missing else ""
    hint = _hint_for(missing, unknown)
    return NotATable(f"the header {', '.join(faults)}", where="line 1", hint=hint, detail=detail)


def _hint_for(missing: Sequence[str], unknown: Sequence[str]) -> str:
    if contract.DIAGNOSIS in missing and "target" in (name.lower() for name in unknown):
        return (
            "Name it diagnosis and write M and B. In scikit-learn's target 0 is malignant and 1 is benign: "
            "table['diagnosis'] = table.pop('target').map({0: 'M', 1: 'B'})."
        )
    if unknown and not missing:
        return "Remove the other columns: the table to train on has the contract's 32 columns and no others."
    if contract.DIAGNOSIS in missing:
        return _HINT
    return "Name the 30 measurements in the first line, in any order, and an id if it is wanted in the output."


def some(names: Sequence[str]) -> str:
    """Return the first few names, and the number of further ones."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def cells(line: str) -> list[str]:
    """Split a line into cells; a line with misplaced quotation marks or line ends is one cell."""
    if '"' not in line and "\r" not in line:
        return line.split(",")
    if not _LINE.fullmatch(line):
        return [line]
    return [cell[1:-1].replace('""', '"') if cell.startswith('"') else cell for cell in _CELLS.findall(line)]
