"""Temporary files: without a name, so that a process that is killed leaves nothing behind, or in a folder."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from wdbc_assets.domain.errors import WdbcError


def unnamed() -> BinaryIO:
    """Return a new file, which the caller closes.

    Raises:
        WdbcError: it cannot be created.
    """
    with explained():
        return tempfile.TemporaryFile()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Make a folder that only this user can read, and remove it with all that is in it.

    Raises:
        WdbcError: it cannot be created.
    """
    with explained():
        made = tempfile.TemporaryDirectory(prefix="wdbc-", ignore_cleanup_errors=True)
    with made as path:
        yield Path(path)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raise WdbcError in place of an error of the operating system."""
    try:
        yield
    except OSError as error:
        raise WdbcError(
            f"a temporary file cannot be written: {error.strerror or error}",
            where=tempfile.tempdir or "",
            hint="Free disk space, or set TMPDIR to a folder on another disk.",
        ) from None
