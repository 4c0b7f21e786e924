"""Work that may hang, waited for no longer than stated.

A time-out of a socket bounds one silence, not the sum of them: a server that sends a byte a second, in its headers
already, never trips it, and looking up a name has no time-out at all. So the work runs in a thread of its own, and the
caller stops waiting when the time has passed, or at once when it is interrupted.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

THREAD_NAME = "wdbc-source"

T = TypeVar("T")


class DeadlinePassed(Exception):
    """The work was not done in time."""


def within(seconds: float, work: Callable[[], T], *, give_up: Callable[[], None]) -> T:
    """What `work` returns or raises, if it does so within `seconds`.

    If not, `give_up` is called, which is to make the work end by cutting what it waits for; its outcome is dropped.
    A thread that goes on even so keeps no process alive.

    Raises:
        DeadlinePassed: the time has passed.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 -- raised again by the waiting thread
            outcome.set_exception(error)

    threading.Thread(target=run, name=THREAD_NAME, daemon=True).start()
    try:
        wait([outcome], timeout=max(seconds, 0.0))
    finally:
        if not outcome.done():
            give_up()
    if not outcome.done():
        raise DeadlinePassed
    return outcome.result()
