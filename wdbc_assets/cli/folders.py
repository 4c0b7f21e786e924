"""Atomic replacement of a folder: the new one is written next to the old one, then the two are exchanged."""

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.backends import atomic

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


def put(target: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder atomically, replacing an earlier folder with the same files.

    Only the user can read the files, because they may contain patients' measurements. If the process is killed, the
    earlier folder stays intact and the next call removes the leftovers.

    Raises:
        WdbcError: The folder contains other files, is a symbolic link, or cannot be written.
    """
    target = target.absolute()
    try:
        _require_replaceable(target, contents)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(target) as temporary:
            for name, content in contents.items():
                _write(temporary / name, content)
            for folder in (*{(temporary / name).parent for name in contents}, temporary):
                atomic.sync_folder(folder)
            _exchange(temporary, target)
            atomic.sync_folder(target.parent)
        _remove_leftovers(target)
    except OSError as error:
        raise WdbcError(
            f"the folder cannot be written: {error.strerror or error}",
            where=str(target),
            hint="The earlier contents are intact. Free some space, or choose a writable folder that is not a mount"
            " point, such as a subfolder of it.",
        ) from None


def _require_replaceable(target: Path, contents: Mapping[str, bytes]) -> None:
    """Raise WdbcError if any other file would be replaced."""
    hint = "Choose a new folder, an empty folder, or one that contains only an earlier export."
    if target.is_symlink():
        raise WdbcError("the folder is a symbolic link, which is not followed", where=str(target), hint=hint)
    if Path.cwd().is_relative_to(os.path.realpath(target)):
        raise WdbcError("the folder is the current folder, or contains it", where=str(target), hint=hint)
    if not target.exists():
        return
    known = {*contents, *(str(parent) for name in contents for parent in Path(name).parents)}
    for folder, folders, files in os.walk(target):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink() or str(path.relative_to(target)) not in known:
                raise WdbcError("the folder contains other files, which would be lost", where=str(path), hint=hint)


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """Create a folder next to the target, locked while this process lives; remove it at the end."""
    folder = target.with_name(f"{_prefix(target)}{secrets.token_hex(8)}")
    folder.mkdir(mode=0o700)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _prefix(target: Path) -> str:
    return f".{target.name}.export-"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _exchange(temporary: Path, target: Path) -> None:
    """Exchange the two folders atomically, or rename the first one if the target does not exist."""
    if not target.exists():
        temporary.rename(target)
        return
    temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_HERE, os.fsencode(temporary), _HERE, os.fsencode(target), _EXCHANGE):
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number))
        _exchange_in_two_steps(temporary, target)


def _exchange_in_two_steps(temporary: Path, target: Path) -> None:
    """Exchange where the file system has no atomic exchange (NFS).

    If the process is killed in between, the earlier folder is intact under another name.
    """
    aside = target.with_name(f"{_prefix(target)}{secrets.token_hex(8)}")
    target.rename(aside)
    try:
        temporary.rename(target)
    except BaseException:
        aside.rename(target)
        raise


def _remove_leftovers(target: Path) -> None:
    """Remove what killed processes left next to the target. Folders in use are locked and stay."""
    for folder in target.parent.glob(f"{_prefix(target)}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
