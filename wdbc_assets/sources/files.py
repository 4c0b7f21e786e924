"""Read a local file without hanging on a pipe or device."""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from wdbc_assets import safe_text
from wdbc_assets.sources import folders, limits, retrying
from wdbc_assets.sources.errors import SourceRefused, UnknownSource
from wdbc_assets.sources.origin import Origin, Received
from wdbc_assets.sources.retrying import Fault
from wdbc_assets.sources.source import FetchContext, Source

SPECIAL = (
    (stat.S_ISDIR, "a folder", "Give the path of the file in it."),
    (stat.S_ISFIFO, "a pipe", "Write its content to a file first."),
    (stat.S_ISSOCK, "a socket", "Write its content to a file first."),
    (stat.S_ISCHR, "a device", "Write its content to a file first."),
    (stat.S_ISBLK, "a device", "Write its content to a file first."),
)
EXPLAINED = {
    errno.ENOENT: ("the file does not exist", "Check the path; a relative path starts at the current folder."),
    errno.ENOTDIR: ("a component of the path is not a folder", "Check the path."),
    errno.EACCES: (
        "this user has no permission to read the file",
        "Fix the permissions of the file or of its folders.",
    ),
    errno.ELOOP: ("the path is a loop of symbolic links", "Give the path of the file itself."),
    errno.ENAMETOOLONG: ("the path is too long", "Check the path."),
}


class File(Source):
    """A file or folder of this machine, given by its path or as a URL."""

    remote = False
    usage = "a path of a file or folder, file:///..."

    @classmethod
    def schemes(cls) -> tuple[str, ...]:
        """Return the URL schemes of files; `local` is fsspec's."""
        return "file", "local"

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the file at a URL.

        Raises:
            UnknownSource: the URL names another machine, or no absolute path.
        """
        host, slash, path = url.partition("://")[2].partition("/")
        if host not in {"", "localhost"} or not path:
            raise UnknownSource(
                "the file URL is not an absolute path on this machine",
                where=safe_text.redact_url(url),
                hint="Write three slashes: file:///folder/wdbc.data.",
            )
        return cls(slash + unquote(path), slash + unquote(path))

    def read(self, context: FetchContext, /) -> Received | None:
        """Return the content of the file, or of all files if the path is that of a folder."""
        path = Path(self.address)
        if not path.is_dir():
            return Received(read(path, largest_bytes=context.limits.largest_bytes))
        return retrying.persist(
            lambda: _read_folder(path, context.known, context.limits),
            where=self.shown,
            limits=context.limits,
            clock=context.clock,
            report=context.report,
        )


def _read_folder(path: Path, known: Origin | None, bounds: limits.Limits) -> Received | Fault | None:
    """Read a folder. The version of a file is the digest of its content: reading it costs little, and cannot err."""

    def content_of(entry: folders.Entry) -> bytes | None:
        content = read(path / entry.name, largest_bytes=bounds.largest_bytes)
        return content if hashlib.sha256(content).hexdigest() == entry.version else None

    def digest_of(name: str) -> str:
        return hashlib.sha256(read(path / name, largest_bytes=bounds.largest_bytes)).hexdigest()

    def listed() -> list[folders.Entry]:
        with explained(path):
            names = [file.name for file in path.iterdir() if folders.is_table(file.name)]
        return [folders.Entry(name, digest_of(name)) for name in names]

    return folders.read(listed, content_of, known=known, bounds=bounds, where=str(path))


def read(path: Path, *, largest_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        SourceRefused: the file is missing, unreadable, not a regular file, behind a loop of symbolic links, or larger
            than `largest_bytes`.
    """
    with explained(path):
        require_regular(path)  # before opening: a pipe may block, and a device may react
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            _refuse_special(os.fstat(descriptor), path)  # again: the file may have been replaced
            return limits.read_up_to(largest_bytes, file, where=str(path))


def require_regular(path: Path) -> None:
    """Raise SourceRefused if a path is not that of an existing regular file."""
    with explained(path):
        _refuse_special(path.stat(), path)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise SourceRefused in place of an error of the operating system."""
    try:
        yield
    except OSError as error:
        what, hint = EXPLAINED.get(error.errno or 0, (f"the file cannot be read: {error.strerror}", "Check the path."))
        raise SourceRefused(what, where=str(path), hint=hint) from error


def _refuse_special(status: os.stat_result, path: Path) -> None:
    for is_kind, kind, hint in SPECIAL:
        if is_kind(status.st_mode):
            raise SourceRefused(f"the source is {kind}, not a regular file", where=str(path), hint=hint)
