"""The split of a clean frame in memory, or of one that is larger, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import membership, splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines import large
from wdbc_assets.store import table_files
from wdbc_assets.store.table_files import LargeSplit, TableFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from wdbc_assets import settings


def split(frame: pd.DataFrame | TableFile, parameters: settings.SplitParameters) -> splitting.Split | LargeSplit:
    """Split a clean frame.

    Raises:
        WdbcError: as in `splitting.split`; or a large table is not to be split by hash.
    """
    if not isinstance(frame, TableFile):
        return splitting.split(
            frame,
            test_size=parameters.test_size,
            seed=parameters.split_seed,
            stratified=parameters.stratified,
            method=parameters.split_method,
        )
    if parameters.split_method != "hash":
        raise WdbcError(
            f"a table of {frame.rows:,} rows is split by a hash of the measurements, because it is larger than memory",
            hint=f"Set WDBC_SPLIT_METHOD=hash, or hold the table in memory. {large.MORE_MEMORY}",
        )
    draw = splitting.Draw(parameters.test_size, parameters.split_seed)
    train, test = (table_files.write(_drawn(frame, draw, test=test)) for test in (False, True))
    return LargeSplit(train, test, draw)


def _drawn(frame: TableFile, draw: splitting.Draw, *, test: bool) -> Iterator[pd.DataFrame]:
    for part in frame.parts():
        digests = membership.digests(part)
        chosen = membership.in_test_set(digests, test_size=draw.test_size, seed=draw.seed) == test
        yield part.assign(**{large.DIGEST: digests})[chosen]
