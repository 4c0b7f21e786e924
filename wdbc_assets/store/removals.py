"""Partitions that were removed on purpose. What remains of one is a record of when and why.

The record tells such a partition from damage, and from one that was never made. It is written first, then the pointer
goes, and garbage collection removes the files: a process killed in between leaves work for the next one, never a
pointer without files. See `gc`.
"""

import json
from dataclasses import asdict, dataclass

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import parsing, paths
from wdbc_assets.store.backends import Backend
from wdbc_assets.store.parsing import DamagedStore, Malformed


class Removed(WdbcError):
    """The partition was removed on purpose, and cannot be made again."""


@dataclass(frozen=True)
class Removal:
    """When a partition was removed (UTC in ISO 8601), and why."""

    at: str
    reason: str


def find(backend: Backend, asset: str, partition: str) -> Removal | None:
    """Return when and why a partition was removed; None if it was not. A damaged record is one."""
    try:
        return parsing.read(Removal, backend.read(paths.removed(asset, partition)))
    except FileNotFoundError:
        return None
    except (Malformed, DamagedStore):
        return Removal("", f"the record of it is damaged: {paths.removed(asset, partition)}")


def require_none(backend: Backend, asset: str, partition: str | None) -> None:
    """Raise Removed if this is a partition that was removed."""
    removal = find(backend, asset, partition) if partition is not None else None
    if removal is not None:
        raise Removed(
            f"{asset} of {partition} was removed{f' on {removal.at[:10]}' if removal.at else ''}: {removal.reason}",
            where=backend.url,
            hint="It cannot be made again. Other batches, and the drift reports of all, are not affected.",
        )


def remove(backend: Backend, asset: str, partition: str, removal: Removal) -> None:
    """Record the removal of a partition, and remove its pointer."""
    with backend.commit_lock():
        backend.replace(paths.removed(asset, partition), json.dumps(asdict(removal), indent=2).encode() + b"\n")
        backend.remove(paths.pointer(asset, partition))
