"""The protocol of all backends, and their errors.

All keep the same promise: a write either replaces a whole file or changes nothing. Two writers cannot both swap the
same content of a pointer: `compare_and_swap` tells the second one.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.parsing import DamagedStore

MOST_BYTES = 1024**3
"""The maximum size of a file that is read into memory."""


class CannotWrite(WdbcError):
    """The store could not be written: disk full, read-only, or no permission."""


class CannotRead(WdbcError):
    """Something in the store exists but could not be read."""


@dataclass(frozen=True)
class Listed:
    """A stored file: its path, its size in bytes, and its modification time in seconds since 1970."""

    path: str
    size: int
    written: float


class Backend(Protocol):
    """Storage for the store's files. Paths are relative, with `/`."""

    url: str
    """The location for display, without secrets."""

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: the file does not exist.
            DamagedStore: it is not a regular file, or larger than any that is written.
            CannotRead: it could not be read.
        """

    def open(self, path: str) -> BinaryIO:
        """Open a file of any size for reading. The errors are those of `read`."""

    def replace(self, path: str, content: bytes) -> None:
        """Write a whole file durably, in place of an earlier one. Anything other than a file is set aside first."""

    def put_file(self, path: str, source: BinaryIO) -> None:
        """Write the whole content of an open local file of any size, as `replace` does."""

    def compare_and_swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        """Replace the content `old` of a file, or create it if `old` is None; return whether it now contains `new`.

        The file is unchanged if its content is neither. An object store decides this by itself; in a folder other
        writers are excluded by `commit_lock` only. There, what cannot be read counts as missing, and is replaced.
        """

    def set_aside(self, path: str) -> None:
        """Rename what is at this path, as evidence for a person; do nothing if it does not exist."""

    def listed(self, below: str = "") -> list[Listed]:
        """Return every file below a folder, including temporary ones, or raise an error."""

    def remove(self, folder: str) -> None:
        """Remove a folder and its contents, or a file; do nothing if it does not exist."""

    def commit_lock(self) -> AbstractContextManager[object]:
        """Block other writers of pointers for an instant: in a folder all of them, else those of this process.

        Raises:
            WdbcError: another process holds the lock for too long.
        """

    def is_locked(self) -> bool:
        """Return whether the lock is held, as far as this can be determined."""


def too_large(size: int, where: str) -> DamagedStore:
    """Return the error for a file that is larger than any that this program writes."""
    return not_a_file(f"a file has {size:,} bytes, more than this program ever writes", where)


def not_a_file(problem: str, where: str) -> DamagedStore:
    """Return the error for something that is not a file of the store."""
    return DamagedStore(
        f"the store is damaged: {problem}",
        where=where,
        hint="It was not read. Move it aside, then restore the file from a backup or rebuild it with `wdbc run`.",
    )
