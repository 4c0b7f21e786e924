"""The standard streams in any condition: closed, full, a pipe without a reader, or another encoding.

Output that cannot be written never aborts a command: the rest is discarded, and `lost` reports it when the work is
done.
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

    The next file opened would get the descriptor of a closed stream, and printed text would be written into that file.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor: this one
    sys.stdout = sys.stdout or _null_stream()
    sys.stderr = sys.stderr or _null_stream()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, *, err: bool = False) -> None:
    """Write text to stdout or stderr, with colours only on a terminal and unless NO_COLOR is set."""
    colour = False if os.environ.get("NO_COLOR") else None
    try:
        click.echo(text, nl=False, err=err, color=colour)
    except OSError as error:
        _lost.append(error)
        _discard(sys.stderr if err else sys.stdout)


def flush() -> None:
    """Write what is buffered, such as the help that click prints, or discard it if it cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            _lost.append(error)
            _discard(stream)


def lost() -> OSError | None:
    """Return the first error of writing output, if there was one."""
    return _lost[0] if _lost else None


def is_broken_pipe(error: OSError) -> bool:
    """Return whether the reader has closed the pipe, as `head` does."""
    return error.errno in {errno.EPIPE, errno.ESHUTDOWN}


def _null_stream() -> io.TextIOWrapper:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 -- stays open while the process lives


def _discard(stream: object) -> None:
    # Buffered text would otherwise fail again when the interpreter exits.
    with contextlib.suppress(OSError, ValueError):
        if isinstance(stream, io.TextIOWrapper):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
