"""The central log: JSON lines, rotating, with run and asset; no credential and no patient's value gets in.

Everything in the package logs to one logger, `wdbc_assets`. Its records go to this file, to Dagster's event log
(`managed_python_loggers` in dagster.yaml), and to the terminal of `wdbc run`. What they say is in the message; what a
machine may want to sort by is in `extra` under the names in FIELDS. `extra["error"]` carries a WdbcError whose `detail`
is for the terminal only.
"""

import json
import logging
import logging.handlers
import os
from datetime import UTC, datetime
from pathlib import Path

from wdbc_assets import safe_text
from wdbc_assets.domain.errors import WdbcError

logger = logging.getLogger("wdbc_assets")

FIELDS = ("event", "asset", "run_id", "rows", "seconds", "version")
_LARGEST_BYTES = 5 * 2**20
_KEPT_FILES = 5


def _make_harmless(record: logging.LogRecord) -> bool:
    """Put the message of a record right before any handler has it: Dagster's is among them."""
    record.msg, record.args = _harmless(record), ()
    return True


def _harmless(record: logging.LogRecord) -> str:
    """Return the message of a record without secrets, and with nothing in it that steers a terminal."""
    return safe_text.printable(safe_text.redact(record.getMessage()))


logger.addFilter(_make_harmless)


class JsonLines(logging.Formatter):
    """One JSON object a record."""

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
    """A rotating file that several processes write: reopened when another process has rotated it away."""

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
            self.stream.close()
            self.stream = None  # if it cannot be opened: at the next record
            self.stream = self._open()


def open_log(location: str, *, relative_to: Path) -> None:
    """Send the package's records to the central log from now on; calling it again changes nothing.

    Raises:
        WdbcError: the file cannot be written.
    """
    path = (relative_to / Path(location).expanduser()).absolute()
    if any(isinstance(known, _SharedFile) and known.baseFilename == str(path) for known in logger.handlers):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _SharedFile(path, maxBytes=_LARGEST_BYTES, backupCount=_KEPT_FILES, encoding="utf-8")
    except OSError as error:
        raise WdbcError(
            f"the log cannot be written: {error.strerror}",
            where=str(path),
            mend="Set WDBC_LOG to another file.",
        ) from None
    handler.setFormatter(JsonLines())
    handler.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
