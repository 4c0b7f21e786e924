"""Store backends: a folder on a disk, or any location that fsspec supports.

Both make the same promise: `replace` either replaces a whole file or changes nothing. On a disk this takes a temporary
file, fsync and rename; on an object store a PUT is atomic. `commit_lock` prevents two writers from moving pointers at
the same time.

The store's folder contains only folders and regular files. A pipe, device, socket or link inside it is reported as
damage and never read: reading a pipe could block, and a link leads out of the store. The store's folder itself may be a
link. Only its owner can read the contents, and its group if the folder's mode allows it.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol

from wdbc_assets import locks, safe_text
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.parsing import DamagedStore

MOST_BYTES = 1024**3
"""The maximum size of a file that is read: values are held in memory."""

_LOCK = "the store's lock"
_TEMPORARY = ".tmp"
_LOST_SLASHES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/?[^/]*@")  # shown as a path, it would reveal its password
_TRIES = 4
_UNLOCKABLE_SECONDS = 24 * 3600  # without locks: longer than any run
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL})
_OWNER, _GROUP = 0o700, 0o070


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

    def replace(self, path: str, content: bytes) -> None:
        """Write a whole file durably, in place of an earlier one. Anything other than a file is set aside first."""

    def set_aside(self, path: str) -> None:
        """Rename what is at this path, as evidence for a person; do nothing if it does not exist."""

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the sibling folders of `folder` in which no file was written for `idle_seconds`."""

    def listed(self, below: str = "") -> list[Listed]:
        """Return every file below a folder, including temporary ones, or raise an error."""

    def remove(self, folder: str) -> None:
        """Remove a folder and its contents; do nothing if it does not exist."""

    def commit_lock(self) -> contextlib.AbstractContextManager[object]:
        """Block all other writers of pointers for an instant.

        Raises:
            WdbcError: another process holds the lock for too long.
        """

    def is_locked(self) -> bool:
        """Return whether the lock is held, as far as this can be determined."""


def open_backend(location: str, *, relative_to: Path) -> Backend:
    """Return the backend for a folder or URL.

    Raises:
        WdbcError: fsspec does not support the URL's scheme, or lacks the package for it.
    """
    scheme, separator, rest = location.partition("://")
    if not separator and _LOST_SLASHES.match(location):
        raise WdbcError(
            "the store's address looks like a URL that lost its slashes",
            where="WDBC_STORAGE",
            hint="Write scheme://user:password@host/folder, or use a folder name without @ and :.",
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
        """Return a file's content; raise FileNotFoundError if it does not exist."""
        place = self._place(path)
        try:
            _require_file(place, place.lstat())
            # A pipe may have replaced the file since. With O_NONBLOCK, opening it does not block.
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                _require_file(place, os.fstat(descriptor))
                return file.read()
        except NotADirectoryError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _cannot_read(place, error) from None

    def replace(self, path: str, content: bytes) -> None:
        """Write a temporary file beside the target, flush it to the disk, and rename it over the target."""
        target = self._place(path)
        with _refused_writes(target):
            for _ in range(_TRIES):
                # Meanwhile `wdbc gc` may remove the folder, or a writer may sweep the file before it is locked.
                with contextlib.suppress(FileNotFoundError):
                    self._replace(target, content)
                    return
            self._replace(target, content)

    def _replace(self, target: Path, content: bytes) -> None:
        self._make_folder(target.parent)
        _sweep(target.parent)
        temporary = target.parent / f"{_TEMPORARY}-{secrets.token_hex(8)}"
        try:
            with os.fdopen(self._create(temporary), "wb") as file:
                with contextlib.suppress(OSError):  # without locks, the file's age protects it
                    fcntl.flock(file.fileno(), fcntl.LOCK_EX)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                if target.is_dir() and not target.is_symlink():
                    _set_aside(target)
                temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)

    def set_aside(self, path: str) -> None:
        """Rename what is at this path."""
        place = self._place(path)
        with _refused_writes(place), contextlib.suppress(FileNotFoundError):
            _set_aside(place)

    def _place(self, path: str) -> Path:
        """Return the absolute path; raise DamagedStore if a folder on the way is a link."""
        place = self.root / path
        for folder in place.parents[: len(place.parts) - len(self.root.parts) - 1]:
            if folder.is_symlink():
                raise _in_place_of_a_folder(folder)
        return place

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if folder == self.root:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(_OWNER, exist_ok=True)
            return
        self._make_folder(folder.parent)
        folder.mkdir(self._mode(), exist_ok=True)

    def _create(self, path: Path) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, self._mode() & 0o666)

    def _mode(self) -> int:
        """Return the mode of new folders: the owner's rights, and the group's as far as the store's folder has them."""
        return _OWNER | self.root.stat().st_mode & _GROUP

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the sibling folders in which no file was written for `idle_seconds`. Errors are ignored."""
        kept = self.root / folder
        with contextlib.suppress(OSError):
            for other in kept.parent.iterdir():
                if other != kept and time.time() - _last_written(other) > idle_seconds:
                    shutil.rmtree(other, ignore_errors=True)

    def listed(self, below: str = "") -> list[Listed]:
        """Return every file below a folder, including temporary ones. Files that vanish meanwhile are left out."""
        files = []
        waiting = [self._place(f"{below}/any").parent if below else self.root]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(Path(entry.path))
                        elif (file := self._listed(entry)) is not None:
                            files.append(file)
            except FileNotFoundError:
                continue
            except NotADirectoryError:
                raise _in_place_of_a_folder(folder) from None
            except OSError as error:
                raise _cannot_read(folder, error) from None
        return files

    def _listed(self, entry: "os.DirEntry[str]") -> Listed | None:
        path = Path(entry.path)
        if entry.is_symlink() and path.is_dir():
            raise _in_place_of_a_folder(path)
        try:
            state = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        return Listed(path.relative_to(self.root).as_posix(), state.st_size, state.st_mtime)

    def remove(self, folder: str) -> None:
        """Remove a folder and its contents; do nothing if it does not exist. A link is removed, not followed."""
        target = self._place(folder)
        with _refused_writes(target), contextlib.suppress(FileNotFoundError):
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink()

    @contextlib.contextmanager
    def commit_lock(self) -> Iterator[None]:
        """Hold an advisory lock on the store."""
        path = self.root / ".lock"
        with _refused_writes(path):
            self._make_folder(self.root)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, self._mode() & 0o666)
        with locks.held(descriptor, _LOCK, where=str(path)):
            yield

    def is_locked(self) -> bool:
        """Return whether the lock is held, without waiting or writing."""
        try:
            descriptor = os.open(self.root / ".lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return False


class ObjectFolder:
    """A folder on an object store (or in memory), through fsspec."""

    _locks: ClassVar[dict[str, threading.Lock]] = {}  # one lock for each URL in this process

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
                hint="Use a folder, or a URL with a scheme that fsspec supports (memory, s3 with s3fs, gs with gcsfs).",
            ) from None
        except Exception as error:  # noqa: BLE001 -- some file systems connect immediately and raise their library's errors
            raise _away(CannotRead, self.url, error) from None

    def _full(self, path: str) -> str:
        return str(PurePosixPath(self._root) / path)

    @contextlib.contextmanager
    def _asking(self, kind: type[CannotRead | CannotWrite]) -> Iterator[None]:
        try:
            yield
        except (WdbcError, FileNotFoundError):
            raise
        except Exception as error:  # noqa: BLE001 -- each file system raises its library's errors
            raise _away(kind, self.url, error) from None

    def read(self, path: str) -> bytes:
        """Return an object's content; raise FileNotFoundError if it does not exist."""
        with self._asking(CannotRead):
            content: Any = self._files.cat_file(self._full(path))
            return bytes(content)

    def replace(self, path: str, content: bytes) -> None:
        """Write a whole object."""
        with self._asking(CannotWrite):
            self._files.makedirs(str(PurePosixPath(self._full(path)).parent), exist_ok=True)
            self._files.pipe_file(self._full(path), content)

    def set_aside(self, path: str) -> None:
        """Move the object to another name beside it."""
        with self._asking(CannotWrite), contextlib.suppress(FileNotFoundError):
            self._files.mv(self._full(path), f"{self._full(path)}.damaged-{secrets.token_hex(4)}")

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the objects of sibling folders in which none was written for `idle_seconds`."""
        kept = PurePosixPath(self._full(folder))
        groups: dict[str, list[str]] = {}
        with self._asking(CannotWrite):
            for path in self._files.find(str(kept.parent)):
                groups.setdefault(PurePosixPath(path).relative_to(kept.parent).parts[0], []).append(path)
            for name, paths in groups.items():
                if name != kept.name and time.time() - max(map(self._written, paths)) > idle_seconds:
                    self._files.rm(paths)

    def listed(self, below: str = "") -> list[Listed]:
        """Return every object below a folder."""
        with self._asking(CannotRead):
            objects: dict[str, dict[str, Any]] = self._files.find(self._full(below), detail=True)
            return [
                Listed(
                    PurePosixPath(path).relative_to(self._root).as_posix(), int(details["size"]), self._written(path)
                )
                for path, details in objects.items()
            ]

    def remove(self, folder: str) -> None:
        """Remove every object below a folder."""
        with self._asking(CannotWrite), contextlib.suppress(FileNotFoundError):
            self._files.rm(self._full(folder), recursive=True)

    def _written(self, path: str) -> float:
        return float(self._files.modified(path).timestamp())

    @contextlib.contextmanager
    def commit_lock(self) -> Iterator[None]:
        """Hold a lock within this process. Across machines, the last writer of a pointer wins."""
        locks.wait(lambda: self._lock.acquire(blocking=False), _LOCK, where=self.url)
        try:
            yield
        finally:
            self._lock.release()

    def is_locked(self) -> bool:
        """Return whether this process holds the lock."""
        return self._lock.locked()


@contextlib.contextmanager
def _refused_writes(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hints = {
            errno.ENOSPC: "Free some space (or inodes) on that disk, then run again.",
            errno.EDQUOT: "The disk quota is used up: free some space, then run again.",
            errno.EROFS: "The disk is mounted read-only: set WDBC_STORAGE to a writable folder.",
            **dict.fromkeys(
                _NO_LOCKS,
                "The file system does not support locks (flock): set WDBC_STORAGE to a folder on one that does.",
            ),
        }
        raise CannotWrite(
            f"the store cannot be written: {os.strerror(error.errno) if error.errno else error}",
            where=str(target.parent),
            hint=hints.get(error.errno or 0, "Fix the folder's permissions, or set WDBC_STORAGE to another folder.")
            + " The current versions are unchanged.",
        ) from None


def _set_aside(place: Path) -> None:
    place.rename(place.with_name(f"{place.name}.damaged-{secrets.token_hex(4)}"))


def _sync_folder(folder: Path) -> None:
    # A rename is durable only once its folder is flushed.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_file(place: Path, state: os.stat_result) -> None:
    kinds = {
        stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
        stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link",
    }  # fmt: skip
    kind = stat.S_IFMT(state.st_mode)
    if kind != stat.S_IFREG:
        raise _not_a_file(place, f"found {kinds.get(kind, 'a special file')} instead of a file")
    if state.st_size > MOST_BYTES:
        raise _not_a_file(place, f"a file has {state.st_size:,} bytes, more than this program ever writes")


def _not_a_file(place: Path, problem: str) -> DamagedStore:
    return DamagedStore(
        f"the store is damaged: {problem}",
        where=str(place),
        hint="It was not read. Move it aside, then restore the file from a backup or rebuild it with `wdbc run`.",
    )


def _in_place_of_a_folder(place: Path) -> DamagedStore:
    return DamagedStore(
        f"the store is damaged: found {'a link' if place.is_symlink() else 'a file'} instead of a folder",
        where=str(place),
        hint="It was not followed. Replace it with the folder itself. To use another disk, move the whole store:"
        " WDBC_STORAGE may be a link.",
    )


def _cannot_read(place: Path, error: OSError) -> CannotRead:
    return CannotRead(
        f"the store cannot be read: {error.strerror}",
        where=str(place),
        hint="Fix the file's permissions, and check the disk.",
    )


def _away(kind: type[CannotRead | CannotWrite], url: str, error: Exception) -> WdbcError:
    # A library's error text may contain the address with its password, or data from the server.
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
    return kind(
        f"the store cannot be {'read' if kind is CannotRead else 'written'}: {reason}",
        where=url,
        hint="Check that the server is reachable and that address and credentials are correct, then try again."
        " The current versions are unchanged.",
    )


def _last_written(folder: Path) -> float:
    moments = [folder.lstat().st_mtime]
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another writer has renamed its temporary file
            moments.append(path.lstat().st_mtime)
    return max(moments)


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
        return error.errno in _NO_LOCKS and age > _UNLOCKABLE_SECONDS
    finally:
        os.close(descriptor)
    return True
