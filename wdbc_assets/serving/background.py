"""Background work in daemon threads, which do not delay the end of the process.

A store may hang. On shutdown asyncio waits for the threads of its executor, but not for these.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_TICK_SECONDS = 0.25


def start(work: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
    """Run a function in a new thread and return a future of its result."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: Any) -> None:
        if not result.done():  # it may have been cancelled
            set_(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (result.set_result, work(*arguments))
        except Exception as error:  # noqa: BLE001 -- raised where the future is awaited
            outcome = (result.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            loop.call_soon_threadsafe(settle, *outcome)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError as error:  # no further thread can be started
        result.set_exception(error)
    return result


async def repeat(
    poll: Callable[[], None],
    seconds: float,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Call `poll` forever, each time in a new thread, pausing between calls.

    While a call runs, `meanwhile` is called periodically in the event loop, so `poll` may hang. If `poll` raises or no
    thread can be started, the next call follows as usual.
    """
    while True:
        call = start(poll)
        while not (await asyncio.wait([call], timeout=_TICK_SECONDS))[0]:
            meanwhile()
        call.exception()  # retrieved, so that asyncio does not log it
        await asyncio.sleep(seconds)
