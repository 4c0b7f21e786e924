"""Where the rows to score come from: a file or standard input, packed or not; its beginning tells CSV from Parquet."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from wdbc_assets.domain.data import file_formats
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import csv_reader, parquet_reader
from wdbc_assets.scoring.batches import Chunk
from wdbc_assets.sources import unpacking

STANDARD = "-"
_BEGIN = 4
_FROM_THE_END = (parquet_reader.MAGIC, *unpacking.ZIP)  # what is read from its end


class Source:
    """The rows of one file; an error in reading them names it."""

    def __init__(self, place: str, rows: parquet_reader.ParquetSource | csv_reader.TextSource) -> None:
        self._place = place
        self._rows = rows
        self.shown = _name(place)
        self.header = rows.header
        self.id_type = rows.id_type

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the rows; raises WdbcError where the file cannot be read."""
        with _named(self._place):
            yield from self._rows


@contextmanager
def opened(place: str, *, strict: bool = False) -> Iterator[Source]:
    """Open a file to score, `-` being standard input; if `strict`, one without unknown columns.

    What is read from its end, and comes through a pipe, is first kept in a temporary file without a name.

    Raises:
        WdbcError: it cannot be read, or is no table of the contract's columns.
    """
    with ExitStack() as stack:
        with _named(place):
            file = _standard_input() if place == STANDARD else stack.enter_context(Path(place).open("rb"))
            begin, table = _from_its_beginning(file, stack)
            if unpacking.is_packed(begin):
                begin, table = _from_its_beginning(stack.enter_context(unpacking.opened(table, begin)), None)
            rows = parquet_reader.ParquetSource if begin == parquet_reader.MAGIC else csv_reader.TextSource
            source = Source(place, rows(table, strict=strict))
        yield source


def _from_its_beginning(file: BinaryIO, stack: ExitStack | None) -> tuple[bytes, BinaryIO]:
    """Return how a file begins, and the file as if that had not been read; in a `stack`, seekable where it must be."""
    begin = b""
    while len(begin) < _BEGIN and (piece := file.read(_BEGIN - len(begin))):
        begin += piece
    if not begin.startswith(_FROM_THE_END):
        return begin, cast("BinaryIO", _Rejoined(begin, file))
    if stack is None:
        what = "a Parquet file in an archive" if begin == parquet_reader.MAGIC else "an archive in an archive"
        raise WdbcError(f"the source is {what}", hint=file_formats.UNPACK)
    if file.seekable():
        file.seek(0)
        return begin, file
    return begin, _kept(begin, file, stack)


def _kept(begin: bytes, file: BinaryIO, stack: ExitStack) -> BinaryIO:
    try:
        whole = stack.enter_context(cast("BinaryIO", tempfile.TemporaryFile()))  # noqa: SIM115 -- the stack closes it
        whole.write(begin)
        shutil.copyfileobj(file, whole)
        whole.seek(0)
    except OSError as error:
        raise WdbcError(
            f"what comes through the pipe cannot be kept in a temporary file: {error.strerror or error}",
            hint="Free some space there, let TMPDIR name another folder, or give the file by its path.",
        ) from None
    return whole


class _Rejoined:
    """A file whose beginning was read already, whole again; it need not be seekable."""

    def __init__(self, begin: bytes, file: BinaryIO) -> None:
        self._begin = begin
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or fewer at the end."""
        if not self._begin:
            return self._file.read(size)
        begin, self._begin = self._begin, b""
        if 0 <= size < len(begin):
            begin, self._begin = begin[:size], begin[size:]
        return begin + self._file.read(max(size - len(begin), 0) if size >= 0 else -1)


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Say of an error in reading where it was."""
    try:
        yield
    except OSError as error:
        raise WdbcError(
            f"the rows to score cannot be read: {error.strerror or error}",
            where=_name(place),
            hint="Give a CSV or Parquet file that exists and that you may read, or `-` for standard input.",
        ) from None
    except WdbcError as error:
        error.where = ", ".join(part for part in (_name(place), error.where) if part)
        raise


def _standard_input() -> BinaryIO:
    if sys.stdin is None:  # closed by the caller
        raise WdbcError("standard input is closed", hint="Give the file by its path, or through a pipe.")
    return sys.stdin.buffer


def _name(place: str) -> str:
    return "standard input" if place == STANDARD else place
