"""Versions that lay in the store already when a run made them again, of another partition perhaps.

Such a version is old, and what makes it current may be missing in a listing that is behind. The record of it has a name
that garbage collection knows, so it is found without a listing. See `gc`.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from wdbc_assets.store import parsing, paths
from wdbc_assets.store.backends import Backend
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.parsing import DamagedStore, Malformed


@dataclass(frozen=True)
class Reuse:
    """When a version was made again (UTC in ISO 8601)."""

    at: str


def note(backend: Backend, manifest: Manifest) -> None:
    """Record that a version has been made again."""
    record = Reuse(datetime.now(UTC).isoformat(timespec="seconds"))
    backend.replace(paths.reused(manifest.asset, manifest.version), json.dumps(asdict(record)).encode() + b"\n")


def age(backend: Backend, asset: str, version: str, now: float) -> float | None:
    """Return the seconds since a version was made again; None if it was not. A damaged record is from now."""
    if not paths.VERSION.fullmatch(version):  # a stray folder
        return None
    try:
        record = parsing.read(Reuse, backend.read(paths.reused(asset, version)))
        return now - datetime.fromisoformat(record.at).timestamp()
    except FileNotFoundError:
        return None
    except (Malformed, DamagedStore, ValueError):
        return 0.0


def forget(backend: Backend, asset: str, version: str) -> None:
    """Remove the record of a version, if there is one."""
    if paths.VERSION.fullmatch(version):
        backend.remove(paths.reused(asset, version))
