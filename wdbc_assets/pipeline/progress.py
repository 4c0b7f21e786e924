"""What an asset's function reports while it works: as records of the log, often enough to see that work goes on."""

import time
from collections.abc import Mapping
from typing import Any

from wdbc_assets import logs

_SECONDS_BETWEEN_REPORTS = 1.0
_WORTH_SAYING_SECONDS = 5.0


class Progress:
    """Reports of one asset: a message, and how many of how many are done; with the time left, once that can be told."""

    def __init__(self, asset: str, fields: Mapping[str, Any]) -> None:
        self._asset = asset
        self._fields = fields
        self._reported = 0.0
        self._paced: tuple[float, int] | None = None

    def __call__(self, message: str, done: int | None = None, total: int | None = None) -> None:
        """Report, unless the last report was a moment ago."""
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
        """Say how long the rest takes at the pace since the first report, once that is worth saying."""
        self._paced = self._paced or (now, done)
        since, done_then = self._paced
        if done in (total, done_then):
            return ""
        seconds = (now - since) / (done - done_then) * (total - done)
        return f", {seconds:.0f} s left" if seconds >= _WORTH_SAYING_SECONDS else ""
