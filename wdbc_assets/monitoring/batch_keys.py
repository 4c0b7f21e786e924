"""The key of a batch, and the names of its file in the inbox: claimed, it begins with the key."""

import hashlib
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

_DIGITS = 12
_CLAIMED = re.compile(rf"(\d{{8}}T\d{{6}}(?:\.\d{{3}})?Z-[0-9a-f]{{{_DIGITS}}})_(.+)", re.DOTALL)
_COPY = re.compile(r"\.wdbc-inbox-add-[0-9a-f]{16}(?:\..*)?", re.DOTALL)
_LONGEST_NAME = 200  # file systems allow 255 bytes; a key, or a number, is added


def of_file(name: str) -> str | None:
    """Return the key in the name of a claimed file, or None for any other name."""
    match = _CLAIMED.fullmatch(name)
    return match[1] if match else None


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content, whose first digits are in the key of its batch.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make(arrived: float, digest: str) -> str:
    """Return the key of a batch: its arrival in UTC, then digits of its digest. Keys sort by arrival."""
    moment = datetime.fromtimestamp(arrived, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z-{digest[:_DIGITS]}"


def claimed_name(key: str, name: str) -> str:
    """Return the name of a claimed file."""
    return f"{key}_{shortened(name)}"


def copy_name(suffix: str) -> str:
    """Return a new name for a copy that is being made in the inbox. As it begins with a dot, nobody takes it up."""
    return f".wdbc-inbox-add-{secrets.token_hex(8)}{suffix}"


def is_copy(name: str) -> bool:
    """Return whether a name is one of `copy_name`."""
    return _COPY.fullmatch(name) is not None


def digits(batch: str) -> str:
    """Return the digits of a batch's digest, which are the same for the same content."""
    return batch.rpartition("-")[2]


def shortened(name: str) -> str:
    """Return a name without its beginning, if it is so long that nothing could be added to it."""
    while len(name.encode(errors="surrogateescape")) > _LONGEST_NAME:
        name = name[1:]  # the end tells the format
    return name
