"""A folder of tables, on a disk or in a bucket, as one table: the rows of its files in the order of their names.

A file is a CSV table or a Parquet file, in gzip or zip or not; what it is called makes no difference. Names that begin
with a point or an underscore, or end as those of unfinished files do, are left out. The names and versions of the
files are the mark of the content: while it is the known one, nothing is read.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from wdbc_assets.domain.data import contract, row_text
from wdbc_assets.domain.data.csv_layouts import NotATable
from wdbc_assets.sources import limits, unpacking
from wdbc_assets.sources.errors import SourceRefused
from wdbc_assets.sources.origin import Origin, Received
from wdbc_assets.sources.retrying import Fault

_HIDDEN = (".", "_")
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".crc", ".swp", "~")
CHANGED = Fault(
    what="the folder changed while it was read", passing=True, hint="Read it when nothing is written to it any more."
)


@dataclass(frozen=True, order=True)
class Entry:
    """A file of a folder: its name, and what identifies its present content."""

    name: str
    version: str


def is_table(name: str) -> bool:
    """Return whether a file of this name belongs to the table, rather than to a program that writes it."""
    return not name.startswith(_HIDDEN) and not name.endswith(_UNFINISHED)


def read(
    listed: Callable[[], Sequence[Entry]],
    content_of: Callable[[Entry], bytes | None],
    *,
    known: Origin | None,
    largest_bytes: int,
    where: str,
) -> Received | Fault | None:
    """Return the rows of all files, or None if they are the known ones.

    Args:
        listed: lists the files.
        content_of: returns the content of a file, or None if it is no longer that of the entry.
        known: the origin of content that the caller still has.
        largest_bytes: the limit for the table, and for each file.
        where: the folder, for errors.

    Raises:
        SourceRefused: the folder holds no file, or a file that is not a table; the error names it, and its row.
    """
    entries = sorted(listed())
    if not entries:
        raise SourceRefused(
            "the folder holds no table", where=where, hint="Check the path, and that its files are written."
        )
    mark = hashlib.sha256(
        json.dumps([contract.digest(), *((entry.name, entry.version) for entry in entries)]).encode()
    ).hexdigest()
    if known is not None and known.etag == mark:
        return None
    table = bytearray()
    rows: list[tuple[str, int]] = []
    for entry in entries:
        content = content_of(entry)
        if content is None:
            return CHANGED
        place = f"{where.rstrip('/')}/{entry.name}"
        before = len(table)
        for line in _lines(content, largest_bytes, where=place):
            table += line
            if len(table) > largest_bytes:
                raise limits.too_large(largest_bytes, where=where)
        rows.append((entry.name, table.count(b"\n", before)))
    if sorted(listed()) != entries:
        return CHANGED
    return Received(bytes(table), etag=mark, files=tuple(rows))


def _lines(content: bytes, largest_bytes: int, *, where: str) -> Iterator[bytes]:
    try:
        unpacked = unpacking.content(content, lambda stream: limits.read_up_to(largest_bytes, stream, where=where))
        yield from row_text.of_file(unpacked)
    except NotATable as error:
        place = f"{where}, {error.where}" if error.where else where
        raise SourceRefused(error.what, where=place, hint=error.hint, detail=error.detail) from None
    except SourceRefused as error:
        error.where = where
        raise
