"""Where an output goes: a file that appears when it is whole, or something that takes it as it comes.

A regular file has no name while it is written, so that nothing is left of a process that is killed; it takes its name
at the end. Where the file system has no such files it is written under a name of its own beside its place, locked while
the writer lives, and swept by the next one. Scores are patients': a new file is its owner's alone.

Standard output, a pipe, a device, and a descriptor by its path (`/dev/stdout`, `>(...)`, `/proc/self/fd/1`) are written
through, from where they stand: nothing there is replaced or cut.
"""

import errno
import fcntl
import gzip
import os
import re
import secrets
import select
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from wdbc_assets.domain.errors import WdbcError

STANDARD = "-"
FORMS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_GZIP = ".gz"
_DESCRIPTOR = re.compile(rf"/(?:dev|proc/(?:self|thread-self|{os.getpid()}))/fd/(\d+)")
_LONGEST_CHAIN = 40  # of symbolic links, as in Linux
_UNFINISHED = ".wdbc-predict-"
_NO_UNNAMED = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
_OWNER_ONLY = 0o600
_NOTHING = "Nothing was written."
_INCOMPLETE = "What was written there is incomplete."


class Closed(BrokenPipeError):
    """The reader closed the other end; `taken` is how many bytes of the last piece went in before."""

    def __init__(self, taken: int) -> None:
        self.taken = taken
        super().__init__(errno.EPIPE, os.strerror(errno.EPIPE))


class ReaderGone(Exception):
    """Whoever reads an output closed it: the others of a pipeline need no more. Nothing is wrong."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(where)


@dataclass(frozen=True)
class Place:
    """Where one output goes, and in which form.

    `name` is as given; `descriptor` one that is open already, `path` else. `identity` is equal for two names of one
    place: of a file its device and number, else where it would be.
    """

    name: str
    form: str
    packed: bool
    path: Path
    descriptor: int | None

    @property
    def identity(self) -> object:
        """Return what is equal for two names of one place."""
        return identity(self.path if self.descriptor is None else self.descriptor)

    @property
    def shown(self) -> str:
        """Return the name as an error shows it."""
        return "standard output" if self.name == STANDARD else self.name


def identity(place: Path | int) -> object:
    """Return what is equal for two names of one file, be it a link, or of one open descriptor."""
    try:
        status = os.fstat(place) if isinstance(place, int) else place.stat()
    except OSError:
        return place if isinstance(place, int) else place.resolve()
    return status.st_dev, status.st_ino


def parse(name: str, form: str | None, *, forms: tuple[str, ...] = ("csv", "parquet")) -> Place:
    """Return where an output goes, by its name: a path, or `-`.

    Args:
        name: as the user gave it.
        form: one of `forms`; if None, by the end of the name, and CSV where it has none.
        forms: what may be written.

    Raises:
        WdbcError: the name has an unknown ending and no form is given, or one that cannot be.
    """
    descriptor = 1 if name == STANDARD else _descriptor(name)
    lower = "" if descriptor is not None else Path(name).name.lower()
    packed = lower.endswith(_GZIP)
    ending = Path(lower.removesuffix(_GZIP)).suffix
    plain = not (ending or packed) or _takes_as_it_comes(Path(name))
    by_name = FORMS.get(ending, "csv" if plain else None)
    chosen = form or by_name
    if chosen not in forms or (packed and chosen == "parquet"):
        possible = ".csv, .csv.gz or .parquet" if "parquet" in forms else ".csv or .csv.gz"
        raise WdbcError(
            f"the output cannot have the form that its name ends in: {ending}{_GZIP if packed else ''}",
            where=name,
            hint=f"Let the name end in {possible}" + (", or choose with --format." if len(forms) > 1 else "."),
        )
    return Place(name, chosen, packed, Path(name), descriptor)


@contextmanager
def opened(place: Place) -> Iterator[BinaryIO]:
    """Open a place for writing; a file appears there when all went well, and leaves no trace otherwise.

    Raises:
        WdbcError: it cannot be written.
        ReaderGone: its reader closed it.
    """
    with _raw(place) as sink:
        if not place.packed:
            yield sink
            return
        packer = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=sink, mtime=0)
        try:
            yield cast("BinaryIO", packer)
            packer.close()
        except Closed:
            raise Closed(0) from None  # what was taken of the packed bytes says nothing of rows
        finally:
            packer.fileobj = None  # type: ignore[assignment]  # after an error nothing is added


@contextmanager
def _raw(place: Place) -> Iterator[BinaryIO]:
    if place.descriptor is None and not _takes_as_it_comes(place.path):
        with _errors(place, _NOTHING), _Unfinished(place.path.resolve()) as unfinished:
            yield unfinished.file
            unfinished.finish()
        return
    with _errors(place, _NOTHING):
        through = _Through(_duplicate(place.descriptor) if place.descriptor is not None else _appending(place.path))
    with _errors(place, _INCOMPLETE):
        yield cast("BinaryIO", through)


@contextmanager
def _errors(place: Place, afterwards: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone(place.shown) from None
    except OSError as error:
        raise WdbcError(
            f"the output cannot be written: {error.strerror or error}",
            where=place.shown,
            hint=f"{afterwards} Choose a place that takes it.",
        ) from None


def _appending(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def _descriptor(name: str) -> int | None:
    """Return the open descriptor that a path means, also through links such as /dev/stdout; None if none."""
    path = Path(os.path.normpath(Path(name).absolute()))
    for _ in range(_LONGEST_CHAIN):
        if found := _DESCRIPTOR.fullmatch(str(path)):
            return int(found[1])
        if not path.is_symlink():
            return None
        path = Path(os.path.normpath(path.parent / path.readlink()))
    return None


def _duplicate(descriptor: int) -> int:
    # Python has none of the three that were closed when it began; by now the number may be another file's.
    if descriptor < 3 and (sys.__stdin__, sys.__stdout__, sys.__stderr__)[descriptor] is None:
        raise OSError(errno.EBADF, "it is closed")
    return os.dup(descriptor)


def _takes_as_it_comes(path: Path) -> bool:
    """Say whether it is a pipe, a device, or another process' descriptor, whose place no file can take."""
    if path.is_relative_to("/proc"):
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)


class _Through:
    """Writes at once, all of it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: Any) -> int:
        """Write all of it."""
        view, written = memoryview(content).cast("B"), 0
        while written < len(view):
            try:
                written += os.write(self._descriptor, view[written:])
            except BlockingIOError:  # the other end made it so
                select.select([], [self._descriptor], [])
            except BrokenPipeError:
                raise Closed(written) from None
        return written

    def flush(self) -> None:
        """Do nothing: all is written."""

    def __del__(self) -> None:
        """Close the duplicate."""
        with suppress(OSError):
            os.close(self._descriptor)


class _Unfinished:
    """A file that gets its name when it is finished."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._name: Path | None = None
        _sweep(place.parent)
        descriptor = self._unnamed()
        self.file = os.fdopen(self._named() if descriptor is None else descriptor, "wb")

    def __enter__(self) -> "_Unfinished":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # told already, by what it interrupted
            self.file.close()
        if self._name is not None:
            with suppress(FileNotFoundError):
                self._name.unlink()

    def finish(self) -> None:
        """Let the file take its place, with the mode and owner of the one that was there."""
        self.file.flush()
        descriptor = self.file.fileno()
        with suppress(FileNotFoundError):
            there = self._place.stat()
            mode = stat.S_IMODE(there.st_mode) & 0o777
            try:
                os.fchown(descriptor, there.st_uid, there.st_gid)
            except PermissionError:
                mode &= ~stat.S_IRWXG  # what the old group might do, the new one need not
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
        if self._name is None:
            name = self._place.with_name(_UNFINISHED + secrets.token_hex(4))
            # Of a descriptor's path only linkat takes what it leads to, and Python calls that when given a folder.
            folder = os.open(self._place.parent, os.O_RDONLY)
            try:
                os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                os.close(folder)
            self._name = name
        self._name.replace(self._place)
        self._name = None

    def _unnamed(self) -> int | None:
        """Open a file without a name; None where there are none, or where one could not be given a name."""
        flag = getattr(os, "O_TMPFILE", None)
        if flag is None:
            return None
        try:
            descriptor = os.open(self._place.parent, flag | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY)
        except OSError as error:
            if error.errno in _NO_UNNAMED and self._place.parent.is_dir():
                return None
            raise
        if not Path(f"/proc/self/fd/{descriptor}").exists():
            os.close(descriptor)
            return None
        _lock(descriptor)
        return descriptor

    def _named(self) -> int:
        while True:
            name = self._place.with_name(_UNFINISHED + secrets.token_hex(4))
            descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY)
            self._name = name
            _lock(descriptor)
            if os.fstat(descriptor).st_nlink:
                return descriptor
            os.close(descriptor)  # another writer swept it before it was locked


def _lock(descriptor: int) -> None:
    with suppress(OSError):  # a file system without locks: nothing is swept there
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _sweep(folder: Path) -> None:
    """Remove what killed writers left: files that nobody holds the lock of."""
    with suppress(OSError):
        for path in folder.glob(f"{_UNFINISHED}*"):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                try:
                    if stat.S_ISREG(os.fstat(descriptor).st_mode):
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        path.unlink()
                finally:
                    os.close(descriptor)
