"""Progress reports of asset functions, as log records."""

import time
from collections.abc import Mapping
from typing import Any, Protocol

from wdbc_assets import logs

_SECONDS_BETWEEN_REPORTS = 1.0
_SHORTEST_SHOWN_SECONDS = 5.0


class Report(Protocol):
    """Receives the progress of an asset: a message and, if countable, the number of finished units and the total."""

    def __call__(self, message: str, done: int | None = None, total: int | None = None) -> None:
        """Report progress."""


class Progress:
    """Progress of one asset: a message, the number of finished units, and an estimate of the time left."""

    def __init__(self, asset: str, fields: Mapping[str, Any]) -> None:
        self._asset = asset
        self._fields = fields
        self._reported = 0.0
        self._paced: tuple[float, int] | None = None

    def __call__(self, message: str, done: int | None = None, total: int | None = None) -> None:
        """Log the progress, at most once per second."""
        # Each record becomes a row in Dagster's database.
        now = time.monotonic()
        if total is not None and done != total and now - self._reported < _SECONDS_BETWEEN_REPORTS:
            return
        self._reported = now
        counted = f"{message} {done}/{total}" if total is not None else message
        if done is not None and total is not None:
            counted += self._time_left(done, total, now)
        logs.logger.info("%s: %s", self._asset, counted, extra={**self._fields, "progress": counted})

    def _time_left(self, done: int, total: int, now: float) -> str:
        """Return the estimated time left at the pace since the first report; empty if it is short or unknown."""
        self._paced = self._paced or (now, done)
        since, done_then = self._paced
        if done in (total, done_then):
            return ""
        seconds = (now - since) / (done - done_then) * (total - done)
        return f", {seconds:.0f} s left" if seconds >= _SHORTEST_SHOWN_SECONDS else ""
