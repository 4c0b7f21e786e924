"""Locks between processes. Waiting for a lock is reported, has a time limit, and ends on a signal.

The kernel releases the lock of a process that dies. The holder writes its name into the file, so that a waiting process
can report it.
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
"""How long a process waits. A holder needs these locks for far less than a second."""

_REPORT_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
_SIGNATURE = re.compile(r"([A-Za-z0-9._-]{1,255}) ([0-9]{1,10}) ([a-z]{0,20})\n")
_UNKNOWN = "another process"


class Busy(WdbcError):
    """A lock was not released in time."""


@contextlib.contextmanager
def held(descriptor: int, name: str, *, where: str) -> Iterator[None]:
    """Hold the lock of an open file, then close the file.

    Raises:
        Busy: another process holds the lock for too long.
        WdbcError: the file system does not support locks.
    """
    try:
        wait(lambda: _acquired(descriptor, where), name, where=where, holder=lambda: _holder(descriptor))
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def wait(attempt: Callable[[], bool], name: str, *, where: str, holder: Callable[[], str] = lambda: _UNKNOWN) -> None:
    """Attempt to acquire a lock until that succeeds.

    Raises:
        Busy: it did not succeed within `SECONDS`.
    """
    began, pause, reported = time.monotonic(), _FIRST_PAUSE, False
    while not attempt():
        waited = time.monotonic() - began
        if waited > SECONDS:
            raise Busy(
                f"timed out after {SECONDS:g} s waiting for {name}, which {holder()} holds",
                where=where,
                hint="Wait until that process ends, or end it, then run this command again. Nothing was changed.",
            )
        if waited > _REPORT_SECONDS and not reported:
            reported = True
            _report(f"  waiting for {name}, held by {holder()}; at most {SECONDS:g} s")
        time.sleep(pause)  # a blocking flock has no time limit, and in a thread no signal ends it
        pause = min(2 * pause, _LONGEST_PAUSE)


def _acquired(descriptor: int, where: str) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise WdbcError(
            f"the file system does not support locks: {error.strerror}",
            where=where,
            hint="Use a disk that supports `flock`: a local one, or NFS 4.",
        ) from None
    return True


def _sign(descriptor: int) -> None:
    command = next((word for word in sys.argv[1:] if re.fullmatch("[a-z]{1,20}", word)), "")
    with contextlib.suppress(OSError):  # on a full disk the lock works without a signature
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{socket.gethostname()} {os.getpid()} {command}\n".encode(), 0)


def _holder(descriptor: int) -> str:
    match = _SIGNATURE.fullmatch(os.pread(descriptor, 512, 0).decode("ascii", errors="replace"))
    if match is None:
        return _UNKNOWN
    host, process, command = match.groups()
    if host == socket.gethostname() and not _is_alive(int(process)):
        return _UNKNOWN  # the signature is that of an earlier holder that was killed
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
