"""Paths as users write them: in settings, on the command line, and as arguments of the Python API."""

import os
from pathlib import Path

from wdbc_assets.domain.errors import WdbcError


def located(text: str, *, relative_to: Path, name: str) -> Path:
    """Return the absolute path that a user means: `~` stands for a home folder, and the rest is relative to a folder.

    Args:
        text: The path as the user wrote it.
        relative_to: The folder that a relative path starts from.
        name: The setting or argument, for the error.

    Raises:
        WdbcError: there is no such user, or the text can be no path.
    """
    _require_path(text, name)
    try:
        return (relative_to / Path(text).expanduser()).absolute()
    except RuntimeError:
        raise WdbcError(
            f"the home folder of the user {text.partition('/')[0]!a} is unknown",
            where=name,
            hint="Write the whole path, or correct the name behind the ~.",
        ) from None


def given(value: object, *, name: str) -> str:
    """Return the path of a str or PathLike object. The object itself is never shown: it may be a table of patients.

    Raises:
        WdbcError: it is no path.
    """
    try:
        text = os.fsdecode(os.fspath(value))  # type: ignore[call-overload]
    except TypeError:
        raise WdbcError(
            f"a path is needed, not an object of type {type(value).__name__}",
            where=name,
            hint="Pass a str or a pathlib.Path.",
        ) from None
    _require_path(text, name)
    return str(text)


def _require_path(text: str, name: str) -> None:
    try:
        possible = text and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half of a surrogate pair
        possible = False
    if not possible:
        raise WdbcError(
            "the path is empty, or contains a character that no path can contain",
            where=name,
            hint="Correct the path.",
        )
