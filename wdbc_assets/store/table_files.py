"""Tables in files, read and written in parts, so that memory holds one part, however long a table is.

A part is a row group of a Parquet file. The number of its rows is fixed, so that equal tables give equal bytes in
whatever pieces they were written. A file that is not yet part of a version is temporary and has no name: a process that
is killed leaves nothing of it behind.
"""

import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS = 2**15
"""The number of rows of every part but the last."""


class TableFile:
    """A table in an open Parquet file, which closes with this object."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        weakref.finalize(self, file.close)

    @cached_property
    def _parquet(self) -> "pq.ParquetFile":
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.file, pre_buffer=False)

    @property
    def rows(self) -> int:
        """The number of rows."""
        rows: int = self._parquet.metadata.num_rows
        return rows

    def parts(self, columns: Sequence[str] | None = None) -> Iterator["pd.DataFrame"]:
        """Yield the table, or some of its columns, in parts."""
        for part in range(self._parquet.num_row_groups):
            # No Arrow threads: see `codecs.from_parquet`.
            table = self._parquet.read_row_group(part, columns=columns, use_threads=False)
            yield table.to_pandas(use_threads=False)

    def frame(self) -> "pd.DataFrame":
        """Return the whole table."""
        frame: pd.DataFrame = self._parquet.read(use_threads=False).to_pandas(use_threads=False)
        return frame


def write(frames: Iterable["pd.DataFrame"]) -> TableFile:
    """Write tables with the same columns one below the other; return them as one table in a temporary file.

    Raises:
        WdbcError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = (pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None) for frame in frames)
    first = next(tables, pa.table({}))
    file = temporary_file()
    try:
        numbers = [field.name for field in first.schema if pa.types.is_floating(field.type)]
        # Measurements seldom repeat: without dictionaries they are written and read in a third of the time.
        encoding = dict.fromkeys(numbers, "BYTE_STREAM_SPLIT")
        with pq.ParquetWriter(
            file, first.schema, compression="zstd", use_dictionary=False, column_encoding=encoding
        ) as writer:
            for part in _parts(first, tables):
                writer.write_table(part)
        return TableFile(file)
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise _cannot_write(error) from None
        raise


def temporary_file() -> BinaryIO:
    """Return a new file without a name.

    Raises:
        WdbcError: it cannot be created.
    """
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _cannot_write(error) from None


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


def _cannot_write(error: OSError) -> WdbcError:
    return WdbcError(
        f"a table cannot be written to a temporary file: {error.strerror or error}",
        hint="Free disk space, or set TMPDIR to another folder.",
    )
