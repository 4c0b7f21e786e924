"""Where the store's bytes lie: a folder on a disk, or any other place that fsspec reaches.

Both give the same promise: `replace` puts a whole file in the place of the earlier one, or changes nothing. On a
disk that takes a temporary file, fsync and rename; an object store's PUT is whole by itself. `commit_lock` keeps two
writers from moving pointers at the same instant.

Below the store's folder there are only folders and regular files. A pipe, a device, a socket or a link is damage: it
is named, and never read, for a pipe would be waited for, and a link leads out of the store. The folder itself may be a
link. What it holds is for its owner, and for its group if the folder is: nobody else can read it.
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
"""Nothing larger is ever read: values are held in memory."""

_LOCK = "the store's lock"
_TEMPORARY = ".tmp"
_LOST_SLASHES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/?[^/]*@")  # its password would be shown as a part of a path
_TRIES = 4
_UNLOCKABLE_SECONDS = 24 * 3600  # where nothing can be locked: longer than any run lasts
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL})
_OWNER, _GROUP = 0o700, 0o070


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
        """Return a file's content.

        Raises:
            FileNotFoundError: there is none.
            DamagedStore: what lies there is no file, or a larger one than is ever written.
            CannotRead: it cannot be had.
        """

    def replace(self, path: str, content: bytes) -> None:
        """Put a whole file down, durably, in place of any earlier one; what is no file is set aside first."""

    def set_aside(self, path: str) -> None:
        """Give what lies there another name beside it, for a person to look at; nothing, if nothing does."""

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the folders beside this one in which no file was written for so long."""

    def listed(self, below: str = "") -> list[Listed]:
        """List every file below a folder, those that are being written too: all of them, or an error."""

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it; nothing, if there is none."""

    def commit_lock(self) -> contextlib.AbstractContextManager[object]:
        """Hold off every other writer of pointers for an instant.

        Raises:
            WdbcError: another process holds it for too long.
        """

    def is_locked(self) -> bool:
        """Return whether somebody holds that lock, as far as can be told."""


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
            hint="Write scheme://user:password@host/folder, or name a folder without @ and :.",
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
        place = self._place(path)
        try:
            _require_file(place, place.lstat())
            # A pipe may have come in its place since: opened so, it is not waited for.
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
                # A cleaner may remove the folder meanwhile, or take a file that is not locked yet for a leftover.
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
                with contextlib.suppress(OSError):  # where there are no locks, its age speaks for it
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
        """Rename what lies there."""
        place = self._place(path)
        with _refused_writes(place), contextlib.suppress(FileNotFoundError):
            _set_aside(place)

    def _place(self, path: str) -> Path:
        """Return where a path leads; DamagedStore if a link on the way to it leads elsewhere."""
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
        """Return the mode of what is made here: the owner's, and the group's as far as the store's folder is."""
        return _OWNER | self.root.stat().st_mode & _GROUP

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the folders beside this one in which no file was written for so long, if they can be."""
        kept = self.root / folder
        with contextlib.suppress(OSError):
            for other in kept.parent.iterdir():
                if other != kept and time.time() - _last_written(other) > idle_seconds:
                    shutil.rmtree(other, ignore_errors=True)

    def listed(self, below: str = "") -> list[Listed]:
        """List every file below a folder, those that are being written too; what vanishes meanwhile is left out."""
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
        """Remove a folder with all that is in it; nothing, if there is none. A link is removed, and not followed."""
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
        """Return whether somebody holds the lock; nothing is waited for, nor written."""
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
                hint="Use a folder, or a URL whose scheme fsspec knows (memory, s3 with s3fs, gs with gcsfs).",
            ) from None
        except Exception as error:  # noqa: BLE001 -- some file systems connect at once, and raise what their library does
            raise _away(CannotRead, self.url, error) from None

    def _full(self, path: str) -> str:
        return str(PurePosixPath(self._root) / path)

    @contextlib.contextmanager
    def _asking(self, kind: type[CannotRead | CannotWrite]) -> Iterator[None]:
        try:
            yield
        except (WdbcError, FileNotFoundError):
            raise
        except Exception as error:  # noqa: BLE001 -- each file system raises what its library does
            raise _away(kind, self.url, error) from None

    def read(self, path: str) -> bytes:
        """Return an object's content; FileNotFoundError if there is none."""
        with self._asking(CannotRead):
            content: Any = self._files.cat_file(self._full(path))
            return bytes(content)

    def replace(self, path: str, content: bytes) -> None:
        """Put one whole object."""
        with self._asking(CannotWrite):
            self._files.makedirs(str(PurePosixPath(self._full(path)).parent), exist_ok=True)
            self._files.pipe_file(self._full(path), content)

    def set_aside(self, path: str) -> None:
        """Copy the object to another name beside it, and remove it."""
        with self._asking(CannotWrite), contextlib.suppress(FileNotFoundError):
            self._files.mv(self._full(path), f"{self._full(path)}.damaged-{secrets.token_hex(4)}")

    def discard_beside(self, folder: str, *, idle_seconds: float) -> None:
        """Remove the objects below the folders beside this one in which none was written for so long."""
        kept = PurePosixPath(self._full(folder))
        groups: dict[str, list[str]] = {}
        with self._asking(CannotWrite):
            for path in self._files.find(str(kept.parent)):
                groups.setdefault(PurePosixPath(path).relative_to(kept.parent).parts[0], []).append(path)
            for name, paths in groups.items():
                if name != kept.name and time.time() - max(map(self._written, paths)) > idle_seconds:
                    self._files.rm(paths)

    def listed(self, below: str = "") -> list[Listed]:
        """List every object below a folder."""
        with self._asking(CannotRead):
            found: dict[str, dict[str, Any]] = self._files.find(self._full(below), detail=True)
            return [
                Listed(PurePosixPath(path).relative_to(self._root).as_posix(), int(of["size"]), self._written(path))
                for path, of in found.items()
            ]

    def remove(self, folder: str) -> None:
        """Remove every object below a folder."""
        with self._asking(CannotWrite), contextlib.suppress(FileNotFoundError):
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
            errno.EDQUOT: "The quota is used up: free some space, then run again.",
            errno.EROFS: "The disk is mounted read-only: set WDBC_STORAGE to a folder that can be written.",
            **dict.fromkeys(
                _NO_LOCKS,
                "It has to be a disk on which files can be locked (flock): set WDBC_STORAGE to such a folder.",
            ),
        }
        raise CannotWrite(
            f"the store cannot be written: {os.strerror(error.errno) if error.errno else error}",
            where=str(target.parent),
            hint=hints.get(error.errno or 0, "Fix the folder's permissions, or set WDBC_STORAGE to another folder.")
            + " What was current stays current.",
        ) from None


def _set_aside(place: Path) -> None:
    place.rename(place.with_name(f"{place.name}.damaged-{secrets.token_hex(4)}"))


def _sync_folder(folder: Path) -> None:
    # A rename is durable only once the folder that holds the name is.
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
        raise _no_file(place, f"{kinds.get(kind, 'something else')} is in the place of a file")
    if state.st_size > MOST_BYTES:
        raise _no_file(place, f"a file is larger than any that is written ({state.st_size:,} bytes)")


def _no_file(place: Path, finding: str) -> DamagedStore:
    return DamagedStore(
        f"the store is damaged: {finding}",
        where=str(place),
        hint="It was not read. Move it away, and restore the file from a backup; what can be made again is made again"
        " by `wdbc run`.",
    )


def _in_place_of_a_folder(place: Path) -> DamagedStore:
    return DamagedStore(
        f"the store is damaged: {'a link' if place.is_symlink() else 'a file'} is in the place of a folder",
        where=str(place),
        hint="It was not followed. Put the folder itself there (to keep it on another disk, let the whole store lie"
        " there: WDBC_STORAGE may be a link).",
    )


def _cannot_read(place: Path, error: OSError) -> CannotRead:
    return CannotRead(
        f"the store cannot be read: {error.strerror}",
        where=str(place),
        hint="Fix the file's permissions, or the disk.",
    )


def _away(kind: type[CannotRead | CannotWrite], url: str, error: Exception) -> WdbcError:
    # The text of a library's error may hold the address with its password, or what the server sent.
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
    return kind(
        f"the store cannot be {'read' if kind is CannotRead else 'written'}: {reason}",
        where=url,
        hint="Look whether its server answers, and whether address and credentials are right; then try again."
        " What was current stays current.",
    )


def _last_written(folder: Path) -> float:
    moments = [folder.lstat().st_mtime]
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another writer's temporary file has become a part
            moments.append(path.lstat().st_mtime)
    return max(moments)


def _sweep(folder: Path) -> None:
    """Remove what dead writers left; a living writer's temporary file is never touched."""
    for path in folder.iterdir():
        if path.name.startswith(_TEMPORARY) and _is_leftover(path):
            path.unlink(missing_ok=True)


def _is_leftover(path: Path) -> bool:
    """Return whether no writer holds a temporary file. A lock says so on any machine, and in any container."""
    try:
        state = path.lstat()
        age = time.time() - state.st_mtime
        if not stat.S_ISREG(state.st_mode):
            return False
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # it is a file by now, or another user's
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _NO_LOCKS and age > _UNLOCKABLE_SECONDS
    finally:
        os.close(descriptor)
    return True
