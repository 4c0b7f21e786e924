"""Where the folder of a dataset is: on this machine, or in a bucket of S3, Google Cloud Storage or Azure.

A place lists its files with what changes when one is written, and opens a file only while it is the listed one. It is
sent to the processes that score, without credentials: each finds those in its own environment (see `sources.cloud`).
"""

from __future__ import annotations

import contextlib
import io
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources import cloud, folders
from wdbc_assets.sources import files as source_files
from wdbc_assets.store.backends.object_errors import repeated_if_cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from _typeshed import WriteableBuffer
    from obstore.store import ObjectStore

_BLOCK = 1 << 20
_BLOCKS = 64
_RETRIES = 10  # of a request, in some 6 s


@dataclass(frozen=True, order=True)
class Entry:
    """A file of a folder: its name, what changes when it is written, and its size in bytes."""

    name: str
    version: str
    size: int


class Place(Protocol):
    """A folder of files. `shown` is its name for errors, without a slash at its end."""

    @property
    def shown(self) -> str:
        """The name of the folder."""

    def listed(self) -> Sequence[Entry]:
        """Return the files that belong to the table, in the order of their names.

        Raises:
            WdbcError: the folder cannot be read, or holds something that is no file.
        """

    def open(self, entry: Entry) -> contextlib.AbstractContextManager[BinaryIO]:
        """Open a file.

        Raises:
            WdbcError: it was written since it was listed, or cannot be read; also while it is read.
        """


@dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine."""

    path: Path

    @property
    def shown(self) -> str:
        """The path."""
        return str(self.path)

    def listed(self) -> Sequence[Entry]:
        """Return the regular files."""
        with source_files.explained(self.path):
            names = sorted(file.name for file in self.path.iterdir() if folders.is_table(file.name))
            for name in names:
                source_files.require_regular(self.path / name)
            return [self._entry(name) for name in names]

    @contextlib.contextmanager
    def open(self, entry: Entry) -> Iterator[BinaryIO]:
        """Open a file, if its size and time of change are the listed ones."""
        with (self.path / entry.name).open("rb") as file:
            if self._entry(entry.name) != entry:
                raise changed()
            yield file

    def _entry(self, name: str) -> Entry:
        status = (self.path / name).stat()
        return Entry(name, str(status.st_mtime_ns), status.st_size)


class Bucket:
    """A folder of a bucket. Its address ends in a slash."""

    def __init__(self, address: str) -> None:
        """Check the address; raise WdbcError if it is malformed, or has credentials in it."""
        self._source = cloud.CloudObject.from_url(address)
        self.shown = self._source.shown.rstrip("/")

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the open connection, which knows the credentials."""
        return {name: value for name, value in self.__dict__.items() if name != "_store"}

    @cached_property
    def _store(self) -> ObjectStore:
        return self._source.connected(retries=_RETRIES)

    def listed(self) -> Sequence[Entry]:
        """Return the objects; the version of one is its ETag."""
        with self._explained(where=self.shown):
            found = repeated_if_cut(lambda: cloud.listed(self._store, self._source.name, where=f"{self.shown}/"))
        return sorted(Entry(name, _tag(meta["e_tag"]), meta["size"]) for name, meta in found.items())

    @contextlib.contextmanager
    def open(self, entry: Entry) -> Iterator[BinaryIO]:
        """Open an object. Each answer must have the listed ETag."""
        yield cast("BinaryIO", io.BufferedReader(_Ranges(self, entry)))

    def block(self, entry: Entry, start: int, end: int) -> bytes:
        """Return some bytes of an object; raise WdbcError if it was written since it was listed."""
        import obstore

        def read() -> tuple[str, bytes]:
            answer = obstore.get(self._store, self._source.name + entry.name, options={"range": (start, end)})
            return _tag(answer.meta["e_tag"]), bytes(answer.bytes())

        with self._explained():
            try:
                version, content = repeated_if_cut(read)
            except FileNotFoundError:  # it was listed
                raise changed() from None
        if version != entry.version:
            raise changed()
        return content

    @contextlib.contextmanager
    def _explained(self, where: str = "") -> Iterator[None]:
        try:
            yield
        except WdbcError:
            raise
        except Exception as error:  # noqa: BLE001 -- obstore's errors have no common class
            fault = cloud.explain(error)
            raise WdbcError(f"the input cannot be read: {fault.what}", where=where, hint=fault.hint) from None


class _Ranges(io.RawIOBase):
    """An object that is read in blocks, some of which are kept: Parquet's reader goes from column to column."""

    def __init__(self, bucket: Bucket, entry: Entry) -> None:
        self._bucket = bucket
        self._entry = entry
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._entry.size}[whence]
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        number, begin = divmod(self._position, _BLOCK)
        if self._position >= self._entry.size:
            return 0
        piece = self._block(number)[begin : begin + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            start = number * _BLOCK
            end = min(start + _BLOCK, self._entry.size)
            self._blocks[number] = self._bucket.block(self._entry, start, end)
            if len(self._blocks) > _BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]


def changed(where: str = "") -> WdbcError:
    """Return the error for a folder or file that was written while it was read."""
    return WdbcError(folders.CHANGED.what, where=where, hint=f"{folders.CHANGED.hint} Nothing was written.")


def _tag(e_tag: str | None) -> str:
    """Return an ETag without its quotes, which Azure leaves out in listings."""
    return (e_tag or "").strip('"')
