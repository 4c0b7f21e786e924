"""Cleaning up: which versions nothing refers to any more, and their removal without hurting whoever reads or writes.

Kept is what is current; the champion, and those of the last entries of the history; a challenger on trial; all that
any of these was made of and judged by, back to the raw bytes, so that every number can be derived again; and whatever
may be in use: what was written, or stated by a run, within `IN_USE_SECONDS`, and what is of an asset whose pointer has
just moved, for a reader may be in the version before. Of an asset whose pointer is damaged everything is kept.

A writer moves its pointer under the store's lock, and makes sure under it that the files are there. Removal holds the
same lock and looks again first: so nothing that has become current in between is removed.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from wdbc_assets.storage import catalogue, places, trials
from wdbc_assets.storage.catalogue import Catalogue, Key, Stated
from wdbc_assets.storage.registry import open_registry
from wdbc_assets.storage.store import Store
from wdbc_assets.storage.trials import Trial

IN_USE_SECONDS = 2 * 3600
"""No run lasts longer than one hour: what a run wrote or stated before that, no run is at work with."""

READ_SECONDS = 600
"""Far more than any reader takes from a pointer to the last file that it names."""


@dataclass(frozen=True)
class Version:
    """A version that lies there: its size in bytes, its age in seconds, and why it is kept; None if it is not."""

    asset: str
    version: str
    size: int
    age: float
    kept: str | None


def survey(store: Store, *, keep: int, older_than: float = 0.0) -> list[Version]:
    """Say of every version whether and why it is kept.

    `keep` is how many of the last champions are; what is younger than `older_than` seconds is kept anyway.
    """
    return _survey(store, catalogue.read(store), keep=keep, older_than=older_than)


def clean(store: Store, *, keep: int, older_than: float = 0.0) -> list[Version]:
    """Remove what nothing refers to, asset by asset, and return it."""
    removed: list[Version] = []
    assets = dict.fromkeys(one.asset for one in survey(store, keep=keep, older_than=older_than) if one.kept is None)
    for asset in assets:
        with store.backend.commit_lock():
            found = catalogue.read(store)
            for one in _survey(store, found, keep=keep, older_than=older_than):
                if one.asset == asset and one.kept is None:
                    _remove(store, found, one)
                    removed.append(one)
    return removed


def _remove(store: Store, found: Catalogue, one: Version) -> None:
    """Remove a version's files, then the passports that state it of past runs and trials, and what was paired of it."""
    store.backend.remove(str(PurePosixPath(found.versions[one.asset, one.version][0].path).parent))
    for stated in found.stated.get((one.asset, one.version), ()):
        if stated.file.path.startswith(("runs/", f"{places.CHAMPION}/{places.CHALLENGERS}/")):
            store.backend.remove(stated.file.path)
    if one.asset == "fitted_pipeline":
        store.backend.remove(places.pairs(one.version))


def _survey(store: Store, found: Catalogue, *, keep: int, older_than: float) -> list[Version]:
    now = time.time()
    reasons = _referred(found, _champions(store, keep), trials.current(store))
    listed = []
    for key, files in sorted(found.versions.items()):
        asset, version = key
        age = now - max(file.written for file in files)
        kept = reasons.get(key) or _in_use(found, key, age, now)
        if kept is None and age < older_than:
            kept = "young"
        listed.append(Version(asset, version, sum(file.size for file in files), age, kept))
    return listed


def _champions(store: Store, keep: int) -> list[str]:
    """Return the versions that are or were champion last, the newest first."""
    moves = open_registry(store).standing().history.moves
    return list(dict.fromkeys(entry.after for entry in reversed(moves) if entry.after))[:keep]


def _referred(found: Catalogue, champions: Iterable[str], trial: Trial | None) -> dict[Key, str]:
    """Return why versions are kept: they are current, were champion or are on trial, or these were made of them."""
    reasons: dict[Key, str] = {stated.key: "current" for stated in found.pointers.values()}
    for version in champions:
        reasons.setdefault((places.CHAMPION, version), "a champion that can be gone back to")
    if trial is not None:
        reasons.setdefault((places.CHAMPION, trial.challenger.version), "a challenger on trial")
    waiting = list(reasons)
    while waiting:
        key = waiting.pop()
        for stated in found.stated.get(key, ()):
            for source in stated.passport.inputs.items():
                if source not in reasons:
                    reasons[source] = f"{key[0]} {key[1][:12]} was made of it"
                    waiting.append(source)
    return reasons


def _in_use(found: Catalogue, key: Key, age: float, now: float) -> str | None:
    """Return why a version that nothing refers to may be in use."""
    asset, _ = key
    if asset in found.damaged:
        return f"the pointer of {asset} is damaged"
    stated = [_age(one, now) for one in found.stated.get(key, ())]
    if min([age, *stated]) < IN_USE_SECONDS:
        return "a run may be at work with it"
    pointer = found.pointers.get(asset)
    if pointer is not None and _age(pointer, now) < READ_SECONDS:
        return "somebody may be reading it"
    return None


def _age(stated: Stated, now: float) -> float:
    return now - stated.file.written
