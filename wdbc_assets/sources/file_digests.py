"""The digests of local files, remembered in this process: a file that was not changed is not read again.

A change of the content changes the time of the file's last change (ctime), which programs cannot set. Two changes may
fall into one tick of that clock, so a digest is remembered only if the last change was some time before the reading.
"""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

_SETTLED_NS = 2 * 10**9  # the longest tick of a file system's clock: that of FAT
_MOST = 100_000

_remembered: dict[Path, tuple[tuple[int, ...], str]] = {}


def digest(path: Path, read: Callable[[Path], bytes]) -> str:
    """Return the SHA-256 of a file's content.

    Args:
        path: The file.
        read: Returns its content.

    Raises:
        OSError: there is no such file.
    """
    before = path.stat()
    known = _remembered.get(path)
    if known is not None and known[0] == _identity(before):
        return known[1]
    now = time.time_ns()
    digest = hashlib.sha256(read(path)).hexdigest()
    forget(path)
    settled = max(before.st_ctime_ns, before.st_mtime_ns) < now - _SETTLED_NS
    if settled and len(_remembered) < _MOST and _identity(path.stat()) == _identity(before):
        _remembered[path] = (_identity(before), digest)
    return digest


def forget(path: Path) -> None:
    """Forget the digest of a file."""
    _remembered.pop(path, None)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
