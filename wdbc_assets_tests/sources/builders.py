"""Limits that are short, a clock that does not wait, and one call that fetches with both."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from wdbc_assets import sources
from wdbc_assets.sources.limits import Clock, Limits

TODAY = datetime(2026, 1, 15, 12, 0, 0, tzinfo=UTC)


def short(**overrides: Any) -> Limits:
    """Limits under which a fault shows in half a second."""
    return Limits(**{"connect_seconds": 2.0, "read_seconds": 0.3, "total_seconds": 5.0, **overrides})


@dataclass
class Waits:
    """A clock that remembers the waits asked for instead of waiting, and counts them as passed."""

    asked: list[float] = field(default_factory=list)
    jitter: float = 0.0

    def clock(self) -> Clock:
        return Clock(
            now=lambda: time.monotonic() + sum(self.asked),
            sleep=self.asked.append,
            jitter=lambda: self.jitter,
            today=lambda: TODAY,
        )


@dataclass
class Fetching:
    """Fetches, and keeps what was reported and waited."""

    waits: Waits = field(default_factory=Waits)
    reported: list[str] = field(default_factory=list)

    def __call__(self, address: str, limits: Limits | None = None, **options: Any) -> Any:
        return sources.parse(address).fetch(
            limits=limits or short(),
            clock=self.waits.clock(),
            report=self.reported.append,
            **options,
        )
