"""The standard streams, whatever they are: closed, full, a pipe that nobody reads, or of another encoding.

Output that cannot be written never ends a command in the middle of its work: the rest goes nowhere, and `lost` reports
it when the work is done.
"""

import contextlib
import errno
import io
import os
import sys

import click

_lost: list[OSError] = []


def secure() -> None:
    """Make the three streams usable, before anything is opened or printed.

    A closed one would lend its number to the next file that is opened, and whatever is printed would be written there.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, *, err: bool = False) -> None:
    """Write text to stdout or stderr; colours only to a terminal, and not where NO_COLOR forbids them."""
    colour = False if os.environ.get("NO_COLOR") else None
    try:
        click.echo(text, nl=False, err=err, color=colour)
    except OSError as error:
        _lost.append(error)
        _send_nowhere(sys.stderr if err else sys.stdout)


def lost() -> OSError | None:
    """Return why output could not be written, if any could not."""
    return _lost[0] if _lost else None


def is_broken_pipe(error: OSError) -> bool:
    """Return whether the reader has gone, as `head` does when it has seen enough."""
    return error.errno in {errno.EPIPE, errno.ESHUTDOWN}


def _nowhere() -> io.TextIOWrapper:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 -- open for as long as the process lives


def _send_nowhere(stream: object) -> None:
    # What is still buffered would fail once more when the interpreter ends.
    with contextlib.suppress(OSError, ValueError):
        if isinstance(stream, io.TextIOWrapper):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
