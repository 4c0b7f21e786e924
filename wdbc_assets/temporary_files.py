"""Files without a name, for what is larger than memory: a process that is killed leaves nothing of them behind."""

import contextlib
import tempfile
from collections.abc import Iterator
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
def explained() -> Iterator[None]:
    """Raise WdbcError in place of an error of the operating system."""
    try:
        yield
    except OSError as error:
        raise WdbcError(
            f"a table cannot be written to a temporary file: {error.strerror or error}",
            where=tempfile.tempdir or "",
            hint="Free disk space, or set TMPDIR to a folder on another disk.",
        ) from None
