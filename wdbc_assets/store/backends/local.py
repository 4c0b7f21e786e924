"""A backend in a folder on a disk, with a lock between processes. `atomic` writes its files.

The folder contains only folders and regular files. A pipe, device, socket or link inside it is reported as damage and
never read: reading a pipe could block, and a link leads out of the store. The store's folder itself may be a link. Only
its owner can read the contents, and its group if the folder's mode allows it.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from wdbc_assets import locks
from wdbc_assets.store.backends import atomic
from wdbc_assets.store.backends.backend import MOST_BYTES, CannotRead, CannotWrite, Listed, not_a_file, too_large
from wdbc_assets.store.parsing import DamagedStore

_TRIES = 5
_PIECE = 4 * 1024**2
_OWNER, _GROUP = 0o700, 0o070


class LocalFolder:
    """A folder on a local disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def read(self, path: str) -> bytes:
        """Return a file's content; raise FileNotFoundError if it does not exist."""
        with _refused_reads(self.root / path), self.open(path) as file:
            if (size := os.fstat(file.fileno()).st_size) > MOST_BYTES:
                raise too_large(size, str(self.root / path))
            return file.read()

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; raise FileNotFoundError if it does not exist."""
        place = self._place(path)
        with _refused_reads(place):
            _require_file(place, place.lstat())
            # A pipe may have replaced the file since. With O_NONBLOCK, opening it does not block.
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with contextlib.ExitStack() as on_error:
                file = on_error.enter_context(os.fdopen(descriptor, "rb"))
                _require_file(place, os.fstat(descriptor))
                on_error.pop_all()
            return file

    def replace(self, path: str, content: bytes) -> None:
        """Write a temporary file beside the target, flush it to the disk, and rename it over the target."""
        self._write(path, lambda: [content])

    def put_file(self, path: str, source: BinaryIO) -> None:
        """Copy a file, some megabytes at a time."""

        def pieces() -> Iterator[bytes]:
            source.seek(0)
            return iter(lambda: source.read(_PIECE), b"")

        self._write(path, pieces)

    def _write(self, path: str, pieces: Callable[[], Iterable[bytes]]) -> None:
        target = self._place(path)
        with _refused_writes(target):
            for _ in range(_TRIES):
                # Meanwhile `wdbc gc` may remove the folder, or a writer may sweep the file before it is locked.
                with contextlib.suppress(FileNotFoundError):
                    self._make_folder(target.parent)
                    atomic.write(target, pieces(), mode=self._mode() & 0o666)
                    return
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))

    def compare_and_swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        """Compare a file's content, then replace it. The caller's `commit_lock` excludes other writers in between."""
        content = None
        with contextlib.suppress(FileNotFoundError, DamagedStore, CannotRead):
            content = self.read(path)
        if content == new or content != old:
            return content == new
        self.replace(path, new)
        return True

    def set_aside(self, path: str) -> None:
        """Rename what is at this path."""
        place = self._place(path)
        with _refused_writes(place), contextlib.suppress(FileNotFoundError):
            atomic.set_aside(place)

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

    def _mode(self) -> int:
        """Return the mode of new folders: the owner's rights, and the group's as far as the store's folder has them."""
        return _OWNER | self.root.stat().st_mode & _GROUP

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
        with locks.held(descriptor, "the store's lock", where=str(path)):
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


@contextlib.contextmanager
def _refused_reads(place: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except NotADirectoryError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place)) from None
    except OSError as error:
        raise _cannot_read(place, error) from None


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
                atomic.NO_LOCKS,
                "The file system does not support locks (flock): set WDBC_STORAGE to a folder on one that does.",
            ),
        }
        raise CannotWrite(
            f"the store cannot be written: {os.strerror(error.errno) if error.errno else error}",
            where=str(target.parent),
            hint=hints.get(error.errno or 0, "Fix the folder's permissions, or set WDBC_STORAGE to another folder.")
            + " The current versions are unchanged.",
        ) from None


def _require_file(place: Path, state: os.stat_result) -> None:
    kinds = {
        stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
        stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link",
    }  # fmt: skip
    kind = stat.S_IFMT(state.st_mode)
    if kind != stat.S_IFREG:
        raise not_a_file(f"found {kinds.get(kind, 'a special file')} instead of a file", str(place))


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
