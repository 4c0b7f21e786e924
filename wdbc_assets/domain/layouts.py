"""Where the table lies in the bytes of a source: what is no table is refused, a header is read, lines become rows.

Which texts are numbers is said in `reading`.
"""

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from wdbc_assets.domain import contract
from wdbc_assets.domain.errors import WdbcError

NAMES = tuple(column.name for column in contract.COLUMNS)
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

WIDTH = len(NAMES)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# How the name of the empty last column of the Kaggle copy is written: not at all, or as pandas writes it back.
_EMPTY_NAMES = ("", "unnamed:_32")
_NAMES_SHOWN = 5
_LONGEST_TEXT = 40
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_SIGNATURES = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    b"<": "an HTML or XML page",
    b"{": "JSON",
    b"[": "JSON",
}
_MEND = "Give the file wdbc.data as UCI publishes it, or a CSV whose header names its 32 columns."


class NotATable(WdbcError):
    """The content cannot be laid out as the 32 columns of the contract."""


@dataclass(frozen=True)
class Layout:
    """Where the rows lie in the text, the number of their first line, and the columns in the order of the file."""

    text: bytes
    start: int
    end: int
    first_line: int
    columns: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.text.count(b"\n", self.start, self.end) + 1 if self.end > self.start else 0

    def is_made_of(self, characters: bytes) -> bool:
        """Say whether the rows hold no other characters than these."""
        return self.text.translate(None, characters) == self.text[: self.start].translate(None, characters)

    def rows(self) -> Iterator[list[str]]:
        """Yield the 32 cells of each row, in the order of the contract.

        Raises:
            NotATable: before the first row, if any line has more or fewer cells; an empty 33rd does not count.
        """
        widths = ((number, width(cells(line))) for number, line in enumerate(self._lines(), start=self.first_line))
        ragged = [(number, found) for number, found in widths if found != WIDTH]
        if ragged:
            raise self._not_of_one_width(ragged)
        order = [self.columns.index(name) for name in NAMES]
        for parted in map(cells, self._lines()):
            yield [parted[place] for place in order]

    def _lines(self) -> Iterator[str]:
        start = self.start
        while start < self.end:
            stop = self.text.find(b"\n", start, self.end)
            stop = self.end if stop < 0 else stop
            yield self.text[start:stop].decode()
            start = stop + 1

    def _not_of_one_width(self, ragged: Sequence[tuple[int, int]]) -> NotATable:
        line, found = ragged[0]
        last = self.first_line + len(self) - 1
        columns = f"{found} column{'' if found == 1 else 's'}"
        mend = _MEND
        if len(ragged) == len(self) and len({one for _, one in ragged}) == 1:
            what = f"every line has {columns}, {WIDTH} are needed"
        elif line == last and found < WIDTH:
            what = f"the last line, line {last}, breaks off after {columns} of {WIDTH}: the file was cut"
            mend = "Fetch the file anew."
        else:
            more = f", and {len(ragged) - 1} more lines have too few or too many" if len(ragged) > 1 else ""
            what = f"line {line} has {columns}, {WIDTH} are needed{more}"
        return NotATable(what, where=f"line {line}", mend=mend)


def lay_out(content: bytes) -> Layout:
    """Find the rows and the columns.

    Raises:
        NotATable: it is no text, or in another format, or has another separator or a header with other names.
    """
    refuse_foreign(content)
    text = content.replace(b"\r\n", b"\n") if b"\r" in content else content
    start, end = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0, len(text)
    while end > start and text[end - 1] == ord("\n"):
        end -= 1
    stop = text.find(b"\n", start, end)
    stop = end if stop < 0 else stop
    names = columns_of(text[start:stop].decode())
    if names is None:
        return Layout(text, start, end, 1, NAMES)
    return Layout(text, min(stop + 1, end), end, 2, names)


def shown(text: str) -> str:
    """Return a cell's text as a message shows it: quoted, so that blanks and strange characters are seen, and cut."""
    return ascii(text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "...")


def refuse_foreign(content: bytes) -> None:
    """Refuse what is no UTF-8 text, or is text of another format.

    Raises:
        NotATable: naming what it is.
    """
    if not content or content.isspace():
        raise NotATable("the source is empty", mend=_MEND)
    head = content[:1000].removeprefix(_BYTE_ORDER_MARK).lstrip()
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            raise NotATable(f"the source is {kind}, not a table", mend=_MEND)
    if (position := content.find(b"\0")) >= 0:
        what = "the source holds NUL bytes: it is binary, or text in UTF-16"
        raise NotATable(what, where=_line_of(content, position), mend=_MEND)
    try:
        content.isascii() or content.decode("utf-8")
    except UnicodeDecodeError as error:
        where = _line_of(content, error.start)
        raise NotATable("the source is not UTF-8 text", where=where, mend="Save it as UTF-8.") from None


def _line_of(content: bytes, position: int) -> str:
    number = content.count(b"\n", 0, position) + 1
    return f"line {number}"


def _refuse_separator(line: str, *, widths: range) -> None:
    if line.count(",") >= widths[0] - 1:
        return
    for separator, name in _SEPARATORS.items():
        if len(line.strip().split(separator)) in widths:
            raise NotATable(f"the columns are separated by {name}; commas are needed", where="line 1", mend=_MEND)


def columns_of(line: str, *, optional: Collection[str] = ()) -> tuple[str, ...] | None:
    """Return the columns that the first line names, in its order, or None if the line is a row.

    A header has a name of the contract, or several cells and no number. A row has no name, and numbers.

    Raises:
        NotATable: the columns have another separator, or the header has other names; `optional` ones may be missing.
    """
    _refuse_separator(line, widths=range(WIDTH - len(optional), WIDTH + 2))
    parted = cells(line)
    names = [_name(cell) for cell in parted]
    if not set(names) & set(NAMES) and (len(parted) == 1 or any(NUMBER.fullmatch(cell.strip()) for cell in parted)):
        return None
    return known_names(parted, optional=optional)


def known_names(header: Sequence[str], *, optional: Collection[str] = ()) -> tuple[str, ...]:
    """Return the cells of a header as the contract writes them, without the empty one of an empty 33rd column.

    Raises:
        NotATable: a name is missing and not optional, is there twice, or is unknown.
    """
    names = [_name(cell) for cell in header]
    if len(names) == WIDTH + 1 and names[-1] in _EMPTY_NAMES:
        names.pop()
    missing = [name for name in NAMES if name not in names and name not in optional]
    twice = [name for name in NAMES if names.count(name) > 1]
    unknown = [cell for cell, name in zip(header, names, strict=False) if name not in NAMES]
    faults = [f"{verb} {_some(found)}" for verb, found in (("lacks", missing), ("names twice", twice)) if found]
    if unknown:
        faults.append(f"has {len(unknown)} unknown name{'s' if len(unknown) > 1 else ''}")
    if faults:
        # Unknown names go into the detail: should the line be a row after all, they are a patient's values.
        detail = f"unknown: {_some([shown(cell) for cell in unknown])}" if unknown else ""
        raise NotATable(f"the header {', '.join(faults)}", where="line 1", mend=_MEND, detail=detail)
    return tuple(names)


def _name(cell: str) -> str:
    return cell.strip().lower().replace(" ", "_")


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def width(parted: Sequence[str]) -> int:
    """Return how many columns a line has; an empty 33rd does not count."""
    return WIDTH if len(parted) == WIDTH + 1 and parted[-1] == "" else len(parted)


def cells(line: str) -> list[str]:
    """Part a line into cells; a line whose quotation marks do not close is one cell."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return [line]
