"""What the machine refuses (a full disk, permissions, limits, a damaged database), as an error to act on.

An error of the operating system or of Dagster's database is no fault of this package, wherever it is raised: the
command line and the steps of a run ask here before they call it one.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError

_SPACE = "Free some space (or inodes) there, then try again."
_RIGHTS = "Correct its permissions, or run this as the user that it belongs to."
_NO_ANSWER = "Check that it runs and can be reached, then try again."
_LOCKS = "Its file system takes no locks: use a folder on a local disk."
_HINTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "Raise the limit of a file's size (`ulimit -f`), then try again.",
    errno.EROFS: "It is mounted read-only: choose another folder.",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EMFILE: "Raise the limit of open files (`ulimit -n 4096`), then try again.",
    errno.ENFILE: "The whole machine has too many open files: end some programs, then try again.",
    errno.EAGAIN: "Raise the limit of processes (`ulimit -u`), or end some programs, then try again.",
    errno.ENOMEM: "Free some memory, then try again.",
    errno.EIO: "The disk fails: look into the machine's log.",
    errno.ESTALE: "The network folder was mounted again: try again.",
    errno.ENOLCK: _LOCKS,
    errno.EOPNOTSUPP: _LOCKS,
    errno.ECONNREFUSED: _NO_ANSWER,
    errno.ECONNRESET: _NO_ANSWER,
    errno.ETIMEDOUT: _NO_ANSWER,
    errno.EHOSTUNREACH: _NO_ANSWER,
    errno.ENETUNREACH: _NO_ANSWER,
    errno.ENOENT: "It is not there, or was removed meanwhile: look at the path.",
    errno.EISDIR: "Remove that folder, or choose another path.",
    errno.ENOTDIR: "A part of the path is a file: choose another path.",
    errno.EEXIST: "Remove what lies there, or choose another path.",
    errno.ENAMETOOLONG: "Choose a shorter path.",
}
_LONGEST = 300
_FULL = {errno.ENOSPC, errno.EDQUOT}


def refusal(error: BaseException) -> WdbcError | None:
    """Return what the machine refused, or None for anything else: that is a fault of this package."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, WdbcError):
            return cause
        if isinstance(cause, MemoryError):
            return WdbcError("there is not enough memory", where="this machine", hint=_HINTS[errno.ENOMEM])
        if isinstance(cause, sqlite3.Error) or type(cause).__module__.startswith(("sqlalchemy.", "alembic.")):
            return _of_database(cause)
        if isinstance(cause, OSError) and cause.errno is not None:
            return _of_system(cause)
        cause = cause.__cause__
    return None


def _of_system(error: OSError) -> WdbcError:
    number = error.errno or 0
    if number == errno.ENOENT and error.filename is None and _current_folder() is None:
        return WdbcError("the current folder no longer exists", where="this shell", hint="Change to another folder.")
    named = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    where = " -> ".join(named)
    if not where:
        where = ", ".join(_full_places()) if number in _FULL else _current_folder() or ""
    return WdbcError(
        f"the machine refuses it: {error.strerror or type(error).__name__}",
        where=where,
        hint=_HINTS.get(number, "Correct that, then try again."),
    )


def _of_database(error: BaseException) -> WdbcError:
    original = getattr(error, "orig", None) or error
    message = (str(original).splitlines() or [type(original).__name__])[0]
    home = settings.home()
    full = "full" in message and home in _full_places().values()
    damaged = _damaged_database(home)
    hints = {
        "is full": _SPACE,
        "readonly": _RIGHTS,
        "unable to open": f"{_RIGHTS} Or too many files are open: `ulimit -n 4096`.",
        "locked": "Another program holds it: end that program, then try again.",
    }
    move_away = (
        "Move it away, and Dagster makes a new one, without the runs recorded in it. The store keeps every version."
    )
    hint = next((hint for part, hint in hints.items() if part in message and not damaged), move_away)
    return WdbcError(
        f"Dagster's history cannot be used: {message}",
        where=str(home if full else damaged or home),
        hint=hint,
    )


def _damaged_database(home: Path) -> Path | None:
    """Return the first of Dagster's SQLite files that cannot be read, or holds no table."""
    for path in sorted(home.rglob("*.db")):
        try:
            with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
                tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.Error:
            return path
        if not whole or not tables:
            return path
    return None


def _full_places() -> dict[str, Path]:
    """Return the folders that this package writes to besides the store, and that are full, by their variable."""
    return {f"{name}={folder}": folder for name, folder in settings.writable_folders() if _is_full(folder)}


def _is_full(folder: Path) -> bool:
    try:
        state = os.statvfs(folder)
    except OSError:
        return False
    return state.f_bavail == 0 or (state.f_files > 0 and state.f_favail == 0)


def _current_folder() -> str | None:
    try:
        return str(Path.cwd())
    except OSError:
        return None


@contextlib.contextmanager
def dagster_configuration(home: Path) -> Iterator[None]:
    """Turn what Dagster raises while it opens its instance into an error that names the file to correct."""
    try:
        yield
    except Exception as error:
        found = refusal(error)
        if found is None:
            message = " ".join(str(error).split())
            found = WdbcError(
                f"Dagster cannot be opened as it is configured: {type(error).__name__}: {message[:_LONGEST]}",
                where=str(home / "dagster.yaml"),
                hint="Correct that file, or put the dagster.yaml of this project in its place.",
            )
        raise found from error
