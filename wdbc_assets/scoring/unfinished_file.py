"""A file that gets its name when it is complete, so that a killed process leaves no half-written output.

It is unnamed (O_TMPFILE) while it is written. On file systems without unnamed files, a temporary file beside the
destination is used. It is locked while its writer runs, and the next writer removes it if it was left behind. Scores
are patient data, so a new file is readable by its owner only.
"""

import errno
import fcntl
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

PREFIX = ".wdbc-predict-"
"""How the temporary name of an output begins, be it a file or a folder."""

_NO_UNNAMED = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
_OWNER_ONLY = 0o600


class UnfinishedFile:
    """A file that gets its name when it is complete."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._name: Path | None = None
        _sweep(destination.parent)
        descriptor = self._unnamed()
        self.file = os.fdopen(self._named() if descriptor is None else descriptor, "wb")

    def __enter__(self) -> "UnfinishedFile":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the error was already raised by a write
            self.file.close()
        if self._name is not None:
            with suppress(FileNotFoundError):
                self._name.unlink()

    def finish(self) -> None:
        """Move the file to its destination, with mode and owner of the file that it replaces."""
        self.file.flush()
        descriptor = self.file.fileno()
        with suppress(FileNotFoundError):
            previous = self._destination.stat()
            mode = stat.S_IMODE(previous.st_mode) & 0o777
            try:
                os.fchown(descriptor, previous.st_uid, previous.st_gid)
            except PermissionError:
                mode &= ~stat.S_IRWXG  # the group differs, so it must not get the permissions of the old group
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
        if self._name is None:
            name = self._destination.with_name(PREFIX + secrets.token_hex(4))
            # Only linkat follows the link of a descriptor's path; Python calls linkat if given a folder descriptor.
            folder = os.open(self._destination.parent, os.O_RDONLY)
            try:
                os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                os.close(folder)
            self._name = name
        self._name.replace(self._destination)
        self._name = None

    def _unnamed(self) -> int | None:
        """Open an unnamed file; return None if the system does not support it or could not name it later."""
        flag = getattr(os, "O_TMPFILE", None)
        if flag is None:
            return None
        try:
            descriptor = os.open(self._destination.parent, flag | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY)
        except OSError as error:
            if error.errno in _NO_UNNAMED and self._destination.parent.is_dir():
                return None
            raise
        if not Path(f"/proc/self/fd/{descriptor}").exists():
            os.close(descriptor)
            return None
        _lock(descriptor)
        return descriptor

    def _named(self) -> int:
        while True:
            name = self._destination.with_name(PREFIX + secrets.token_hex(4))
            descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY)
            self._name = name
            _lock(descriptor)
            if os.fstat(descriptor).st_nlink:
                return descriptor
            os.close(descriptor)  # another writer removed it before it was locked


def _lock(descriptor: int) -> None:
    with suppress(OSError):  # on a file system without locks nothing is removed
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _sweep(folder: Path) -> None:
    """Remove the files of killed writers, which are those that are not locked."""
    with suppress(OSError):
        for path in folder.glob(f"{PREFIX}*"):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                try:
                    if stat.S_ISREG(os.fstat(descriptor).st_mode):
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        path.unlink()
                finally:
                    os.close(descriptor)
