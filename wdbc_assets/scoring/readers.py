"""Opens the input of scoring: a file or standard input, compressed or not. Its first bytes decide the format."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

from wdbc_assets.domain.data import file_formats
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import csv_reader, parquet_reader
from wdbc_assets.scoring.batches import Batch
from wdbc_assets.sources import unpacking

STANDARD = "-"
_HEAD = 4
_NEEDS_SEEK = (parquet_reader.MAGIC, *unpacking.ZIP)  # formats with their index at the end


class FileRows:
    """The rows of one file. Errors in reading name the file."""

    def __init__(self, name: str, rows: parquet_reader.ParquetSource | csv_reader.CsvSource) -> None:
        self._name = name
        self._rows = rows
        self.shown = display_name(name)
        self.header = rows.header
        self.id_type = rows.id_type

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rows in batches; raise WdbcError if the file cannot be read."""
        with naming_errors(self._name):
            yield from self._rows


@contextmanager
def open_source(name: str, *, strict: bool = False) -> Iterator[FileRows]:
    """Open a file to score; `-` is standard input. If `strict`, reject unknown columns.

    Formats that need seeking are first copied from a pipe to an unnamed temporary file.

    Raises:
        WdbcError: The file cannot be read, or does not have the columns of the data contract.
    """
    with ExitStack() as stack:
        with naming_errors(name):
            file = stack.enter_context(open_input(name))
            head, table = _peek(file, stack)
            if unpacking.is_packed(head):
                head, table = _peek(stack.enter_context(unpacking.opened(table, head)), None)
            rows = parquet_reader.ParquetSource if head == parquet_reader.MAGIC else csv_reader.CsvSource
            source = FileRows(name, rows(table, strict=strict))
        yield source


def _peek(file: BinaryIO, stack: ExitStack | None) -> tuple[bytes, BinaryIO]:
    """Return the first bytes of a file, and a file that still starts with them.

    If the format needs seeking, the returned file is seekable. Without a `stack` that would own a temporary file, such
    formats are rejected: they are inside an archive.
    """
    head = b""
    while len(head) < _HEAD and (piece := file.read(_HEAD - len(head))):
        head += piece
    if not head.startswith(_NEEDS_SEEK):
        return head, cast("BinaryIO", _Rejoined(head, file))
    if stack is None:
        what = "a Parquet file in an archive" if head == parquet_reader.MAGIC else "an archive in an archive"
        raise WdbcError(f"the source is {what}", hint=file_formats.UNPACK)
    if file.seekable():
        file.seek(0)
        return head, file
    return head, _copy_to_temporary(head, file, stack)


def _copy_to_temporary(head: bytes, file: BinaryIO, stack: ExitStack) -> BinaryIO:
    try:
        copy = stack.enter_context(cast("BinaryIO", tempfile.TemporaryFile()))  # noqa: SIM115 -- the stack closes it
        copy.write(head)
        shutil.copyfileobj(file, copy)
        copy.seek(0)
    except OSError as error:
        raise WdbcError(
            f"the input from the pipe cannot be copied to a temporary file: {error.strerror or error}",
            hint="Free disk space, set TMPDIR to another folder, or pass the file by its path.",
        ) from None
    return copy


class _Rejoined:
    """A file, not necessarily seekable, that starts with bytes that were already read from it."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = head
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, or all that remain."""
        if not self._head:
            return self._file.read(size)
        head, self._head = self._head, b""
        if 0 <= size < len(head):
            head, self._head = head[:size], head[size:]
        return head + self._file.read(max(size - len(head), 0) if size >= 0 else -1)


@contextmanager
def naming_errors(name: str) -> Iterator[None]:
    """Add the name of the file to errors, those of the operating system included."""
    try:
        yield
    except OSError as error:
        raise WdbcError(
            f"the input cannot be read: {error.strerror or error}",
            where=display_name(name),
            hint="Pass a readable CSV or Parquet file, or `-` for standard input.",
        ) from None
    except WdbcError as error:
        error.where = ", ".join(filter(None, (display_name(name), error.where)))
        raise


def open_input(name: str) -> AbstractContextManager[BinaryIO]:
    """Open a file; `-` is standard input, which stays open at the end.

    Raises:
        OSError: The file cannot be opened.
        WdbcError: The caller has closed standard input.
    """
    if name != STANDARD:
        return Path(name).open("rb")
    if sys.stdin is None:
        raise WdbcError("standard input is closed", hint="Pass the file by its path, or through a pipe.")
    return nullcontext(sys.stdin.buffer)


def display_name(name: str) -> str:
    """Return how messages call a file."""
    return "standard input" if name == STANDARD else name
