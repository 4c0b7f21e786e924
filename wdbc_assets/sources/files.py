"""Read a local file without hanging on a pipe or device."""

import contextlib
import dataclasses
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from wdbc_assets import safe_text
from wdbc_assets.sources import file_digests, folders, limits, retrying
from wdbc_assets.sources.errors import SourceRefused, UnknownSource
from wdbc_assets.sources.limits import QUICK, REAL_CLOCK, Clock, Limits
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


_UNHURRIED_SECONDS = 24 * 3600.0
_looking = threading.Lock()
_looked: dict[Path, Origin] = {}


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
            lambda: _read_folder(path, context),
            where=self.shown,
            limits=context.limits,
            clock=context.clock,
            report=context.report,
        )

    def fingerprint(self, known: Origin | None = None, *, limits: Limits = QUICK, clock: Clock = REAL_CLOCK) -> str:
        """Return the SHA-256 of the present content.

        What takes longer in a folder than the limits allow goes on after this look, and a later look has its result.

        Raises:
            SourceRefused, SourceUnavailable: as in `fetch`; `known` remains valid.
        """
        if not Path(self.address).is_dir():
            return super().fingerprint(known, limits=limits, clock=clock)
        return retrying.persist(
            lambda: self._content_of_folder(self._usable(known, None), limits, clock),
            where=self.shown,
            limits=limits,
            clock=clock,
            report=lambda _: None,
        )

    def _content_of_folder(self, known: Origin | None, bounds: Limits, clock: Clock) -> str:
        path = Path(self.address)
        with _looking:  # a look that was given up may still be reading
            mark = folders.mark_of(_listed(path, bounds))
            if known is not None and known.etag == mark:
                return known.sha256
            if (last := _looked.get(path)) is not None and last.etag == mark:
                return last.sha256
            snapshot = self.fetch(limits=dataclasses.replace(bounds, total_seconds=_UNHURRIED_SECONDS), clock=clock)
            assert snapshot is not None  # noqa: S101 -- nothing was known
            _looked[path] = snapshot.origin
            return snapshot.origin.sha256


def _read_folder(path: Path, context: FetchContext) -> Received | Fault | None:
    """Read a folder. The version of a file is the digest of its content."""
    bounds = context.limits

    def content_of(entry: folders.FolderFile) -> bytes | None:
        content = read(path / entry.name, largest_bytes=bounds.largest_bytes)
        if hashlib.sha256(content).hexdigest() == entry.version:
            return content
        file_digests.forget(path / entry.name)
        return None

    return folders.read(
        lambda: _listed(path, bounds),
        content_of,
        known=context.known,
        bounds=bounds,
        where=str(path),
        report=context.report,
    )


def _listed(path: Path, bounds: Limits) -> list[folders.FolderFile]:
    def digest_of(file: Path) -> str:
        with explained(file):
            return file_digests.digest(file, lambda file: read(file, largest_bytes=bounds.largest_bytes))

    with explained(path):
        files = [file for file in path.iterdir() if folders.is_table(file.name)]
    return [folders.FolderFile(file.name, digest_of(file)) for file in files]


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
