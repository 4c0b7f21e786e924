"""Outcomes that were delivered and are not yet recorded: one file per delivery, in Dagster's home.

A file contains pseudonyms, never ids. It stays until its events are stored, so a run that is killed loses nothing and
records nothing twice.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.domain import formatting
from wdbc_assets.domain.monitoring.outcome_events import Delivery, Outcome
from wdbc_assets.store import parsing
from wdbc_assets.store.backends import atomic
from wdbc_assets.store.parsing import DamagedStore, Malformed

_SUFFIX = ".json"
_MOMENT = "%Y%m%dT%H%M%S.%fZ"


class OutcomeFiles:
    """The folder of deliveries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, outcomes: Iterable[Outcome], *, now: datetime) -> Path:
        """Write a delivery, whole or not at all; return its file.

        It is recorded after those that wait, even if the clock was set back meanwhile: it may correct one of them.

        Raises:
            OSError: the folder cannot be written.
        """
        after = [_moment(path) + timedelta(microseconds=1) for path in self.waiting()[-1:]]
        moment = max([now.astimezone(UTC), *after])
        content = json.dumps(asdict(Delivery(moment.isoformat(timespec="microseconds"), tuple(outcomes)))).encode()
        digest = hashlib.sha256(content).hexdigest()
        path = self.folder / f"{moment:{_MOMENT}}-{formatting.short(digest)}{_SUFFIX}"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic.replace(path, [content], mode=0o600)
        return path

    def waiting(self) -> list[Path]:
        """Return the files of the deliveries that are not yet recorded, oldest first."""
        return sorted(path for path in self.folder.glob(f"[0-9]*{_SUFFIX}") if path.is_file())

    def read(self, path: Path) -> Delivery:
        """Return a delivery.

        Raises:
            DamagedStore: the file was altered.
        """
        try:
            return parsing.read(Delivery, path.read_bytes())
        except Malformed as error:
            raise DamagedStore(
                f"a delivery of outcomes is damaged: {error}",
                where=str(path),
                hint="Move the file aside and deliver the outcomes again with `wdbc outcomes add`.",
            ) from None

    def acknowledge(self, paths: Iterable[Path]) -> None:
        """Remove the files of deliveries whose events are stored."""
        for path in paths:
            path.unlink(missing_ok=True)


def _moment(path: Path) -> datetime:
    """Return the time in the name of a delivery; one that was renamed is from long ago."""
    try:
        return datetime.strptime(path.name.partition("-")[0], _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def open_files() -> OutcomeFiles:
    """Return the folder of deliveries in Dagster's home."""
    return OutcomeFiles(settings.home() / "outcomes")
