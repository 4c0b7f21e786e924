"""Where the store's bytes lie: a folder on a disk, or any other place that fsspec reaches.

Both give the same promise: `replace` puts a whole file in the place of the earlier one, or changes nothing. On a
disk that takes a temporary file, fsync and rename; an object store's PUT is whole by itself. `commit_lock` keeps two
writers from moving pointers at the same instant.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol

from wdbc_assets import locks, safe_text
from wdbc_assets.domain.errors import WdbcError

_LOCK = "the store's lock"
_TEMPORARY = ".tmp"
_LOST_SLASHES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/?[^/]*@")  # its password would be shown as a part of a path
_FOREIGN_LEFTOVER_SECONDS = 24 * 3600  # far beyond the 60 minutes that any run may last


class CannotWrite(WdbcError):
    """The store's place refused a write: full, read-only, or no permission."""


class CannotRead(WdbcError):
    """Something in the store is there but cannot be read."""


@dataclass(frozen=True)
class Listed:
    """A file that lies there: its path, its size in bytes, and when it was written, in seconds since 1970."""

    path: str
    size: int
    written: float


class Backend(Protocol):
    """What the store asks of the place where its bytes lie. Paths are relative, with `/`."""

    url: str
    """The place as it may be shown anywhere: without the secrets of an address."""

    def read(self, path: str) -> bytes:
        """Return a file's content; FileNotFoundError if there is none."""

    def replace(self, path: str, content: bytes) -> None:
        """Put a whole file down, durably, in place of any earlier one."""

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the folders beside this one in which no file was written for so long."""

    def listed(self, below: str = "") -> list[Listed]:
        """List every file below a folder, those that are being written too."""

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it; nothing, if there is none."""

    def commit_lock(self) -> contextlib.AbstractContextManager[object]:
        """Hold off every other writer of pointers for an instant.

        Raises:
            WdbcError: another process holds it for too long.
        """


def open_backend(location: str, *, relative_to: Path) -> Backend:
    """Return the backend for a folder or URL.

    Raises:
        WdbcError: fsspec does not know the URL's scheme, or lacks the package for it.
    """
    scheme, separator, rest = location.partition("://")
    if not separator and _LOST_SLASHES.match(location):
        raise WdbcError(
            "the store's address looks like a URL that lost its slashes",
            where="WDBC_STORAGE",
            mend="Write scheme://user:password@host/folder, or name a folder without @ and :.",
        )
    if not separator:
        return LocalFolder((relative_to / Path(location).expanduser()).absolute())
    if scheme == "file":
        return LocalFolder(Path(rest).absolute())
    return ObjectFolder(location)


class LocalFolder:
    """A folder on a local disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def read(self, path: str) -> bytes:
        """Return a file's content; FileNotFoundError if there is none."""
        try:
            return (self.root / path).read_bytes()
        except NotADirectoryError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CannotRead(
                f"the store cannot be read: {error.strerror}",
                where=str(self.root / path),
                mend="Mend the file's permissions, or the disk.",
            ) from None

    def replace(self, path: str, content: bytes) -> None:
        """Write a temporary file beside the target, flush it to the disk, and rename it over the target."""
        target = self.root / path
        with _refused_writes(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep(target.parent)
            temporary = target.parent / f"{_TEMPORARY}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
            try:
                with temporary.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            _sync_folder(target.parent)

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the folders beside this one in which no file was written for so long, if they can be."""
        kept = self.root / folder
        with contextlib.suppress(OSError):
            for other in kept.parent.iterdir():
                if other != kept and time.time() - _last_written(other) > idle_seconds:
                    shutil.rmtree(other, ignore_errors=True)

    def listed(self, below: str = "") -> list[Listed]:
        """List every file below a folder, those that are being written too; what vanishes meanwhile is left out."""
        found = []
        for folder, _, names in os.walk(self.root / below):
            for path in (Path(folder, name) for name in names):
                with contextlib.suppress(FileNotFoundError):
                    state = path.lstat()
                    found.append(Listed(path.relative_to(self.root).as_posix(), state.st_size, state.st_mtime))
        return found

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it; nothing, if there is none."""
        target = self.root / folder
        with _refused_writes(target), contextlib.suppress(FileNotFoundError):
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink()

    @contextlib.contextmanager
    def commit_lock(self) -> Iterator[None]:
        """Hold an advisory lock on the store."""
        path = self.root / ".lock"
        with _refused_writes(path):
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with locks.held(descriptor, _LOCK, where=str(path)):
            yield


class ObjectFolder:
    """A folder on an object store (or in memory), through fsspec."""

    _locks: ClassVar[dict[str, threading.Lock]] = {}  # one per URL in this process

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = safe_text.redact_url(url)
        self._lock = self._locks.setdefault(url, threading.Lock())
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise WdbcError(
                f"the store's address cannot be used: {safe_text.redact(safe_text.conceal(str(error), url))}",
                where="WDBC_STORAGE",
                mend="Use a folder, or a URL whose scheme fsspec knows (memory, s3 with s3fs, gs with gcsfs).",
            ) from None

    def _full(self, path: str) -> str:
        return str(PurePosixPath(self._root) / path)

    def read(self, path: str) -> bytes:
        """Return an object's content; FileNotFoundError if there is none."""
        content: Any = self._files.cat_file(self._full(path))
        return bytes(content)

    def replace(self, path: str, content: bytes) -> None:
        """Put one whole object."""
        self._files.makedirs(str(PurePosixPath(self._full(path)).parent), exist_ok=True)
        self._files.pipe_file(self._full(path), content)

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the objects below the folders beside this one in which none was written for so long."""
        kept = PurePosixPath(self._full(folder))
        groups: dict[str, list[str]] = {}
        for path in self._files.find(str(kept.parent)):
            groups.setdefault(PurePosixPath(path).relative_to(kept.parent).parts[0], []).append(path)
        for name, paths in groups.items():
            if name != kept.name and time.time() - max(map(self._written, paths)) > idle_seconds:
                self._files.rm(paths)

    def listed(self, below: str = "") -> list[Listed]:
        """List every object below a folder."""
        found: dict[str, dict[str, Any]] = self._files.find(self._full(below), detail=True)
        return [
            Listed(PurePosixPath(path).relative_to(self._root).as_posix(), int(of["size"]), self._written(path))
            for path, of in found.items()
        ]

    def remove(self, folder: str) -> None:
        """Remove every object below a folder."""
        with contextlib.suppress(FileNotFoundError):
            self._files.rm(self._full(folder), recursive=True)

    def _written(self, path: str) -> float:
        return float(self._files.modified(path).timestamp())

    @contextlib.contextmanager
    def commit_lock(self) -> Iterator[None]:
        """Hold a lock inside this process. Across machines the last writer of a pointer wins whole."""
        locks.wait(lambda: self._lock.acquire(blocking=False), _LOCK, where=self.url)
        try:
            yield
        finally:
            self._lock.release()


@contextlib.contextmanager
def _refused_writes(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        mends = {
            errno.ENOSPC: "Free some space (or inodes) on that disk, then run again.",
            errno.EDQUOT: "The quota is used up: free some space, then run again.",
            errno.EROFS: "The disk is mounted read-only: set WDBC_STORAGE to a folder that can be written.",
        }
        raise CannotWrite(
            f"the store cannot be written: {os.strerror(error.errno) if error.errno else error}",
            where=str(target.parent),
            mend=mends.get(error.errno or 0, "Mend the folder's permissions, or set WDBC_STORAGE to another folder.")
            + " What was current stays current.",
        ) from None


def _sync_folder(folder: Path) -> None:
    # A rename is durable only once the folder that holds the name is.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_written(folder: Path) -> float:
    moments = [folder.stat().st_mtime]
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another writer's temporary file has become a part
            moments.append(path.stat().st_mtime)
    return max(moments)


def _sweep(folder: Path) -> None:
    """Remove what dead writers left; a living writer's temporary file is never touched."""
    for path in folder.iterdir():
        if path.name.startswith(_TEMPORARY) and _is_leftover(path):
            path.unlink(missing_ok=True)


def _is_leftover(path: Path) -> bool:
    host, _, process = path.name.removeprefix(f"{_TEMPORARY}-").rsplit("-", 1)[0].rpartition("-")
    if host != socket.gethostname() or not process.isdigit():
        try:
            return time.time() - path.stat().st_mtime > _FOREIGN_LEFTOVER_SECONDS
        except FileNotFoundError:
            return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
