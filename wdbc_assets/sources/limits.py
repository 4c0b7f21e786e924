"""The limits of every fetch, and a clock that tests can replace.

Change timeouts here. The limit of size is applied here, those of attempts and time in `retrying` and `http`.
"""

import dataclasses
import io
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.sources.errors import SourceRefused

CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one fetch. The real file has 124,103 bytes and downloads in well under a second.

    Attributes:
        connect_seconds: timeout for a connection, including the TLS handshake.
        read_seconds: timeout for a read from a connected server.
        total_seconds: time limit of the whole fetch: all attempts, redirects and waits between attempts.
        tries: maximum number of attempts before the source counts as unavailable.
        first_wait_seconds: the wait after the first attempt. It doubles with each further attempt, and is jittered down
            by up to half so that many clients do not return at the same moment.
        longest_wait_seconds: the limit of a single wait, including one that a server requests with `Retry-After`.
        redirects: maximum number of redirects to follow.
        largest_bytes: maximum size of the content after decompression; the default is 500 times the real file.
        rows_in_memory: number of rows above which a table is held in a temporary file; see `large_tables`.

    Raises:
        WdbcError: a limit is not a finite number above 0.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 60.0
    tries: int = 4
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 15.0
    redirects: int = 5
    largest_bytes: int = 64 * 2**20
    rows_in_memory: int = 2_000_000

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise WdbcError(f"the limit {field.name} is {value}", hint="Use a finite number above 0.")


DEFAULT = Limits()
"""For a run: long enough to survive a restart of the server."""

QUICK = Limits(connect_seconds=3.0, read_seconds=5.0, total_seconds=10.0, tries=1)
"""For a sensor's check: one attempt that ends before the next tick."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and randomness in one place, so that tests of waits do not wait.

    Attributes:
        now: monotonic time in seconds.
        sleep: waits for a number of seconds.
        jitter: returns a number in [0, 1).
        today: the wall clock in UTC, for dates in `Retry-After`.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    today: Callable[[], datetime] = lambda: datetime.now(UTC)


REAL_CLOCK = Clock()


def read_up_to(largest_bytes: int, stream: BinaryIO, *, where: str) -> bytes:
    """Return the rest of `stream`.

    Raises:
        SourceRefused: it is larger than `largest_bytes`; no more than that is held in memory.
    """
    return collect(iter(lambda: stream.read(CHUNK_BYTES), b""), largest_bytes, where=where)


def collect(chunks: Iterable[bytes], largest_bytes: int, *, where: str) -> bytes:
    """Return the chunks as one content.

    Raises:
        SourceRefused: it is larger than `largest_bytes`; no more than that and one chunk is held in memory.
    """
    content = io.BytesIO()
    content.writelines(up_to(largest_bytes, chunks, where=where))
    return content.getvalue()


def up_to(largest_bytes: int, chunks: Iterable[bytes], *, where: str) -> Iterator[bytes]:
    """Yield the chunks.

    Raises:
        SourceRefused: all together are larger than `largest_bytes`; the one that is too much is not yielded.
    """
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > largest_bytes:
            raise too_large(largest_bytes, where=where)
        yield chunk


def too_large(largest_bytes: int, *, where: str) -> SourceRefused:
    """Return the error for content larger than `largest_bytes`, for any kind of source."""
    return SourceRefused(
        f"the content is larger than {largest_bytes:,} bytes",
        where=where,
        hint="Check that this is the right source; if it is, raise WDBC_LARGEST_BYTES.",
    )
