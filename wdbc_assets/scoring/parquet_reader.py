"""Reads a Parquet file in batches, with only one batch in memory."""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from wdbc_assets.domain.data import contract, csv_layouts
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import ids
from wdbc_assets.scoring.batches import Batch, matrix
from wdbc_assets.store import arrays

MAGIC = b"PAR1"
_ROWS = 32_768  # the measurements of this many rows fit into the processor's shared cache
_BUFFER = 65_536
_HINT = "Use a Parquet file with the 30 measurements as numbers and, optionally, an id."


class ParquetSource:
    """An open Parquet file with the columns of the data contract.

    `id_type` is None if it has no id, or no row. `group_rows` are the rows of its row groups.
    """

    def __init__(self, file: BinaryIO, *, strict: bool = False) -> None:
        """Read the schema; raise WdbcError if the file is damaged or its columns are not usable."""
        try:
            # Without a buffer size, Arrow reads a whole row group ahead, which may be the whole file.
            self._file = pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False, arrow_extensions_enabled=True)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error) from None
        self.header = csv_layouts.known_names(schema.names, optional=(contract.ID, contract.DIAGNOSIS), strict=strict)
        metadata = self._file.metadata
        self.group_rows = tuple(metadata.row_group(index).num_rows for index in range(metadata.num_row_groups))
        fields = {name: schema.field(index) for name, index in self.header.place.items()}
        self._column_names = {name: field.name for name, field in fields.items()}
        self.id_type = None
        if not any(self.group_rows):  # the types of columns without rows say nothing
            return
        if contract.ID in fields:
            self.id_type = ids.output_type(fields[contract.ID].type)
        not_numeric = [name for name in contract.FEATURES if not _is_number(fields[name].type)]
        if not_numeric:
            raise WdbcError(
                f"{len(not_numeric)} of {len(contract.FEATURES)} measurements are not numeric columns",
                where=f"columns {csv_layouts.some(not_numeric)}",
                hint=_HINT,
            )

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rows in batches; raise WdbcError if the file is damaged."""
        return self.batches()

    def batches(self, group: int | None = None, *, first: int = 1) -> Iterator[Batch]:
        """Yield the rows of one row group, or of all, in batches; `first` is the number of the first of them.

        Raises:
            WdbcError: the file is damaged.
        """
        wanted = [*contract.FEATURES, *([contract.ID] if self.id_type is not None else [])]
        columns = [self._column_names[name] for name in wanted]
        groups = None if group is None else [group]
        try:
            for records in self._file.iter_batches(_ROWS, row_groups=groups, columns=columns, use_threads=False):
                yield self._batch(records, first)
                first += len(records)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error) from None

    def _batch(self, records: pa.RecordBatch, first: int) -> Batch:
        def column(name: str) -> pa.Array:
            return records.column(self._column_names[name])

        return Batch(
            X=matrix(lambda name: arrays.to_numpy(column(name)), len(records)),
            ids=None if self.id_type is None else ids.convert(column(contract.ID), first),
            numbers=range(first, first + len(records)),
            malformed=(),
            text=lambda position, name: str(column(name)[position].as_py()),
        )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _damaged(error: Exception) -> WdbcError:
    return WdbcError(
        f"the Parquet file is damaged or truncated ({type(error).__name__})", hint="Write or copy the file again."
    )
