"""One look at everything that is watched: detect, record, send. Used by `wdbc run`, `wdbc alerts` and the sensor.

The prediction service runs it as a process: `python -m wdbc_assets.orchestration.alerting`. That leaves out Dagster's
history, which takes longer to open than all else.

Nothing is lost if a process is killed: episodes are derived from the store and Dagster's history, and messages wait in
the outbox until they are sent. See `monitoring`.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wdbc_assets import clock, machine, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts import episodes, messages, sending
from wdbc_assets.monitoring.alerts.detectors import Detection, OpenHistory, Watched, detect
from wdbc_assets.monitoring.alerts.episodes import Episode, Notification
from wdbc_assets.monitoring.alerts.outbox import Outbox, open_outbox

if TYPE_CHECKING:
    from wdbc_assets.store.store import Store

RUN_SECONDS = 2.0
"""How long the end of a run may take for alerts."""
SEND_SECONDS = 10.0
"""How long `wdbc alerts` and a tick of the sensor wait for the channels. Slower ones are served after that."""
THREAD = "alerts"
"""Name of the thread that looks at the end of a run."""

_PAUSE = 0.05


@dataclass(frozen=True)
class Look:
    """The result of a look: all episodes, and how many messages it has written."""

    episodes: list[Episode]
    messages: int


def look(store: "Store", config: settings.Settings, open_history: OpenHistory | None) -> Look:
    """Find what is wrong, and record episodes and messages. Nothing is sent.

    Args:
        store: The store.
        config: The settings.
        open_history: Opens Dagster's instance; None leaves out what only its history shows.

    Raises:
        WdbcError: the outbox cannot be written.
    """
    detection = detect(Watched(store, config), open_history)
    with open_outbox(settings.ensure_home()) as box, box.transaction():
        return record(box, detection, config, place=store.url)


def record(box: Outbox, detection: Detection, config: settings.Settings, *, place: str) -> Look:
    """Record episodes and messages, inside a transaction of the outbox."""
    now = clock.now()
    newer = box.newer(detection.began, detection.occurrences, now)
    current = {name: occurrences for name, occurrences in detection.occurrences.items() if name not in newer}
    before = {episode.id: episode for episode in box.episodes()}
    known = episodes.updated(before.values(), current, now)
    served = config.alert_channels()
    silences = box.silences(now)
    remind_after = timedelta(hours=config.alerts_remind_hours)
    due: list[Notification] = []
    for episode in episodes.in_order(known.values()):
        kind = episodes.due(episode, silences, now=now, remind_after=remind_after)
        if kind is not None and any(channel.receives(episode.severity) for channel in served):
            due.append(Notification(kind, episode))
            known[episode.id] = episodes.noted(episode, kind, now)
    written = 0
    for channel in served:
        if received := [notification for notification in due if channel.receives(notification.episode.severity)]:
            box.append(channel.name, messages.compose(received, place=place), now)
            written += 1
    box.drop_other_channels(channel.name for channel in served)
    for episode in list(known.values()):
        if episodes.is_outdated(episode, now):
            box.remove(known.pop(episode.id))
    box.put(episode for episode in known.values() if before.get(episode.id) != episode)
    return Look(episodes.in_order(known.values()), written)


def send(config: settings.Settings, *, wait_seconds: float) -> None:
    """Start to send what is due, and wait a moment until each channel has accepted or refused it.

    Raises:
        WdbcError: the outbox cannot be read, or no process can be started.
    """
    end = time.monotonic() + wait_seconds
    names = [channel.name for channel in config.alert_channels()]
    with open_outbox(settings.ensure_home()) as box:
        if not box.has_due(names, datetime.now(UTC)):
            return
        sending.start()
        while time.monotonic() < end and box.has_due(names, datetime.now(UTC)):
            time.sleep(_PAUSE)


def after_run(store: "Store", config: settings.Settings, open_history: OpenHistory | None) -> WdbcError | None:
    """Look and send at the end of a run, within `RUN_SECONDS`. Return what went wrong: it never ends the run.

    What is not finished in time is found and sent by the next look.
    """
    deadline = time.monotonic() + RUN_SECONDS
    late = WdbcError(
        f"alerts could not be derived within {RUN_SECONDS:g} s after the run",
        where=store.url,
        hint="Turn on the sensor `alerts`, or run `wdbc alerts` regularly: they have no such limit.",
    )
    failures = [late]

    def work() -> None:
        look(store, config, open_history)
        failures.remove(late)
        send(config, wait_seconds=deadline - time.monotonic())

    worker = threading.Thread(target=_guarded, args=(work, failures), name=THREAD, daemon=True)
    worker.start()
    worker.join(RUN_SECONDS)
    return failures[-1] if failures else None


def _guarded(work: Callable[[], None], failures: list[WdbcError]) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 -- alerts never end a run
        name = type(error).__name__
        failures.append(machine.refusal(error) or WdbcError(f"alerts failed: unexpected {name}, a bug in wdbc"))


def main() -> None:
    """Look once without Dagster's history, and start to send."""
    config = settings.load()
    look(config.open_store(), config, None)
    send(config, wait_seconds=0.0)


if __name__ == "__main__":
    main()
