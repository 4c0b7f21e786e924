"""Asking again after transient errors, within a stated number of tries and a stated total time.

One loop for every source that is reached over a network; what went wrong is told to it as a `Fault`.
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
    """Why a try failed, in words of our own: the messages of network libraries carry whole URLs, secrets included.

    A value and not an exception, so that no library's exception hangs on it as its context.

    Attributes:
        what: what is wrong, as `WdbcError` has it.
        passing: whether it is transient.
        hint: what the user can do about it.
        where: the place if it is more than the source itself (a redirect, a proxy).
        retry_after: the seconds that the server asks to wait, if it does.
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
    """What `attempt` returns that is no fault, tried as long as `limits` allow.

    Args:
        attempt: one try; it runs in a thread of its own and returns a `Fault` for whatever can be foreseen.
        where: the source as it may be shown.
        limits: tries, waits and total time.
        clock: time and chance.
        report: told of each try that failed and is followed by another, in one line.
        give_up: makes a running attempt end; called when the total time has passed.

    Raises:
        SourceRefused: an error that is not transient.
        SourceUnavailable: the tries or the time are used up.
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
                f"there was no whole answer within {limits.total_seconds:g} s",
                where=where,
                hint="Try again later, or raise the limit total_seconds.",
            ) from None
        if not isinstance(outcome, Fault):
            return outcome
        if not outcome.passing:
            raise SourceRefused(outcome.what, where=outcome.where or where, hint=outcome.hint)
        wait = _wait(tried, outcome.retry_after, limits, clock)
        if tried == limits.tries or clock.now() + wait >= end:
            spent = f"{tried} {'try' if tried == 1 else 'tries'} in {clock.now() - begin:.1f} s"
            raise SourceUnavailable(f"{outcome.what} ({spent})", where=outcome.where or where, hint=outcome.hint)
        report(f"try {tried} of {limits.tries}: {outcome.what}; next in {wait:.1f} s")
        clock.sleep(wait)


def _wait(tried: int, retry_after: float, limits: Limits, clock: Clock) -> float:
    """Seconds until the next try: doubling, jittered down by up to half, no sooner than asked for, and bounded."""
    growing = limits.first_wait_seconds * 2.0 ** (tried - 1) * (1 - clock.jitter() / 2)
    return min(max(growing, retry_after), limits.longest_wait_seconds)
