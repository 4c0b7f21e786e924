"""The work of `wdbc predict` on a folder: a unit is one row group, and the results are written in the order of rows.

The engine is `local` unless `dask` is set: memory is flat on either, so that `auto` has no reason to start a cluster.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from wdbc_assets import scoring
from wdbc_assets.pipeline.engines import choice
from wdbc_assets.pipeline.engines.engine import in_order
from wdbc_assets.scoring import dataset, files, output_files, parts, writers
from wdbc_assets.scoring.output_files import Destination
from wdbc_assets.scoring.unfinished_folder import UnfinishedFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from wdbc_assets import settings
    from wdbc_assets.domain.data.csv_layouts import Header
    from wdbc_assets.pipeline.engines.engine import Used
    from wdbc_assets.scoring.dataset import Dataset
    from wdbc_assets.scoring.files import Folder
    from wdbc_assets.scoring.parts import ScoredPart
    from wdbc_assets.store.bundle_loader import Packed


@dataclass(frozen=True)
class FolderScored:
    """The counts of all rows of a folder, the header of each of its files, and the engine that was used."""

    tally: scoring.Tally
    headers: tuple[Header, ...]
    used: Used | None


def score_folder(
    folder: Folder,
    model: Packed,
    config: settings.Settings,
    *,
    explain: bool = False,
    strict: bool = False,
    progress: Callable[[scoring.Tally], None] = lambda _: None,
) -> FolderScored:
    """Score all files of a folder. Outputs appear only when all of them are complete.

    Raises:
        WdbcError: a file cannot be read or was changed meanwhile, no row can be scored, an output cannot be written, or
            the engine was lost.
        ReaderGone: the reader of an output closed its pipe.
    """
    if explain and not model.opened().compiled:
        raise scoring.cannot_explain(model.opened())
    data = dataset.read(folder.source, strict=strict)
    tally = scoring.Tally()
    task = parts.Task(folder.source, model, explain, rejects=folder.rejects is not None, show_values=config.show_values)
    units = [group for part in data.parts for group in part.groups]
    engine = choice.engine(config, rows=0)
    computed = in_order(engine, parts.run, task, units, noun="row groups")
    schema = scoring.schema(data.id_type, explain=explain)
    try:
        with contextlib.ExitStack() as stack:
            rejects = None
            if folder.rejects is not None:
                rejects = stack.enter_context(output_files.open_output(folder.rejects))
                rejects.write(writers.rejects_header(show_values=config.show_values, files=True))

            def outcomes() -> Iterator[ScoredPart]:
                for unit, outcome in zip(units, computed, strict=True):
                    if rejects is not None:
                        rejects.write(outcome.rejects)
                    tally.add(outcome.tally, unit.file.name)
                    yield outcome
                    progress(tally)

            # Closed here: an interruption would otherwise keep the iterator, and with it the workers, alive until exit.
            stack.enter_context(contextlib.closing(computed))
            if isinstance(folder.out, Destination):
                sink = stack.enter_context(output_files.open_output(folder.out))
                _write(outcomes(), stack.enter_context(writers.scored(sink, schema, folder.out.form)))
                _require_sound(data, tally)
            else:
                unfinished = stack.enter_context(UnfinishedFolder(folder.out))
                _write_parts(outcomes(), data, unfinished, schema)
                _require_sound(data, tally)
                unfinished.finish()
    except output_files.ReaderGone as gone:
        gone.rows = tally.scored
        raise
    return FolderScored(tally, tuple(part.header for part in data.parts), engine.used)


def _write_parts(outcomes: Iterator[ScoredPart], data: Dataset, folder: UnfinishedFolder, schema: pa.Schema) -> None:
    """Write a file for each file of the dataset, also if it has no row."""
    for part in data.parts:
        with folder.file(part.file.name) as sink, writers.scored(sink, schema, "parquet") as scored:
            _write(islice(outcomes, len(part.groups)), scored)


def _write(outcomes: Iterator[ScoredPart], scored: writers.Scored) -> None:
    for outcome in outcomes:
        for batch in outcome.batches():
            scored.write(batch)


def _require_sound(data: Dataset, tally: scoring.Tally) -> None:
    data.require_unchanged()
    files.require_scored_rows(tally, data.folder.shown)
