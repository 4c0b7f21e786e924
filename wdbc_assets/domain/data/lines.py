"""A table as lines in UCI's layout, in memory or, if it has more rows than fit there, in a temporary file.

The file has no name: a process that is killed leaves nothing of it behind.
"""

import hashlib
import itertools
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import BinaryIO

from wdbc_assets.domain.errors import WdbcError

PART = 2**15
"""The number of lines of every part but the last."""
_CHUNK = 2**20


class LinesFile:
    """Lines in an open file, which closes with this object. Each ends with a line feed; there is no header."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        weakref.finalize(self, file.close)

    @cached_property
    def rows(self) -> int:
        """The number of lines."""
        return sum(chunk.count(b"\n") for chunk in self._chunks())

    @cached_property
    def bytes(self) -> int:
        """The size of the content."""
        return self.file.seek(0, 2)

    @cached_property
    def sha256(self) -> str:
        """The hexadecimal digest of the content."""
        hashed = hashlib.sha256()
        for chunk in self._chunks():
            hashed.update(chunk)
        return hashed.hexdigest()

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """Yield the lines in parts: the number of the first one, from 1, and the lines."""
        self.file.seek(0)
        for first in itertools.count(1, PART):
            part = b"".join(itertools.islice(self.file, PART))
            if not part:
                return
            place = self.file.tell()
            yield first, part
            self.file.seek(place)  # the caller may have read elsewhere meanwhile

    def _chunks(self) -> Iterator[bytes]:
        self.file.seek(0)
        return iter(lambda: self.file.read(_CHUNK), b"")


def collect(lines: Iterable[bytes], *, rows_in_memory: int) -> bytes | LinesFile:
    """Return lines as one content: in memory, or in a temporary file if they are more than `rows_in_memory`.

    Raises:
        WdbcError: the temporary file cannot be written.
    """
    lines = iter(lines)
    held = b"".join(itertools.islice(lines, rows_in_memory))
    following = next(lines, None)
    if following is None:
        return held
    try:
        file = tempfile.TemporaryFile()
        try:
            file.write(held)
            del held
            file.write(following)
            file.writelines(lines)
            file.flush()
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise WdbcError(
            f"a table cannot be written to a temporary file: {error.strerror or error}",
            hint="Free disk space, or set TMPDIR to another folder.",
        ) from None
    return LinesFile(file)
