"""The central log: rotated JSON lines with run and asset, without credentials or patients' values.

The whole package logs to one logger, `wdbc_assets`. Its records go to this file, to Dagster's event log
(`managed_python_loggers` in dagster.yaml) and to the terminal of `wdbc run`. The message is for people; fields for
machines are passed in `extra` under the names in FIELDS. `extra["error"]` carries a WdbcError, whose `detail` is shown
on the terminal only.
"""

import contextlib
import io
import json
import logging
import logging.handlers
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from wdbc_assets import safe_text, user_paths
from wdbc_assets.domain.errors import WdbcError

logger = logging.getLogger("wdbc_assets")

FIELDS = ("event", "asset", "partition", "run_id", "rows", "seconds", "version")
_LARGEST_BYTES = 5 * 2**20
_KEPT_FILES = 5


def _make_harmless(record: logging.LogRecord) -> bool:
    """Sanitize a record's message before any handler, Dagster's included, receives it."""
    record.msg, record.args = _harmless(record), ()
    return True


def _harmless(record: logging.LogRecord) -> str:
    """Return a record's message without secrets and without terminal control characters."""
    return safe_text.printable(safe_text.redact(record.getMessage()))


logger.addFilter(_make_harmless)


class JsonLines(logging.Formatter):
    """Format each record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": _harmless(record),
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        return json.dumps(line, ensure_ascii=False)


class _SharedFile(logging.handlers.RotatingFileHandler):
    """A rotating file that several processes write to; it is reopened after another process has rotated it.

    A record that cannot be written (full disk) is dropped: work goes on, and `incomplete` reports the loss at the end.
    """

    failure: OSError | None = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- logging's own name
        """Record why a record could not be written."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self.failure = error
        self._drop()

    def _drop(self) -> None:
        """Close the file. The next record opens it again."""
        if self.stream is not None:
            with contextlib.suppress(OSError):  # the rest of the buffer cannot be written
                self.stream.close()
            self.stream = None

    def _open(self) -> io.TextIOWrapper:
        # Without O_NONBLOCK, opening a pipe that has no reader would block. Only the owner may read the log.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self.baseFilename, flags, 0o600)
        os.set_blocking(descriptor, True)
        return open(descriptor, "a", encoding="utf-8")  # noqa: PTH123 -- a path has no descriptor

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._follow()
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def _follow(self) -> None:
        if self.stream is None:
            self.stream = self._open()
        try:
            moved = Path(self.baseFilename).stat().st_ino != os.fstat(self.stream.fileno()).st_ino
        except FileNotFoundError:
            moved = True
        if moved:
            self._drop()  # if reopening fails, the next record tries again
            self.stream = self._open()


def incomplete() -> str | None:
    """Return why the log is incomplete, or None if it is complete."""
    for handler in logger.handlers:
        if isinstance(handler, _SharedFile) and handler.failure is not None:
            reason = f"{handler.failure.strerror}: {handler.baseFilename}"
            return f"the log is incomplete: {reason}; set WDBC_LOG to another file"
    return None


def open_log(location: str, *, relative_to: Path) -> None:
    """Write the package's records to the central log from now on. Further calls have no effect.

    Raises:
        WdbcError: the file cannot be written.
    """
    path = user_paths.located(location, relative_to=relative_to, name="WDBC_LOG")
    if any(isinstance(known, _SharedFile) and known.baseFilename == str(path) for known in logger.handlers):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _SharedFile(path, maxBytes=_LARGEST_BYTES, backupCount=_KEPT_FILES, encoding="utf-8")
    except OSError as error:
        raise WdbcError(
            f"the log cannot be written: {error.strerror}",
            where=str(path),
            hint="Set WDBC_LOG to another file.",
        ) from None
    handler.setFormatter(JsonLines())
    handler.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
