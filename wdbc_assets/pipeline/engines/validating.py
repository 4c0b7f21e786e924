"""Validation of tables that are larger than memory, in parts, by the rules of those in memory."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from wdbc_assets.domain.data import contract, reading
from wdbc_assets.domain.data.failures import SHOWN
from wdbc_assets.domain.data.partitions import Streamed
from wdbc_assets.domain.rules import partitions
from wdbc_assets.domain.rules.base import MISSING_ID
from wdbc_assets.domain.rules.partitions import CleanPart
from wdbc_assets.pipeline.engines import cleaning
from wdbc_assets.store import table_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wdbc_assets.domain.data.failures import Failure
    from wdbc_assets.domain.data.lines import LinesFile
    from wdbc_assets.domain.rules.findings import Finding
    from wdbc_assets.store.table_files import LargeSplit, TableFile


def raw(lines: LinesFile) -> list[Finding]:
    """Validate a source. Its text is parsed once; the rules then read a temporary table."""
    texts: list[Failure] = []

    def frames() -> Iterator[pd.DataFrame]:
        for part in cleaning.raw_parts(lines):
            texts.extend(part.unreadable[: SHOWN - len(texts)])
            frame = part.frame.reset_index(drop=True)
            yield frame.assign(**{contract.ID: frame[contract.ID].to_numpy(dtype="int64", na_value=MISSING_ID)})

    table = table_files.write(frames())

    def parts() -> Iterator[reading.RawTable]:
        first = 1
        for frame in table.parts():
            ids = frame[contract.ID].astype("Int64")
            frame[contract.ID] = ids.mask(ids == MISSING_ID)
            frame.index = pd.RangeIndex(first, first + len(frame), name=reading.LINE)
            unreadable = tuple(failure for failure in texts if failure.row is not None and failure.row in frame.index)
            yield reading.RawTable(frame, unreadable)
            first += len(frame)

    return partitions.validate_raw(Streamed(parts))


def clean(table: TableFile) -> list[Finding]:
    """Validate a clean frame."""
    return partitions.validate_clean(_clean_parts(table))


def split(divided: LargeSplit, frame: TableFile) -> list[Finding]:
    """Validate a split of a clean frame."""
    names = [column.name for column in contract.CLEAN_COLUMNS]
    train, test = (Streamed(partial(table.parts, names)) for table in (divided.train, divided.test))
    return partitions.validate_split(train, test, _clean_parts(frame), divided.draw)


def _clean_parts(table: TableFile) -> Streamed[CleanPart]:
    def parts() -> Iterator[CleanPart]:
        first = 0
        for frame in table.parts():
            yield CleanPart(first, frame)
            first += len(frame)

    return Streamed(parts)
