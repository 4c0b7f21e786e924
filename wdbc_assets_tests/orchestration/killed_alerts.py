"""Kill processes with SIGKILL while they look and send, each at another point, and let another process go on.

    python -m wdbc_assets_tests.orchestration.killed_alerts FOLDER ADDRESS [random]

Each repetition has a store with one refused asset and a home of its own below FOLDER. Its messages go to the webhook at
ADDRESS, at the path /<number of the repetition>. With `random` there is one store and one home, and each process is
killed at a random instant of its work.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from wdbc_assets import clock, settings
from wdbc_assets.monitoring.alerts import channels, messages, sending
from wdbc_assets.monitoring.alerts.outbox import Outbox
from wdbc_assets.orchestration import alerting
from wdbc_assets.store.store import open_store

REPETITIONS = 12
RANDOM_KILLS = 50


def kill(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def after(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, killed when it has done its work."""

    def wrapper(*arguments: Any, **named: Any) -> None:
        function(*arguments, **named)
        kill()

    return wrapper


POINTS: tuple[tuple[object, str, Callable[..., Any]], ...] = (
    (messages, "compose", kill),  # something was found, and nothing is written
    (Outbox, "append", after(Outbox.append)),  # the message is written, and not the episode
    (Outbox, "put", after(Outbox.put)),  # both are written, and not committed
    (sending, "deliver", kill),  # committed, and not sent
    (channels, "send", kill),  # about to be sent
    (channels, "send", after(channels.send)),  # sent, and not removed
)


def look_and_send(folder: Path) -> None:
    config = settings.load()
    alerting.look(open_store(config.storage, relative_to=folder), config, None)
    sending.deliver(settings.home(), config.alert_channels())


def in_a_process(work: Callable[[], None]) -> int:
    """Do the work in a process of its own; return the signal that ended it."""
    process = os.fork()
    if not process:
        work()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(process, 0)[1])


def at_random(root: Path, address: str) -> None:
    """Begin and end one problem again and again, an hour apart; kill who looks, then let another process finish."""
    os.environ |= {
        "WDBC_STORAGE": str(root / "results"),
        "DAGSTER_HOME": str(root / "home"),
        "WDBC_ALERTS": f"error=json://{address}/",
    }
    store = open_store(str(root / "results"), relative_to=root)
    instants, start = random.Random(16), datetime(2026, 3, 1, tzinfo=UTC)
    began = time.monotonic()
    assert in_a_process(lambda: look_and_send(root)) == 0
    seconds = 1.5 * (time.monotonic() - began)
    killed = 0
    for number in range(RANDOM_KILLS):
        clock.set_time(root / "clock", start + timedelta(hours=number))
        if number % 2:
            store.forget_refusal("raw_data")
        else:
            store.note_refusal("raw_data", run_id=f"run-{number}", reasons=["the source is empty"])
        process = os.fork()
        if not process:
            look_and_send(root)
            os._exit(0)
        time.sleep(instants.uniform(0, seconds))
        os.kill(process, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(process, 0)[1])
        assert in_a_process(lambda: look_and_send(root)) == 0
    assert killed > RANDOM_KILLS / 4, killed


def main(root: Path, address: str, mode: str = "") -> None:
    import apprise

    assert apprise.Apprise().add("json://127.0.0.1"), "it loads its services once, and not in each process"
    if mode == "random":
        at_random(root, address)
        return
    for number in range(REPETITIONS):
        folder = root / str(number)
        os.environ |= {
            "WDBC_STORAGE": str(folder / "results"),
            "DAGSTER_HOME": str(folder / "home"),
            "WDBC_ALERTS": f"error=json://{address}/{number}",
        }
        store = open_store(str(folder / "results"), relative_to=folder)
        store.note_refusal("raw_data", run_id="run-1", reasons=["the source is empty"])
        owner, name, replacement = POINTS[number % len(POINTS)]

        def killed(owner: object = owner, name: str = name, replacement: Any = replacement, at: Path = folder) -> None:
            setattr(owner, name, replacement)
            look_and_send(at)

        def recovered(at: Path = folder) -> None:
            look_and_send(at)

        assert in_a_process(killed) == signal.SIGKILL, name
        assert in_a_process(recovered) == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
