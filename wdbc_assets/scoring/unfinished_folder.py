"""A folder that gets its name when all of its files are complete. Its files are readable by their owner only.

Until then it is hidden beside its destination, and locked while its writer runs. The next writer removes it if it was
left behind.
"""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring.unfinished_file import PREFIX


class UnfinishedFolder:
    """A folder that is being written."""

    def __init__(self, destination: Path) -> None:
        """Create it beside its destination; raise WdbcError if that has content, or cannot be written."""
        self._shown = str(destination)
        self._destination = Path(os.path.realpath(destination))
        require_free(destination)
        with self._errors():
            _sweep(self._destination.parent)
            self._path = self._destination.with_name(PREFIX + secrets.token_hex(4))
            self._path.mkdir(mode=0o700)
            self._lock = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            with suppress(OSError):  # on a file system without locks nothing is removed
                fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __enter__(self) -> "UnfinishedFolder":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)
        shutil.rmtree(self._path, ignore_errors=True)

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Open a new file of the folder for writing; raise WdbcError if it cannot be written."""
        with self._errors():
            descriptor = os.open(self._path / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                yield cast("BinaryIO", file)
                file.flush()
                os.fsync(descriptor)

    def finish(self) -> None:
        """Give the folder its name, in place of an empty one whose mode it takes."""
        with self._errors():
            with suppress(FileNotFoundError):
                self._path.chmod(self._destination.stat().st_mode & 0o777)
            os.fsync(self._lock)
            self._path.rename(self._destination)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise _not_empty(self._shown) from None
            raise _unwritable(error, self._shown) from None


def require_free(destination: Path) -> None:
    """Raise WdbcError unless the destination is missing or an empty folder."""
    try:
        taken = any(destination.iterdir())
    except FileNotFoundError:
        taken = False
    except NotADirectoryError:
        taken = True
    except OSError as error:
        raise _unwritable(error, str(destination)) from None
    if taken:
        raise _not_empty(str(destination))


def _unwritable(error: OSError, where: str) -> WdbcError:
    return WdbcError(
        f"the output cannot be written: {error.strerror or error}",
        where=where,
        hint="Nothing was written. Choose another destination, or make this one writable.",
    )


def _not_empty(where: str) -> WdbcError:
    return WdbcError(
        "the output exists and is not an empty folder",
        where=where,
        hint="Nothing was written. Choose a new folder, or remove this one.",
    )


def _sweep(parent: Path) -> None:
    """Remove the folders of killed writers, which are those that are not locked."""
    for path in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
