"""Kill processes with SIGKILL while they look and send, each at another point, and let another process go on.

    python -m wdbc_assets_tests.orchestration.killed_alerts FOLDER ADDRESS

Each repetition has a store with one refused asset and a home of its own below FOLDER. Its messages go to the webhook at
ADDRESS, at the path /<number of the repetition>.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wdbc_assets import settings
from wdbc_assets.monitoring.alerts import channels, messages, sending
from wdbc_assets.monitoring.alerts.outbox import Outbox
from wdbc_assets.orchestration import alerting
from wdbc_assets.store.store import open_store

REPETITIONS = 12


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


def main(root: Path, address: str) -> None:
    import apprise

    assert apprise.Apprise().add("json://127.0.0.1"), "it loads its services once, and not in each process"

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
    main(Path(sys.argv[1]), sys.argv[2])
