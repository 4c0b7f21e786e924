"""A table as lines in UCI's layout, in a file, because it has more rows than are held in memory."""

import hashlib
import itertools
import weakref
from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO

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
    def size(self) -> int:
        """The size of the content in bytes."""
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

    def read(self) -> bytes:
        """Return the whole content, for what can only be done in memory."""
        self.file.seek(0)
        return self.file.read()

    def _chunks(self) -> Iterator[bytes]:
        self.file.seek(0)
        return iter(lambda: self.file.read(_CHUNK), b"")
