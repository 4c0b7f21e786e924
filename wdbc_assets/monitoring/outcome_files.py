"""Outcomes that were delivered and are not yet recorded: one file per delivery, in Dagster's home.

A file contains pseudonyms, never ids. It stays until its events are stored, so a run that is killed loses nothing and
records nothing twice.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring.outcome_events import Delivery, Outcome
from wdbc_assets.store import parsing
from wdbc_assets.store.parsing import DamagedStore, Malformed

_SUFFIX = ".json"


class OutcomeFiles:
    """The folder of deliveries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, outcomes: Iterable[Outcome], *, now: datetime) -> Path:
        """Write a delivery, whole or not at all; return its file.

        Raises:
            WdbcError: the folder cannot be written.
        """
        delivery = Delivery(now.astimezone(UTC).isoformat(timespec="microseconds"), tuple(outcomes))
        content = json.dumps(asdict(delivery)).encode()
        digest = hashlib.sha256(content).hexdigest()
        path = self.folder / f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{digest[:12]}{_SUFFIX}"
        temporary = self.folder / f".{secrets.token_hex(8)}"
        with self._reporting_errors():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with temporary.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.rename(path)
            finally:
                temporary.unlink(missing_ok=True)
        return path

    def waiting(self) -> list[Path]:
        """Return the files of the deliveries that are not yet recorded, oldest first."""
        if not self.folder.is_dir():
            return []
        with self._reporting_errors():
            return sorted(path for path in self.folder.glob(f"[0-9]*{_SUFFIX}") if path.is_file())

    def read(self, path: Path) -> Delivery:
        """Return a delivery.

        Raises:
            DamagedStore: the file was altered.
        """
        try:
            with self._reporting_errors():
                return parsing.read(Delivery, path.read_bytes())
        except Malformed as error:
            raise DamagedStore(
                f"a delivery of outcomes is damaged: {error}",
                where=str(path),
                hint="Move the file aside and deliver the outcomes again with `wdbc outcomes add`.",
            ) from None

    def settle(self, paths: Iterable[Path]) -> None:
        """Remove the files of deliveries whose events are stored."""
        with self._reporting_errors():
            for path in paths:
                path.unlink(missing_ok=True)

    @contextmanager
    def _reporting_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WdbcError(
                f"the folder of the outcomes cannot be read or written: {error.strerror}",
                where=str(self.folder),
                hint="Fix the permissions or free disk space, or set DAGSTER_HOME to another folder.",
            ) from None


def open_files() -> OutcomeFiles:
    """Return the folder of deliveries in Dagster's home."""
    return OutcomeFiles(settings.home() / "outcomes")
