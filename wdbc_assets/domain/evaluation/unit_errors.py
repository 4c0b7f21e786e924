"""The error of a failed unit of work: which one it is, and why it failed."""

import traceback

from wdbc_assets.domain.errors import WdbcError


def failure(unit: str, cause: Exception) -> WdbcError:
    """Return an error that names the unit and the reason; for unexpected exceptions also their type and location."""
    if isinstance(cause, WdbcError):
        return WdbcError(f"{unit}: {cause.what}", where=cause.where, hint=cause.hint, detail=cause.detail)
    if isinstance(cause, MemoryError):
        return WdbcError(f"{unit}: memory ran out", hint="Use fewer workers: `--workers 1`.")
    *_, place = traceback.extract_tb(cause.__traceback__)
    return WdbcError(
        f"{unit}: {type(cause).__name__}: {cause}",
        where=f"{place.filename}, line {place.lineno}",
        hint="Correct the recipe, or leave it out.",
    )
