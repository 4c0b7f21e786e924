"""The clock of events: when a batch arrives, a diagnosis is recorded, a champion is promoted, an alert is raised.

It is the system's clock, except in a rehearsal (`wdbc simulate`), where a year passes in minutes: then a file has the
time, so that all processes of the rehearsal agree. What the machine did (versions in the store, the log, Dagster's
history) always has the system's time.
"""

from datetime import UTC, datetime
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.store.backends import atomic


def now() -> datetime:
    """Return the time of events, in UTC."""
    file = settings.clock_file()
    return datetime.now(UTC) if file is None else datetime.fromisoformat(file.read_text(encoding="ascii"))


def time_of(text: str | None) -> datetime | None:
    """Return a stored time in ISO 8601, which is in UTC if it has no zone; None if it cannot be read."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def set_time(file: Path, at: datetime) -> None:
    """Set the clock of this process, and of those that it starts, to a time that `file` holds until the next call."""
    atomic.replace(file, [at.astimezone(UTC).isoformat().encode("ascii")], mode=0o600)
    settings.hand_over_clock(file)
