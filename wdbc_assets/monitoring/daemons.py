"""The daemons of Dagster that are at work on one history. More than one is not supported.

Dagster stores only the last heartbeat of each part of a daemon, with the daemon's id. Two daemons overwrite each other,
so that what is stored shows one of them most of the time, as after a restart. Therefore each look remembers, in a file
of Dagster's home, when each id was seen first and last: the id of a daemon that was restarted never comes back, that of
one of two does. With a look every 30 seconds a second daemon is recognized within about two minutes.
"""

import contextlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wdbc_assets.store import parsing
from wdbc_assets.store.backends import atomic

if TYPE_CHECKING:
    import dagster as dg

FILE = "daemons.json"
KEPT_SECONDS = 900.0
"""How long a daemon counts after its last heartbeat that was seen. It sends one every 30 seconds."""


@dataclass(frozen=True)
class Daemon:
    """A daemon: its id, and when its first and its last heartbeat that were seen were sent, in seconds since 1970."""

    id: str
    first: float
    last: float


@dataclass(frozen=True)
class Memory:
    """What earlier looks have seen."""

    daemons: tuple[Daemon, ...] = ()


def last_heartbeat(instance: "dg.DagsterInstance") -> datetime | None:
    """Return when a daemon has sent the last heartbeat; None if none ever did."""
    beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    return datetime.fromtimestamp(max(beats), UTC) if beats else None


def at_work(instance: "dg.DagsterInstance") -> list[Daemon]:
    """Return the daemon that has sent the last heartbeat, and those that have sent one since its first, by their start.

    Empty if no daemon has sent a heartbeat lately.
    """
    path = Path(instance.root_directory, FILE)
    stored = [
        Daemon(beat.daemon_id, beat.timestamp, beat.timestamp)
        for beat in instance.get_daemon_heartbeats().values()
        if beat.daemon_id
    ]
    memory = Memory(_merged([*_read(path).daemons, *stored], since=time.time() - KEPT_SECONDS))
    with contextlib.suppress(OSError):  # the alert `low-disk`, and every run, say that this disk cannot be written
        atomic.replace(path, [json.dumps(parsing.plain(memory)).encode()], mode=0o600)
    newest = max(memory.daemons, key=lambda daemon: daemon.last, default=None)
    together = [daemon for daemon in memory.daemons if newest is not None and daemon.last >= newest.first]
    return sorted(together, key=lambda daemon: daemon.first)


def _merged(seen: Iterable[Daemon], *, since: float) -> tuple[Daemon, ...]:
    """Return each daemon once, without those that have sent nothing since."""
    result: dict[str, Daemon] = {}
    for daemon in seen:
        known = result.get(daemon.id, daemon)
        result[daemon.id] = Daemon(daemon.id, min(known.first, daemon.first), max(known.last, daemon.last))
    return tuple(daemon for daemon in result.values() if daemon.last > since)


def _read(path: Path) -> Memory:
    """Return what earlier looks have seen. Without it, or if it is damaged, a second daemon is only found later."""
    try:
        return parsing.read(Memory, path.read_bytes())
    except (OSError, parsing.Malformed):
        return Memory()
