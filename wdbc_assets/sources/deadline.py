"""Run work that may hang, and stop waiting for it after a time limit.

A socket timeout bounds a single silence, not their sum: a server that sends one byte per second never triggers it, not
even in its headers, and name resolution has no timeout. The work therefore runs in a thread of its own. The caller
stops waiting when the time is up, or as soon as it is interrupted.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

THREAD_NAME = "wdbc-source"

T = TypeVar("T")


class DeadlinePassed(Exception):
    """The work did not finish in time."""


def within(seconds: float, work: Callable[[], T], *, give_up: Callable[[], None]) -> T:
    """Return what `work` returns, or raise what it raises, if it finishes within `seconds`.

    Otherwise call `give_up`, which should end the work by cutting its connections, and drop the outcome. A thread that
    continues even so does not keep the process alive.

    Raises:
        DeadlinePassed: the time is up.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 -- raised again by the waiting thread
            outcome.set_exception(error)

    threading.Thread(target=run, name=THREAD_NAME, daemon=True).start()
    in_time = False
    try:
        in_time = bool(wait([outcome], timeout=max(seconds, 0.0)).done)
    finally:
        if not in_time:
            give_up()
    if not in_time:  # even if it has ended meanwhile: that its connection was cut is not the reason
        raise DeadlinePassed
    return outcome.result()
