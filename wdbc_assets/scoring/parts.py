"""Scores one row group of a dataset, in any process: the unit of work of `wdbc predict` on a folder."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from wdbc_assets import scoring
from wdbc_assets.scoring import parquet_reader, readers, writers
from wdbc_assets.scoring.dataset import RowGroup
from wdbc_assets.scoring.places import Place
from wdbc_assets.store.bundle_loader import Packed, Served


@dataclass(frozen=True)
class Task:
    """What all row groups need: their folder, the model, and what is written about the rows."""

    folder: Place
    model: Packed
    explain: bool
    rejects: bool
    show_values: bool


@dataclass(frozen=True)
class ScoredPart:
    """The counts of a row group, its predictions as an Arrow stream, and its lines of the file of rejects."""

    tally: scoring.Tally
    stream: bytes
    rejects: bytes

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the predictions in the order of the rows."""
        if self.stream:
            yield from pa.ipc.open_stream(self.stream)


def run(task: Task, unit: RowGroup) -> ScoredPart:
    """Score a row group.

    Raises:
        WdbcError: the file is damaged, cannot be read, or was written since its footer was read.
    """
    from threadpoolctl import threadpool_limits

    served = _opened(task.model)
    rejected, stream = io.BytesIO(), io.BytesIO()
    rejects = writers.Rejects(rejected, show_values=task.show_values, file=unit.file.name) if task.rejects else None
    place = f"{task.folder.shown}/{unit.file.name}, {unit.shown}"
    with threadpool_limits(limits=1), readers.naming_errors(place), task.folder.open(unit.file) as file:
        batches = parquet_reader.ParquetSource(file).batches(unit.position, first=unit.first)
        scored = _Stream(stream)
        tally = scoring.score(batches, served, scored, rejects, explain=task.explain)
        scored.close()
    return ScoredPart(tally, stream.getvalue(), rejected.getvalue())


@lru_cache(maxsize=1)
def _opened(model: Packed) -> Served:
    """Open the model, once in each process."""
    return model.opened()


class _Stream:
    """Writes predictions as an Arrow stream, which holds no more than their rows."""

    def __init__(self, sink: io.BytesIO) -> None:
        self.rows = 0
        self._sink = sink
        self._writer: pa.RecordBatchStreamWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows."""
        self._writer = self._writer or pa.ipc.new_stream(self._sink, batch.schema)
        self._writer.write_batch(batch)
        self.rows += len(batch)

    def close(self) -> None:
        """Write the end of the stream."""
        if self._writer is not None:
            self._writer.close()
