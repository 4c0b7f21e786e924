"""Retention by age: which batches, predictions and files of the inbox are older than the settings allow.

A batch has the age of its arrival, which its key states. Its drift report stays, since it contains no patient: the scan
of later batches needs it. Outcomes have no partitions; the asset leaves old ones out of its next version. Copies that a
killed `wdbc inbox add` has left in the inbox go after a day, whatever the settings are: they have real ids.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from wdbc_assets import clock, settings
from wdbc_assets.domain.data import incoming
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batch_keys
from wdbc_assets.monitoring.inbox import REFUSED, TAKEN, Inbox
from wdbc_assets.store import removals
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.removals import Removal
from wdbc_assets.store.store import Store

_KEPT = {"incoming_batch": "keep_batches_days", "predictions": "keep_predictions_days"}
"""The setting of each asset that is kept for some time."""

_LONGEST_COPY = timedelta(days=1)
"""The age after which nobody is still writing a copy."""


@dataclass(frozen=True)
class OldPartition:
    """A partition to remove, and why."""

    asset: str
    partition: str
    reason: str


@dataclass(frozen=True)
class Old:
    """Everything that is older than the settings allow, and copies that nobody finishes."""

    partitions: tuple[OldPartition, ...]
    files: tuple[Path, ...]


def survey(store: Store, inbox: Inbox, config: settings.Settings) -> Old:
    """Return what is too old. Nothing is removed.

    Raises:
        WdbcError: the store or the inbox cannot be read.
    """
    now = clock.now()
    partitions = []
    for asset, name in _KEPT.items():
        days: float | None = getattr(config, name)
        if days is not None:
            reason = f"it is older than {days:g} days ({settings.variable(name)})"
            old = (key for key in store.partitions(asset) if _is_old(key, now - timedelta(days=days)))
            partitions += [OldPartition(asset, key, reason) for key in old]
    days = config.keep_batches_days
    files = _abandoned_copies(inbox.folder)
    if days is not None:
        files += _old_files(inbox.folder, now, timedelta(days=days))
    return Old(tuple(partitions), tuple(files))


def manifests(store: Store, old: Old) -> list[Manifest]:
    """Return the manifests of the partitions that are too old, before they are removed."""
    found = (store.current(partition.asset, partition.partition) for partition in old.partitions)
    return [manifest for manifest in found if manifest is not None]


def remove(store: Store, old: Old) -> None:
    """Remove what `survey` returned. The files of the partitions' versions are left to garbage collection.

    Raises:
        WdbcError: the store or the inbox cannot be written. What is left is removed by the next attempt.
    """
    at = clock.now().isoformat(timespec="seconds")
    for partition in old.partitions:
        removals.remove(store.backend, partition.asset, partition.partition, Removal(at, partition.reason))
    for path in old.files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _inbox_error("a file cannot be removed", path, error) from None


def _is_old(key: str, limit: datetime) -> bool:
    try:
        return incoming.arrival(key) < limit
    except ValueError:  # no key of a batch
        return False


def _old_files(inbox: Path, now: datetime, kept: timedelta) -> list[Path]:
    """Return the files in the folders of an inbox that are too old. A refused file has no key, but a time."""
    refused_before = time.time() - kept.total_seconds()
    old = []
    for folder in (TAKEN, REFUSED):
        for path, status in _listed(inbox / folder):
            key = batch_keys.of_file(path.name)
            too_old = _is_old(key, now - kept) if key else status.st_ctime < refused_before
            if too_old and not stat.S_ISDIR(status.st_mode):
                old.append(path)
    return old


def _abandoned_copies(inbox: Path) -> list[Path]:
    """Return the copies in an inbox that `wdbc inbox add` was killed over."""
    changed_before = time.time() - _LONGEST_COPY.total_seconds()
    return [
        path
        for path, status in _listed(inbox)
        if batch_keys.is_copy(path.name) and stat.S_ISREG(status.st_mode) and status.st_ctime < changed_before
    ]


def _listed(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield what is in a folder, with its status. What is gone meanwhile is left out."""
    try:
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                yield path, path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _inbox_error("the inbox cannot be read", folder, error) from None


def _inbox_error(what: str, path: Path, error: OSError) -> WdbcError:
    return WdbcError(f"{what}: {error.strerror}", where=str(path), hint="Fix the permissions, then run it again.")
