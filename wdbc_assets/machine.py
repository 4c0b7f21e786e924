"""Operating-system failures (full disk, permissions, limits, damaged database) as errors with a hint.

An error of the operating system or of Dagster's database is not a bug in this package, wherever it is raised. The
command line and the steps of a run call `refusal` to tell the two apart.
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
_RIGHTS = "Fix its permissions, or run this command as its owner."
_NO_ANSWER = "Check that it is running and reachable, then try again."
_LOCKS = "Its file system does not support locks: use a folder on a local disk."
_HINTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "Raise the file size limit (`ulimit -f`), then try again.",
    errno.EROFS: "The file system is mounted read-only: use another folder.",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EMFILE: "Raise the limit of open files (`ulimit -n 4096`), then try again.",
    errno.ENFILE: "Too many files are open on this machine: stop some programs, then try again.",
    errno.EAGAIN: "Raise the process limit (`ulimit -u`), or stop some programs, then try again.",
    errno.ENOMEM: "Free some memory, then try again.",
    errno.EIO: "The disk is failing: check the system log.",
    errno.ESTALE: "The network folder was remounted: try again.",
    errno.ENOLCK: _LOCKS,
    errno.EOPNOTSUPP: _LOCKS,
    errno.ECONNREFUSED: _NO_ANSWER,
    errno.ECONNRESET: _NO_ANSWER,
    errno.ETIMEDOUT: _NO_ANSWER,
    errno.EHOSTUNREACH: _NO_ANSWER,
    errno.ENETUNREACH: _NO_ANSWER,
    errno.ENOENT: "It does not exist, or was removed in the meantime: check the path.",
    errno.EISDIR: "Remove that folder, or use another path.",
    errno.ENOTDIR: "A component of the path is a file: use another path.",
    errno.EEXIST: "Remove the existing file, or use another path.",
    errno.ENAMETOOLONG: "Use a shorter path.",
}
_KEPT = "The store keeps all versions."
_LOST = (
    "It was removed or moved away. Put it back, or restore it from a backup, to keep the recorded runs; without it,"
    f" Dagster begins a new one. {_KEPT}"
)
_SERVER = (
    "Start the database, or check the address, user and password in `storage:` there, then try again."
    f" {_KEPT} Assets that are stored already are not made again."
)
_LONGEST = 300
_FULL = {errno.ENOSPC, errno.EDQUOT}


def refusal(error: BaseException) -> WdbcError | None:
    """Return the error for an operating-system failure, or None for any other error: that is a bug in this package."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, WdbcError):
            return cause
        if isinstance(cause, MemoryError):
            return WdbcError("there is not enough memory", where="this machine", hint=_HINTS[errno.ENOMEM])
        if isinstance(cause, sqlite3.Error) or type(cause).__module__.startswith(("sqlalchemy.", "alembic.")):
            return _database_error(cause)
        if isinstance(cause, OSError) and cause.errno is not None:
            return _system_error(cause)
        cause = cause.__cause__
    return None


def _system_error(error: OSError) -> WdbcError:
    number = error.errno or 0
    if number == errno.ENOENT and error.filename is None and _current_folder() is None:
        return WdbcError("the current folder no longer exists", where="this shell", hint="Change to another folder.")
    named = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    where = " -> ".join(named)
    if not where:
        where = ", ".join(_full_places()) if number in _FULL else _current_folder() or ""
    return WdbcError(
        f"the operating system reported an error: {error.strerror or type(error).__name__}",
        where=where,
        hint=_HINTS.get(number, "Fix the cause, then try again."),
    )


def _database_error(error: BaseException) -> WdbcError:
    original = getattr(error, "orig", None) or error
    message = (str(original).splitlines() or [type(original).__name__])[0]
    in_files = original is error or isinstance(original, sqlite3.Error)
    where, hint = _of_files(message) if in_files else _of_server(error)
    return WdbcError(f"Dagster's run history cannot be used: {message}", where=str(where), hint=hint)


def _of_server(error: BaseException) -> tuple[Path, str]:
    """Return where the database server of the history is configured, and what helps."""
    away = type(error).__name__ in ("OperationalError", "InterfaceError")
    hint = _SERVER if away else "Check `storage:` there. After an update of Dagster, run `dagster instance migrate`."
    return settings.home() / "dagster.yaml", hint


def _of_files(message: str) -> tuple[Path, str]:
    """Return which SQLite file or folder of the history is the cause, and what helps."""
    home = settings.home()
    if "full" in message and home in _full_places().values():
        return home, _SPACE
    if "unable to open" in message or "readonly" in message or "disk I/O" in message:
        if (lost := next((folder for folder in (home, home / "history") if not folder.exists()), None)) is not None:
            return lost, _LOST
        folders = {home, *(path.parent for path in home.rglob("*.db"))}
        if (folder := next((path for path in sorted(folders) if not os.access(path, os.W_OK)), None)) is not None:
            return folder, f"It is read-only. {_RIGHTS} {_KEPT}"
    damaged = _damaged_database(home)
    hints = {
        "is full": _SPACE,
        "readonly": _RIGHTS,
        "unable to open": f"{_RIGHTS} If too many files are open: `ulimit -n 4096`.",
        "locked": "Another program has locked it: stop that program, then try again.",
    }
    move_away = f"Move it aside. Dagster creates a new one, without the recorded runs. {_KEPT}"
    hint = next((hint for part, hint in hints.items() if part in message and not damaged), move_away)
    return damaged or home, hint


def _damaged_database(home: Path) -> Path | None:
    """Return the first of Dagster's SQLite files that is unreadable or has no tables."""
    for path in sorted(home.rglob("*.db")):
        try:
            with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                intact = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
                tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.Error:
            return path
        if not intact or not tables:
            return path
    return None


def _full_places() -> dict[str, Path]:
    """Return the full folders, other than the store, that this package writes to, keyed by variable and path."""
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
    """Convert exceptions of Dagster's startup into an error that names the configuration file."""
    try:
        yield
    except Exception as error:
        converted = refusal(error)
        if converted is None:
            message = " ".join(str(error).split())
            converted = WdbcError(
                f"Dagster cannot start with this configuration: {type(error).__name__}: {message[:_LONGEST]}",
                where=str(home / "dagster.yaml"),
                hint="Fix that file, or replace it with the dagster.yaml of this project.",
            )
        raise converted from error
