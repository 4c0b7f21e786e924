"""A Parquet file as chunks: batch by batch, with no more of it in memory than a batch needs."""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from wdbc_assets.domain.data import contract, csv_layouts
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring import arrays, ids
from wdbc_assets.scoring.batches import Chunk, matrix

MAGIC = b"PAR1"
_ROWS = 32_768  # the measurements of so many lie in a processor's shared cache while rules and scorer go over them
_BUFFER = 65_536
_HINT = "Give a Parquet file that has the 30 measurements as numbers, and an id if it is wanted."


class ParquetSource:
    """An opened Parquet file whose columns are those of the contract; `id_type` is None if it has no id."""

    def __init__(self, file: BinaryIO, *, strict: bool = False) -> None:
        """Read what columns there are; raises WdbcError if the file or its columns are not what is needed."""
        try:
            # Unbuffered, a whole row group would be read ahead, be it as long as the file.
            self._file = pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False, arrow_extensions_enabled=True)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error) from None
        self.header = csv_layouts.known_names(schema.names, optional=(contract.ID, contract.DIAGNOSIS), strict=strict)
        fields = {name: schema.field(place) for name, place in self.header.place.items()}
        self._given = {name: field.name for name, field in fields.items()}
        self.id_type = ids.type_of(fields[contract.ID].type) if contract.ID in fields else None
        texts = [name for name in contract.FEATURES if not _is_number(fields[name].type)]
        if texts:
            raise WdbcError(
                f"{len(texts)} of {len(contract.FEATURES)} measurements are no columns of numbers.",
                where=f"columns {csv_layouts.some(texts)}",
                hint=_HINT,
            )

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the rows; raises WdbcError where the file is damaged."""
        wanted = [*contract.FEATURES, *([contract.ID] if self.id_type is not None else [])]
        columns = [self._given[name] for name in wanted]
        first = 1
        try:
            for batch in self._file.iter_batches(batch_size=_ROWS, columns=columns, use_threads=False):
                yield self._chunk(batch, first)
                first += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error) from None

    def _chunk(self, batch: pa.RecordBatch, first: int) -> Chunk:
        def column(name: str) -> pa.Array:
            return batch.column(self._given[name])

        return Chunk(
            X=matrix(lambda name: arrays.to_numpy(column(name)), len(batch)),
            ids=None if self.id_type is None else ids.converted(column(contract.ID), first),
            numbers=range(first, first + len(batch)),
            torn=(),
            text=lambda position, name: str(column(name)[position].as_py()),
        )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _damaged(error: Exception) -> WdbcError:
    what = f"This is no whole Parquet file ({type(error).__name__})."
    return WdbcError(what, hint="Write or copy the file again: it is damaged, or cut.")
