"""Read a local file without hanging on a pipe or device."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from wdbc_assets.sources.errors import SourceRefused

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
CHUNK_BYTES = 2**20


def read(path: Path, *, largest_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        SourceRefused: the file is missing, unreadable, not a regular file, behind a loop of symbolic links, or larger
            than `largest_bytes`.
    """
    try:
        _refuse_special(path.stat(), path)  # before opening: a pipe may block, and a device may react
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            _refuse_special(os.fstat(descriptor), path)  # again: the file may have been replaced
            return up_to(largest_bytes, file, where=str(path))
    except OSError as error:
        what, hint = EXPLAINED.get(error.errno or 0, (f"the file cannot be read: {error.strerror}", "Check the path."))
        raise SourceRefused(what, where=str(path), hint=hint) from error


def up_to(largest_bytes: int, stream: BinaryIO, *, where: str) -> bytes:
    """Return the rest of `stream`.

    Raises:
        SourceRefused: it is larger than `largest_bytes`; no more than that is held in memory.
    """
    content = bytearray()
    while chunk := stream.read(CHUNK_BYTES):
        content += chunk
        if len(content) > largest_bytes:
            raise too_large(largest_bytes, where=where)
    return bytes(content)


def too_large(largest_bytes: int, *, where: str) -> SourceRefused:
    """Return the error for content larger than `largest_bytes`, for any kind of source."""
    return SourceRefused(
        f"the content is larger than {largest_bytes:,} bytes",
        where=where,
        hint="Check that this is the right source; if it is, raise WDBC_LARGEST_BYTES.",
    )


def _refuse_special(status: os.stat_result, path: Path) -> None:
    for is_kind, kind, hint in SPECIAL:
        if is_kind(status.st_mode):
            raise SourceRefused(f"the source is {kind}, not a regular file", where=str(path), hint=hint)
