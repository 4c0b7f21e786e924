"""Write a whole file on a disk, or nothing: a temporary file beside it, flushed to the disk, renamed over it.

A writer locks its temporary file. The next one in the same folder removes the temporary files that are not locked:
their writers were killed.
"""

import contextlib
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterable
from errno import EBADF, EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP
from pathlib import Path

NO_LOCKS = frozenset({ENOLCK, ENOSYS, EOPNOTSUPP, EBADF, EINVAL})
"""The errors of a file system that does not support locks."""

_TEMPORARY = ".tmp"
_UNLOCKABLE_SECONDS = 24 * 3600  # without locks: longer than any run


def write(target: Path, pieces: Iterable[bytes], *, mode: int) -> None:
    """Write a file of a store in place of an earlier one, and remove what killed writers left beside it.

    A folder in its place is set aside.
    """
    _sweep(target.parent)
    if target.is_dir() and not target.is_symlink():
        set_aside(target)
    replace(target, pieces, mode=mode)


def replace(target: Path, pieces: Iterable[bytes], *, mode: int) -> None:
    """Write a file in place of an earlier one.

    Raises:
        OSError: The file cannot be written, and an earlier one is unchanged; or it is written, and its folder cannot be
            flushed.
    """
    temporary = target.parent / f"{_TEMPORARY}-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
            with contextlib.suppress(OSError):  # without locks, the file's age protects it
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def set_aside(place: Path) -> None:
    """Rename what is at this path."""
    place.rename(place.with_name(f"{place.name}.damaged-{secrets.token_hex(4)}"))


def sync_folder(folder: Path) -> None:
    """Flush a folder to the disk: only then a rename in it is durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove the temporary files of dead writers; those of living writers are locked and stay."""
    for path in folder.iterdir():
        if path.name.startswith(_TEMPORARY) and _is_leftover(path):
            path.unlink(missing_ok=True)


def _is_leftover(path: Path) -> bool:
    """Return whether no writer holds a temporary file. The lock tells, on any machine and in any container."""
    try:
        state = path.lstat()
        age = time.time() - state.st_mtime
        if not stat.S_ISREG(state.st_mode):
            return False
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # it was renamed meanwhile, or belongs to another user
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in NO_LOCKS and age > _UNLOCKABLE_SECONDS
    finally:
        os.close(descriptor)
    return True
