"""Tables in files, read and written in parts, so that memory holds one part, however long a table is.

A part is a row group of a Parquet file. The number of its rows is fixed, so that equal tables give equal bytes in
whatever pieces they were written. A file that is not yet part of a version is temporary and has no name: a process that
is killed leaves nothing of it behind.
"""

import os
import shutil
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from wdbc_assets import temporary_files
from wdbc_assets.domain.data.splitting import Draw
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.manifest import StoredFile, stored_stream

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

ROWS = 2**15
"""The number of rows of every part but the last."""
_OPEN = 8


@dataclass(frozen=True)
class StoredPlace:
    """Where a stored file is, for the processes that compute on its parts.

    `opened` identifies the file that was verified: device, inode and size. A process that opens another one, on another
    machine, verifies it itself.
    """

    store: str
    path: str
    stored: StoredFile
    opened: tuple[int, int, int]

    @classmethod
    def of(cls, file: BinaryIO, store: str, path: str, stored: StoredFile) -> "StoredPlace":
        """Return the place of an open file that is as `stored` states."""
        return cls(store, path, stored, _identity(file))


@lru_cache(maxsize=_OPEN)
def opened(place: StoredPlace) -> "TableFile":
    """Return the stored table at a place, as this process finds it.

    Raises:
        WdbcError: it is not there, or is another one.
    """
    from wdbc_assets.store import backends

    where = f"{place.store.rstrip('/')}/{place.path}"
    try:
        file = local_copy(backends.open_backend(place.store, relative_to=Path()).open(place.path))
    except FileNotFoundError:
        raise WdbcError(
            "a process of the engine does not find a stored table",
            where=where,
            hint="Every worker must see the store under the same path or URL, WDBC_STORAGE.",
        ) from None
    if _identity(file) != place.opened and stored_stream(file) != place.stored:
        file.close()
        raise WdbcError(
            "a process of the engine finds another stored table: its digest does not match",
            where=where,
            hint="Run `wdbc verify`, and let every worker see the same store.",
        )
    return TableFile(file, place)


def _identity(file: BinaryIO) -> tuple[int, int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size


def local_copy(file: BinaryIO) -> BinaryIO:
    """Return a file that can be read at any place: the file itself, or a temporary copy of one of an object store."""
    if file.seekable():
        return file
    with file as remote:
        copy = temporary_files.unnamed()
        with temporary_files.explained():
            shutil.copyfileobj(remote, copy)
        copy.seek(0)
        return copy


class TableFile:
    """A table in an open Parquet file, which closes with this object. `place` is where it is stored, if it is."""

    def __init__(self, file: BinaryIO, place: StoredPlace | None = None) -> None:
        self.file = file
        self.place = place
        self._closing = weakref.finalize(self, file.close)

    def detach(self) -> BinaryIO:
        """Return the file, which this object no longer closes."""
        self._closing.detach()
        return self.file

    @cached_property
    def _parquet(self) -> "pq.ParquetFile":
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.file, pre_buffer=False)

    @property
    def rows(self) -> int:
        """The number of rows."""
        rows: int = self._parquet.metadata.num_rows
        return rows

    @property
    def count(self) -> int:
        """The number of parts."""
        count: int = self._parquet.num_row_groups
        return count

    def part(self, number: int, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """Return one part, from 0, of the table, or of some of its columns."""
        # No Arrow threads: see `codecs.from_parquet`.
        table = self._parquet.read_row_group(number, columns=columns, use_threads=False)
        frame: pd.DataFrame = table.to_pandas(use_threads=False)
        return frame

    def parts(self, columns: Sequence[str] | None = None) -> Iterator["pd.DataFrame"]:
        """Yield the table, or some of its columns, in parts."""
        for number in range(self.count):
            yield self.part(number, columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._parquet.schema_arrow.names)

    def column(self, name: str) -> "np.ndarray":
        """Return all numbers of one column, shape (rows,)."""
        values: np.ndarray = self._parquet.read([name], use_threads=False).column(0).to_numpy()
        return values

    def arrow_parts(self, columns: Sequence[str]) -> Iterator["pa.Table"]:
        """Yield some columns in parts, as Arrow has them."""
        for number in range(self.count):
            yield self._parquet.read_row_group(number, columns=columns, use_threads=False)

    def array_parts(self, columns: Sequence[str]) -> Iterator[list["NDArray[np.float64]"]]:
        """Yield columns of numbers in parts, one array for each column. Do not write to the arrays."""
        from wdbc_assets.store import arrays

        for table in self.arrow_parts(columns):
            yield [arrays.to_numpy(table.column(name)) for name in columns]

    def frame(self) -> "pd.DataFrame":
        """Return the whole table."""
        frame: pd.DataFrame = self._parquet.read(use_threads=False).to_pandas(use_threads=False)
        return frame


@dataclass(frozen=True)
class LargeSplit:
    """The training set and the test set of a table larger than memory: a clean frame with the digest of each row."""

    train: TableFile
    test: TableFile
    draw: Draw


def matrix(table: "pa.Table", columns: Sequence[str]) -> "NDArray[np.float64]":
    """Return columns of numbers as one matrix, shape (rows, columns), each column contiguous."""
    import numpy as np

    from wdbc_assets.store import arrays

    values = np.empty((len(columns), len(table)))
    for row, name in zip(values, columns, strict=True):
        row[:] = arrays.to_numpy(table.column(name))
    return values.T


def write(frames: Iterable["pd.DataFrame | pa.Table"]) -> TableFile:
    """Write tables with the same columns one below the other; return them as one table in a temporary file.

    Raises:
        WdbcError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = (_without_metadata(frame) for frame in frames)
    first = next(tables, pa.table({}))
    file = temporary_files.unnamed()
    try:
        categories = [field.name for field in first.schema if pa.types.is_dictionary(field.type)]
        # Every asset that needs the table reads it again. Measurements and ids seldom repeat: without dictionaries and
        # compression they are read in 60 % of the time that it takes with Snappy, for a fifth more space.
        with (
            temporary_files.explained(),
            pq.ParquetWriter(file, first.schema, compression="none", use_dictionary=categories) as writer,
        ):
            for part in _parts(first, tables):
                writer.write_table(part)
    except BaseException:
        file.close()
        raise
    return TableFile(file)


def _without_metadata(frame: "pd.DataFrame | pa.Table") -> "pa.Table":
    import pyarrow as pa

    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
    return table.replace_schema_metadata(None)


def _parts(first: "pa.Table", others: Iterable["pa.Table"]) -> Iterator["pa.Table"]:
    """Yield tables joined and divided into parts, at least one."""
    import pyarrow as pa

    waiting = first.slice(0, 0)
    for table in chain([first], others):
        waiting = pa.concat_tables([waiting, table])
        while len(waiting) > ROWS:
            yield waiting.slice(0, ROWS).combine_chunks()
            waiting = waiting.slice(ROWS)
    yield waiting.combine_chunks()
