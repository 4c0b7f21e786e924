"""Work beside the loop that answers, in threads that no end of the process waits for.

A store may hang. asyncio's own threads are waited for when the process ends; these are not.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_TICK_SECONDS = 0.25


def start(work: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
    """Start some work in a thread of its own; return its result to come."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: Any) -> None:
        if not result.done():  # nobody waits any more
            set_(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (result.set_result, work(*arguments))
        except Exception as error:  # noqa: BLE001 -- raised again where the result is waited for
            outcome = (result.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, *outcome)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError as error:  # there is no room for another thread
        result.set_exception(error)
    return result


async def repeat(look: Callable[[], None], seconds: float, *, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Call `look` for ever, with pauses, each time in a thread; and `meanwhile` in the loop, as long as that
    takes.

    `look` may hang; if it raises, or there is no thread for it, the next one follows as usual.
    """
    while True:
        looking = start(look)
        while not (await asyncio.wait([looking], timeout=_TICK_SECONDS))[0]:
            meanwhile()
        looking.exception()  # noted, so that asyncio does not complain of it
        await asyncio.sleep(seconds)
