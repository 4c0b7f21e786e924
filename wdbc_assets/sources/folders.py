"""A folder of tables, on a disk or in a bucket, as one table: the rows of its files in the order of their names.

A file is a CSV table or a Parquet file, in gzip or zip or not; what it is called makes no difference. Names that begin
with a point or an underscore, or end as those of unfinished files do, are left out. The names and versions of the
files are the mark of the content: while it is the known one, nothing is read. One file at a time is held in memory.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from wdbc_assets.domain.data import contract, row_text
from wdbc_assets.domain.data.csv_layouts import NotATable
from wdbc_assets.sources import large_tables, limits, unpacking
from wdbc_assets.sources.errors import SourceRefused
from wdbc_assets.sources.limits import Limits
from wdbc_assets.sources.origin import Origin, Received
from wdbc_assets.sources.retrying import Fault

_HIDDEN = (".", "_")
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".crc", ".swp", "~")
CHANGED = Fault(
    what="the folder changed while it was read", passing=True, hint="Read it when nothing is written to it any more."
)


@dataclass(frozen=True, order=True)
class FolderFile:
    """A file of a folder: its name, and what identifies its present content."""

    name: str
    version: str


def is_table(name: str) -> bool:
    """Return whether a file of this name belongs to the table, rather than to a program that writes it."""
    return not name.startswith(_HIDDEN) and not name.endswith(_UNFINISHED)


def read(
    listed: Callable[[], Sequence[FolderFile]],
    content_of: Callable[[FolderFile], bytes | None],
    *,
    known: Origin | None,
    bounds: Limits,
    where: str,
    report: Callable[[str], None],
) -> Received | Fault | None:
    """Return the rows of all files, or None if they are the known ones.

    Args:
        listed: lists the files.
        content_of: returns the content of a file, or None if it is no longer that of the entry.
        known: the origin of content that the caller still has.
        bounds: the limits of size, for the table and for each file.
        where: the folder, for errors.
        report: receives the number of rows of a large table from time to time.

    Raises:
        SourceRefused: the folder holds no file, or a file that is not a table; the error names it, and its row.
        WdbcError: the temporary file of a large table cannot be written.
    """
    entries = sorted(listed())
    if not entries:
        raise SourceRefused(
            "the folder holds no table", where=where, hint="Check the path, and that its files are written."
        )
    mark = mark_of(entries)
    if known is not None and known.etag == mark:
        return None
    rows = dict.fromkeys((entry.name for entry in entries), 0)

    def lines() -> Iterator[bytes]:
        for entry in entries:
            for line in _lines(entry, content_of, bounds.largest_bytes, where=f"{where.rstrip('/')}/{entry.name}"):
                rows[entry.name] += 1
                yield line

    try:
        table = large_tables.collect(lines(), bounds, where=where, report=report)
    except _Changed:
        return CHANGED
    if sorted(listed()) != entries:
        return CHANGED
    return Received(table, etag=mark, files=tuple(rows.items()))


def mark_of(entries: Sequence[FolderFile]) -> str:
    """Return what identifies the content of all files."""
    named = [(entry.name, entry.version) for entry in sorted(entries)]
    return hashlib.sha256(json.dumps([contract.digest(), *named]).encode()).hexdigest()


class _Changed(Exception):
    """A file is no longer that of the entry."""


def _lines(
    entry: FolderFile, content_of: Callable[[FolderFile], bytes | None], largest_bytes: int, *, where: str
) -> Iterator[bytes]:
    content = content_of(entry)
    if content is None:
        raise _Changed
    try:
        unpacked = unpacking.content(content, lambda stream: limits.read_up_to(largest_bytes, stream, where=where))
        yield from row_text.of_file(unpacked)
    except NotATable as error:
        place = f"{where}, {error.where}" if error.where else where
        raise SourceRefused(error.what, where=place, hint=error.hint, detail=error.detail) from None
    except SourceRefused as error:
        error.where = where
        raise
