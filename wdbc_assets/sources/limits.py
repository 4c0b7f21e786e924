"""How long, how often and how much: the numbers that bound every fetch, and the clock that tests replace.

This is the file in which to change a time-out. What the numbers are applied to stands in `retrying`, `files`,
`objects` and `http`.
"""

import dataclasses
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from wdbc_assets.domain.errors import WdbcError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one fetch. The real file has 124,103 bytes and comes in well under a second.

    Attributes:
        connect_seconds: longest wait for a connection, its TLS handshake included.
        read_seconds: longest silence of a server that has been connected.
        total_seconds: longest duration of the whole fetch: every try, redirect and wait between tries.
        tries: how often a source is asked before it counts as unavailable.
        first_wait_seconds: the wait after the first try; it doubles with each further one, jittered between half
            and the whole of it so that many clients do not come back at once.
        longest_wait_seconds: the bound of any single wait, also of one that a server asks for with `Retry-After`.
        redirects: how many redirects are followed.
        largest_bytes: the largest content, counted after decompression; the default is 500 times the real file.

    Raises:
        WdbcError: a number that is not finite, or below 1 for a count, or not above 0 for a duration.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 60.0
    tries: int = 4
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 15.0
    redirects: int = 5
    largest_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise WdbcError(f"the limit {field.name} is {value}", hint="Give a finite number above 0.")


DEFAULT = Limits()
"""For a run: patient enough for a server that restarts."""

QUICK = Limits(connect_seconds=3.0, read_seconds=5.0, total_seconds=10.0, tries=1)
"""For a sensor's look: asked once, and ended in time for the next tick."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, in one place so that a test of waits does not wait.

    Attributes:
        now: seconds that only grow.
        sleep: waits for some seconds.
        jitter: a number in [0, 1).
        today: the wall clock, in UTC, against which a date in `Retry-After` is read.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    today: Callable[[], datetime] = lambda: datetime.now(UTC)


REAL_CLOCK = Clock()
