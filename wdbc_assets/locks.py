"""Locks between processes: waiting for one is reported, has a limit, and ends on a signal.

The kernel frees the lock of a process that dies. Its holder signs the file, so that a process that waits can name it.
"""

import contextlib
import errno
import fcntl
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator

from wdbc_assets.domain.errors import WdbcError

SECONDS = 60.0
"""How long a process waits. Whoever holds one of these locks needs far less than a second."""

_REPORT_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
_SIGNATURE = re.compile(r"([A-Za-z0-9._-]{1,255}) ([0-9]{1,10}) ([a-z]{0,20})\n")
_UNKNOWN = "another process"


class Busy(WdbcError):
    """A lock did not become free in time."""


@contextlib.contextmanager
def held(descriptor: int, name: str, *, where: str) -> Iterator[None]:
    """Hold the lock of an open file, then close the file.

    Raises:
        Busy: another process holds it for too long.
        WdbcError: the file system has no locks.
    """
    try:
        wait(lambda: _acquired(descriptor, where), name, where=where, holder=lambda: _holder(descriptor))
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def wait(attempt: Callable[[], bool], name: str, *, where: str, holder: Callable[[], str] = lambda: _UNKNOWN) -> None:
    """Attempt to take a lock until that succeeds.

    Raises:
        Busy: it did not within `SECONDS`.
    """
    began, pause, reported = time.monotonic(), _FIRST_PAUSE, False
    while not attempt():
        waited = time.monotonic() - began
        if waited > SECONDS:
            raise Busy(
                f"{name} was not free within {SECONDS:g} s: {holder()} holds it",
                where=where,
                hint="Wait until that process ends, or end it; then run this command again. Nothing was decided.",
            )
        if waited > _REPORT_SECONDS and not reported:
            reported = True
            _report(f"  waiting for {name}, held by {holder()}; at most {SECONDS:g} s")
        time.sleep(pause)  # and not in flock, which would have neither a limit nor, in a thread, an end
        pause = min(2 * pause, _LONGEST_PAUSE)


def _acquired(descriptor: int, where: str) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise WdbcError(
            f"the file system refuses a lock: {error.strerror}",
            where=where,
            hint="Use a disk that supports `flock`: a local one, or NFS 4.",
        ) from None
    return True


def _sign(descriptor: int) -> None:
    command = next((word for word in sys.argv[1:] if re.fullmatch("[a-z]{1,20}", word)), "")
    with contextlib.suppress(OSError):  # on a full disk the lock holds without a signature
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{socket.gethostname()} {os.getpid()} {command}\n".encode(), 0)


def _holder(descriptor: int) -> str:
    match = _SIGNATURE.fullmatch(os.pread(descriptor, 512, 0).decode("ascii", errors="replace"))
    if match is None:
        return _UNKNOWN
    host, process, command = match.groups()
    if host == socket.gethostname() and not _is_alive(int(process)):
        return _UNKNOWN  # the signature is an earlier holder's, which was killed
    return f"process {process}{f' ({command})' if command else ''} on {host}"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True


def _report(line: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # there may be no standard error
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
