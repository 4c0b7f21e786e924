"""Output destinations: a file that appears only when it is complete, or a stream that is written directly.

`unfinished_file` writes a regular file. Standard output, pipes, devices, and paths of file descriptors (`/dev/stdout`,
`>(...)`, `/proc/self/fd/1`) are written from their current position. They are neither replaced nor truncated.
"""

import errno
import gzip
import os
import re
import select
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.scoring.unfinished_file import UnfinishedFile

STANDARD = "-"
FORMS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_GZIP = ".gz"
_DESCRIPTOR = re.compile(rf"/(?:dev|proc/(?:self|thread-self|{os.getpid()}))/fd/(\d+)")
_LONGEST_CHAIN = 40  # of symbolic links, as in Linux
_NOTHING = "Nothing was written."
_INCOMPLETE = "The output is incomplete."


class Closed(BrokenPipeError):
    """The reader closed the pipe; `taken` is the number of bytes of the last write that it received."""

    def __init__(self, taken: int) -> None:
        self.taken = taken
        super().__init__(errno.EPIPE, os.strerror(errno.EPIPE))


class ReaderGone(Exception):
    """The reader of the output closed the pipe because it needs no more data. This is not an error.

    `rows` is the number of rows that were scored until then.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.rows = 0
        super().__init__(where)


@dataclass(frozen=True)
class Destination:
    """Destination and format of an output.

    `name` is as given by the user. `descriptor` is set if the name means an open file descriptor; otherwise `path` is
    used. Two destinations are the same if their `identity` is equal: device and inode of a file, or its resolved path
    if it does not exist.
    """

    name: str
    form: str
    packed: bool
    path: Path
    descriptor: int | None

    @property
    def identity(self) -> object:
        """A value that is equal for two names of the same destination."""
        return identity(self.path if self.descriptor is None else self.descriptor)

    @property
    def shown(self) -> str:
        """The name for error messages."""
        return "standard output" if self.name == STANDARD else self.name


def identity(place: Path | int) -> object:
    """Return a value that is equal for two names, links or descriptors of the same file."""
    try:
        status = os.fstat(place) if isinstance(place, int) else place.stat()
    except OSError:
        return place if isinstance(place, int) else Path(os.path.realpath(place))
    return status.st_dev, status.st_ino


def parse(name: str, form: str | None, *, forms: tuple[str, ...] = ("csv", "parquet")) -> Destination:
    """Return the destination for a path or `-`.

    Args:
        name: Path or `-`, as given by the user.
        form: One of `forms`. If None, the suffix of the name decides; without a suffix it is CSV.
        forms: The supported formats.

    Raises:
        WdbcError: The suffix is unknown and no format is given, or suffix and format cannot be combined.
    """
    descriptor = 1 if name == STANDARD else _descriptor(name)
    lower = "" if descriptor is not None else Path(name).name.lower()
    packed = lower.endswith(_GZIP)
    ending = Path(lower.removesuffix(_GZIP)).suffix
    plain = not (ending or packed) or _takes_as_it_comes(Path(name))
    by_name = FORMS.get(ending, "csv" if plain else None)
    output_form = form or by_name
    if output_form not in forms or (packed and output_form == "parquet"):
        possible = ".csv, .csv.gz or .parquet" if "parquet" in forms else ".csv or .csv.gz"
        raise WdbcError(
            f"unsupported output format: {ending}{_GZIP if packed else ''}",
            where=name,
            hint=f"Use a name that ends in {possible}" + (", or use --format." if len(forms) > 1 else "."),
        )
    return Destination(name, output_form, packed, Path(name), descriptor)


@contextmanager
def open_output(destination: Destination) -> Iterator[BinaryIO]:
    """Open a destination for writing. A file appears only on success; otherwise nothing is left behind.

    Raises:
        WdbcError: The output cannot be written.
        ReaderGone: The reader closed the pipe.
    """
    with _raw(destination) as sink:
        if not destination.packed:
            yield sink
            return
        packer = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=sink, mtime=0)
        try:
            yield cast("BinaryIO", packer)
            packer.close()
        except Closed:
            raise Closed(0) from None  # compressed bytes cannot be converted to a number of rows
        finally:
            packer.fileobj = None  # type: ignore[assignment]  # after an error, the gzip trailer must not be written


@contextmanager
def _raw(destination: Destination) -> Iterator[BinaryIO]:
    if destination.descriptor is None and not _takes_as_it_comes(destination.path):
        with _errors(destination, _NOTHING), UnfinishedFile(Path(os.path.realpath(destination.path))) as unfinished:
            yield unfinished.file
            unfinished.finish()
        return
    with _errors(destination, _NOTHING):
        through = _Through(
            _duplicate(destination.descriptor) if destination.descriptor is not None else _appending(destination.path)
        )
    with _errors(destination, _INCOMPLETE):
        yield cast("BinaryIO", through)


@contextmanager
def _errors(destination: Destination, afterwards: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone(destination.shown) from None
    except OSError as error:
        raise WdbcError(
            f"the output cannot be written: {error.strerror or error}",
            where=destination.shown,
            hint=f"{afterwards} Choose another destination, or make this one writable.",
        ) from None


def _appending(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def _descriptor(name: str) -> int | None:
    """Return the file descriptor that a path refers to, following links such as /dev/stdout, or None."""
    path = Path(os.path.normpath(Path(name).absolute()))
    for _ in range(_LONGEST_CHAIN):
        if match := _DESCRIPTOR.fullmatch(str(path)):
            return int(match[1])
        if not os.path.islink(path):  # noqa: PTH114 -- Path.is_symlink raises if the name is too long
            return None
        path = Path(os.path.normpath(path.parent / path.readlink()))
    return None


def _duplicate(descriptor: int) -> int:
    # A standard descriptor that was closed at startup is None in `sys`; its number may now belong to another file.
    if descriptor < 3 and (sys.__stdin__, sys.__stdout__, sys.__stderr__)[descriptor] is None:
        raise OSError(errno.EBADF, "it is closed")
    return os.dup(descriptor)


def _takes_as_it_comes(path: Path) -> bool:
    """Return whether it is a pipe, a device, or a descriptor of a process, which cannot be replaced by a file."""
    if path.is_relative_to("/proc"):
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)


class _Through:
    """Unbuffered writer that writes everything it is given."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: Any) -> int:
        """Write all of the content."""
        view, written = memoryview(content).cast("B"), 0
        while written < len(view):
            try:
                written += os.write(self._descriptor, view[written:])
            except BlockingIOError:  # another process made the descriptor non-blocking
                select.select([], [self._descriptor], [])
            except BrokenPipeError:
                raise Closed(written) from None
        return written

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def __del__(self) -> None:
        """Close the duplicated descriptor."""
        with suppress(OSError):
            os.close(self._descriptor)
