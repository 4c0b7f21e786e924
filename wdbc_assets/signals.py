"""Signals that ask a process to end: which ones, and how a decision that is being written is not cut in two by them."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt() -> None:
    """Let each of these signals interrupt this process, as Ctrl-C does.

    A shell that is no terminal's starts what it puts into the background with Ctrl-C ignored, and Dagster handles TERM
    as it finds Ctrl-C handled. Only a hang-up that is ignored stays ignored, because that is what `nohup` asks for.
    """
    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def end() -> None:
    """Let each of these signals end this process silently: its work is done, and only its exit is left."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def deferred() -> Iterator[None]:
    """Let a signal that asks to end wait until the block is done.

    It is for the few writes of one decision: interrupted between two of them, it would be completed by the next
    command, after this one said that it stopped.
    """
    if threading.current_thread() is not threading.main_thread():  # no signal interrupts any other
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
