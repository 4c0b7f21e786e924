"""Termination signals: which ones are handled, and how a sequence of writes is protected from them."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt() -> None:
    """Let each of these signals interrupt this process, as Ctrl-C does.

    Non-interactive shells start background processes with Ctrl-C ignored, and Dagster handles TERM in the way it finds
    Ctrl-C handled. Only an ignored hang-up stays ignored, because `nohup` asks for that.
    """
    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def end() -> None:
    """Let each of these signals end this process silently: its work is done, and only its exit remains."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def deferred() -> Iterator[None]:
    """Defer termination signals until the block is done.

    Use it for the few writes that make up one decision. A process interrupted between two of them would report that it
    stopped, and the next command would nevertheless complete the decision.
    """
    if threading.current_thread() is not threading.main_thread():  # signals interrupt the main thread only
        yield
        return
    received: list[int] = []

    def remember(number: int, _: FrameType | None) -> None:
        received.append(number)

    handlers = {number: signal.signal(number, remember) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if received:
        signal.raise_signal(received[0])
