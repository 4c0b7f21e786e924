"""Delivery of what waits in the outbox, in a process of its own: `python -m wdbc_assets.monitoring.alerts.sending`.

A command starts the process and waits for a moment at most. So a channel that hangs delays neither a run nor the
daemon, and Apprise is imported by no other process. Each channel is served by a thread, in the order of its messages;
a lock for each channel excludes other processes. What is not accepted is tried again for two minutes, so that a channel
that is away for a moment needs nobody who looks again, and after that by the next process.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts import channels, outbox
from wdbc_assets.settings import AlertChannel

SECONDS = 120.0
"""How long the process may take."""

_COMMAND = [sys.executable, "-m", __name__]
_LOCK_SECONDS = 5.0
_PAUSE = 0.05


def start() -> None:
    """Start the process. It ends by itself, and nobody needs to wait for it.

    Raises:
        WdbcError: the process cannot be started.
    """
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(  # noqa: S603 -- this interpreter and this module
            _COMMAND, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )
    except OSError as error:
        raise WdbcError(
            f"alerts cannot be sent now: {error.strerror}",
            where="this machine",
            hint="They wait in the outbox, and are sent by the next run.",
        ) from None
    threading.Thread(target=process.wait, daemon=True).start()  # a process that nobody waits for stays a zombie


def deliver(home: Path, served: Sequence[AlertChannel], *, seconds: float = SECONDS) -> None:
    """Serve all channels at the same time, and return when nothing waits any more, or at the end of the time."""
    deadline = time.monotonic() + seconds
    threads = {
        channel.name: threading.Thread(target=_serve, args=(home, channel, deadline), daemon=True) for channel in served
    }
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(deadline - time.monotonic(), 0.0))
    late = [name for name, thread in threads.items() if thread.is_alive()]
    with contextlib.suppress(WdbcError), outbox.open_outbox(home) as box:
        for name in late:
            if (waiting := box.next(name)) is not None:
                box.failed(waiting, f"no answer within {seconds:g} s", datetime.now(UTC))


def _serve(home: Path, channel: AlertChannel, deadline: float) -> None:
    """Send what waits for a channel. If the outbox cannot be read or written, the next process goes on.

    To go on here would send the same message again at once, and until the deadline.
    """
    with contextlib.suppress(WdbcError), _alone(home, channel) as alone:
        if not alone:
            return
        with outbox.open_outbox(home) as box:
            while (waiting := box.next(channel.name)) is not None:
                pause = outbox.seconds_until_due(waiting, datetime.now(UTC))
                if time.monotonic() + pause >= deadline:
                    return
                time.sleep(pause)
                _attempt(box, channel, waiting)


def _attempt(box: outbox.Outbox, channel: AlertChannel, waiting: outbox.Waiting) -> None:
    """Send a message, and note whether the channel has accepted it.

    Raises:
        WdbcError: the outbox cannot be written, so the message is sent again by the next process.
    """
    try:
        channels.send(channel, waiting.message)
    except channels.NotSent as error:
        box.failed(waiting, error.what, datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 -- a bug of one channel must not end the others; its text may hold a secret
        box.failed(waiting, f"an unexpected {type(error).__name__} in Apprise", datetime.now(UTC))
    else:
        box.accepted(waiting)


@contextlib.contextmanager
def _alone(home: Path, channel: AlertChannel) -> Iterator[bool]:
    """Yield whether this is the only process that serves the channel. Another one gets a moment to end.

    A process that is about to end would not see a message that was written meanwhile.
    """
    descriptor = os.open(home / f"alerts-{channel.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + _LOCK_SECONDS
    try:
        while not (acquired := _lock(descriptor)) and time.monotonic() < end:
            time.sleep(_PAUSE)
        yield acquired
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def main() -> None:
    """Deliver what is due, and end without waiting for a channel that hangs."""
    config = settings.load()
    deliver(settings.home(), config.alert_channels())
    os._exit(0)


if __name__ == "__main__":
    main()
