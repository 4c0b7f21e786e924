"""The clean frame of a source in memory, or of one that is larger, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import cleaning, reading
from wdbc_assets.store import table_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from wdbc_assets.domain.data.lines import LinesFile
    from wdbc_assets.store.table_files import TableFile


def raw_parts(lines: LinesFile) -> Iterator[reading.RawTable]:
    """Yield the parts of a raw table, with the numbers of their lines in the whole table."""
    for first, content in lines.parts():
        yield reading.read_lines(content, first=first)


def clean(raw: bytes | LinesFile) -> pd.DataFrame | TableFile:
    """Return the clean frame of a valid source.

    Raises:
        WdbcError: the bytes are no such table, or a temporary file cannot be written.
    """
    if isinstance(raw, bytes):
        return cleaning.clean(reading.read(raw))
    return table_files.write(cleaning.clean(part) for part in raw_parts(raw))
