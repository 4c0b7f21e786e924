"""Reading a file of this machine without ever hanging on what only looks like one."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from wdbc_assets.sources.errors import SourceRefused

SPECIAL = (
    (stat.S_ISDIR, "a folder", "Name the file in it."),
    (stat.S_ISFIFO, "a pipe", "Write its content to a file first."),
    (stat.S_ISSOCK, "a socket", "Write its content to a file first."),
    (stat.S_ISCHR, "a device", "Write its content to a file first."),
    (stat.S_ISBLK, "a device", "Write its content to a file first."),
)
EXPLAINED = {
    errno.ENOENT: ("there is no such file", "Check the path; it is taken from the folder of the command."),
    errno.ENOTDIR: ("a part of the path is not a folder", "Check the path."),
    errno.EACCES: ("the file may not be read by this user", "Change its permissions, or those of its folders."),
    errno.ELOOP: ("the path is a loop of symbolic links", "Name the file itself."),
    errno.ENAMETOOLONG: ("the path is too long", "Check the path."),
}
CHUNK_BYTES = 2**20


def read(path: Path, *, largest_bytes: int) -> bytes:
    """The content of a regular file.

    Raises:
        SourceRefused: missing, not a regular file, unreadable, behind a loop of symbolic links, or larger than
            `largest_bytes`.
    """
    try:
        _refuse_special(path.stat(), path)  # before opening: opening a pipe may block, opening a device may act
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            _refuse_special(os.fstat(descriptor), path)  # again: something else may stand there by now
            return up_to(largest_bytes, file, where=str(path))
    except OSError as error:
        what, hint = EXPLAINED.get(error.errno or 0, (f"the file cannot be read: {error.strerror}", "Check the path."))
        raise SourceRefused(what, where=str(path), hint=hint) from error


def up_to(largest_bytes: int, stream: BinaryIO, *, where: str) -> bytes:
    """What `stream` holds to its end.

    Raises:
        SourceRefused: it holds more than `largest_bytes`; no more than that is ever in memory.
    """
    content = bytearray()
    while chunk := stream.read(CHUNK_BYTES):
        content += chunk
        if len(content) > largest_bytes:
            raise too_large(largest_bytes, where=where)
    return bytes(content)


def too_large(largest_bytes: int, *, where: str) -> SourceRefused:
    """The error for a content of more than `largest_bytes`, whatever the source."""
    return SourceRefused(
        f"the content is larger than {largest_bytes:,} bytes",
        where=where,
        hint="Check that it is the table; if it is, raise the limit largest_bytes.",
    )


def _refuse_special(status: os.stat_result, path: Path) -> None:
    for is_kind, kind, hint in SPECIAL:
        if is_kind(status.st_mode):
            raise SourceRefused(f"the source is {kind}, not a file", where=str(path), hint=hint)
