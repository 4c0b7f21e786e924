"""Retry transient errors, within a number of attempts and a total time.

One loop serves every source on a network. It receives each failure as a `Fault`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from wdbc_assets.sources import deadline
from wdbc_assets.sources.errors import SourceRefused, SourceUnavailable
from wdbc_assets.sources.limits import Clock, Limits

Report = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why an attempt failed, in this package's own words: messages of network libraries contain URLs with secrets.

    It is a value and not an exception, so that no library's exception becomes its context.

    Attributes:
        what: what is wrong, as in `WdbcError`.
        passing: whether it is transient.
        hint: what the user can do about it.
        where: the place, if it is more specific than the source itself (a redirect, a proxy).
        retry_after: the wait in seconds that the server requests, or 0.
    """

    what: str
    passing: bool
    hint: str
    where: str = ""
    retry_after: float = 0.0


def persist(
    attempt: Callable[[], T | Fault],
    *,
    where: str,
    limits: Limits,
    clock: Clock,
    report: Report,
    give_up: Callable[[], None] = lambda: None,
) -> T:
    """Return the first result of `attempt` that is not a fault, within `limits`.

    Args:
        attempt: one attempt. It runs in its own thread and returns a `Fault` for every foreseeable failure.
        where: the source, as it may be shown.
        limits: attempts, waits and total time.
        clock: time and randomness.
        report: receives one line for each failed attempt that is followed by another.
        give_up: ends a running attempt; called when the total time is up.

    Raises:
        SourceRefused: an error that is not transient.
        SourceUnavailable: the attempts or the time are used up.
    """
    begin = clock.now()
    end = begin + limits.total_seconds
    tried = 0
    while True:
        tried += 1
        try:
            outcome = deadline.within(end - clock.now(), attempt, give_up=give_up)
        except deadline.DeadlinePassed:
            raise SourceUnavailable(
                f"no complete response within {limits.total_seconds:g} s",
                where=where,
                hint="Try again later, or raise WDBC_TOTAL_SECONDS.",
            ) from None
        if not isinstance(outcome, Fault):
            return outcome
        if not outcome.passing:
            raise SourceRefused(outcome.what, where=outcome.where or where, hint=outcome.hint)
        wait = _wait(tried, outcome.retry_after, limits, clock)
        if tried == limits.tries or clock.now() + wait >= end:
            spent = f"{tried} {'attempt' if tried == 1 else 'attempts'} in {clock.now() - begin:.1f} s"
            raise SourceUnavailable(f"{outcome.what} ({spent})", where=outcome.where or where, hint=outcome.hint)
        report(f"attempt {tried} of {limits.tries} failed: {outcome.what}; retrying in {wait:.1f} s")
        clock.sleep(wait)


def _wait(tried: int, retry_after: float, limits: Limits, clock: Clock) -> float:
    """Return the seconds until the next attempt: doubling, jittered by up to half, at least as requested, bounded."""
    growing = limits.first_wait_seconds * 2.0 ** (tried - 1) * (1 - clock.jitter() / 2)
    return min(max(growing, retry_after), limits.longest_wait_seconds)
