"""Collect the lines of a table: in memory, or if it has more rows than are held there, in a temporary file."""

import contextlib
import io
import itertools
from collections.abc import Callable, Iterable
from typing import BinaryIO

from wdbc_assets import temporary_files
from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.sources.limits import Limits, up_to

_LINES_AT_ONCE = 2**10
_BLOCKS_REPORTED = 2**9  # half a million lines


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
        with contextlib.suppress(OSError):  # on a full disk, closing fails to write the rest
            file.close()
        raise
    return LinesFile(file)


def _write(file: BinaryIO, content: bytes | memoryview) -> None:
    with temporary_files.explained():
        file.write(content)
