"""Collect the lines of a table: in memory, or if it has more rows than are held there, in a temporary file.

Lines that come in no order are put in order through a temporary file, too.
"""

import contextlib
import heapq
import io
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from wdbc_assets import temporary_files
from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.sources.limits import Limits, up_to

_LINES_AT_ONCE = 2**10
_BLOCKS_REPORTED = 2**9  # half a million lines
_RUN = 2**16
_RUNS_REPORTED = 2**3
_READ_AT_ONCE = 2**15


def collect(
    rows: Iterable[bytes], limits: Limits, *, where: str, report: Callable[[str], None] = lambda _: None
) -> bytes | LinesFile:
    """Return the lines of a table as one content: in memory, or in a temporary file if they are too many for it.

    `report` receives the number of rows from time to time.

    Whatever `rows` raises is passed on; of the temporary file nothing is left then.

    Raises:
        SourceRefused: they are larger than the limit.
        WdbcError: the temporary file cannot be written.
    """
    lines = up_to(limits.largest_bytes, rows, where=where)
    held = io.BytesIO()
    held.writelines(itertools.islice(lines, limits.rows_in_memory))
    following = next(lines, None)
    if following is None:
        return held.getvalue()
    file = temporary_files.unnamed()
    try:
        _write(file, held.getbuffer())
        del held
        _write(file, following)
        for blocks in itertools.count(1):
            block = b"".join(itertools.islice(lines, _LINES_AT_ONCE))
            if not block:
                break
            _write(file, block)
            if blocks % _BLOCKS_REPORTED == 0:
                report(f"{limits.rows_in_memory + blocks * _LINES_AT_ONCE:,} rows read")
        with temporary_files.explained():
            file.flush()
    except BaseException:
        _close(file)
        raise
    return LinesFile(file)


def in_order(
    lines: Iterable[bytes],
    key: Callable[[bytes], int],
    *,
    among: Iterable[bytes] = (),
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[bytes]:
    """Yield the lines in the order of `key`, merged into those of `among`, which are in that order already.

    In memory is one run of lines; the runs are in a temporary file, each in order. Of lines with the same key, those of
    `among` come first, then the others as they came. `report` receives the number of rows from time to time.

    Raises:
        WdbcError: the temporary file cannot be written or read.
    """
    left = iter(lines)
    runs: list[Iterator[bytes]] = []
    file = temporary_files.unnamed()
    try:
        while run := sorted(itertools.islice(left, _RUN), key=key):
            start = file.tell()
            with temporary_files.explained():
                file.writelines(run)
                file.flush()
            runs.append(_lines(file, start, file.tell()))
            if len(runs) % _RUNS_REPORTED == 0:
                report(f"{len(runs) * _RUN:,} rows read")
        yield from heapq.merge(among, *runs, key=key)
    finally:
        _close(file)


def _lines(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """Yield the lines between two places of a file, whatever else is read meanwhile."""
    begun = b""
    while start < end:
        with temporary_files.explained():
            block = os.pread(file.fileno(), min(_READ_AT_ONCE, end - start), start)
        start += len(block)
        *whole, begun = (begun + block).split(b"\n")
        yield from (line + b"\n" for line in whole)


def _write(file: BinaryIO, content: bytes | memoryview) -> None:
    with temporary_files.explained():
        file.write(content)


def _close(file: BinaryIO) -> None:
    with contextlib.suppress(OSError):  # on a full disk, closing fails to write the rest
        file.close()
