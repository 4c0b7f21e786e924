"""Garbage collection: find the versions that nothing refers to, and remove them safely beside readers and writers.

Kept are: current versions; what the caller names as roots, such as champions; all inputs of these, back to the raw
bytes, so that every number can be reproduced; and whatever may be in use: what was written, or recorded by a run,
within twice the run limit, and the versions of an asset whose pointer has just moved, because a reader may be using the
previous one.

The versions of a partition that was removed on purpose (`removals`) are not kept as inputs of others.

This is decided from pointers and manifests. If one of them is damaged, nothing is removed and the damage is reported.
If a pointer is missing, all versions that it may have named are kept.

A writer moves its pointer under the store's lock, and checks under the lock that the files exist. Removal holds the
same lock and decides again first, so a version that has become current in between is not removed. The lock does not
exclude other machines; for those, the pointer is read once more directly before each removal.

On some servers a listing is behind by some minutes. What it shows is read by name, so it is as it is now. What it may
omit, and an old version depends on, is found by name, too: a version that a run made again has a record (`reuse`), and
the inputs of the champion and of a challenger are in their own manifests.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from wdbc_assets.domain import formatting
from wdbc_assets.store import index, paths, reuse
from wdbc_assets.store.index import Key, ManifestFile, StoreIndex
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store

READ_SECONDS = 600
"""Far more than any reader needs from reading a pointer to reading the last file of its version."""


_BY_A_RUN, _BY_A_READER = "a run may be using it", "a reader may be using it"


@dataclass(frozen=True)
class Version:
    """A stored version: its size in bytes, its age in seconds, and why it is kept, or None if it is not.

    `is_input` says that it is kept only because a version that is kept was made from it.
    """

    asset: str
    version: str
    size: int
    age: float
    kept: str | None
    is_input: bool

    @property
    def in_use(self) -> bool:
        """Whether it is kept only because a run or a reader may be using it."""
        return self.kept in (_BY_A_RUN, _BY_A_READER)


@dataclass(frozen=True)
class Roots:
    """Versions that are kept for their own sake, and why; or the problems because of which that is unknown."""

    reasons: Mapping[Key, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class FindRoots(Protocol):
    """Finds what is kept besides the current versions. `locked` tells that the caller holds the store's lock."""

    def __call__(self, found: StoreIndex, *, locked: bool) -> Roots:
        """Return the roots in a store."""


def survey(store: Store, find_roots: FindRoots, *, run_limit: float, older_than: float = 0.0) -> list[Version]:
    """Return every version with the reason to keep it, if any.

    `run_limit` is the maximum duration of a run in seconds; versions younger than `older_than` seconds are kept in any
    case.

    Raises:
        DamagedStore: something that determines what is kept is damaged.
    """
    found = index.read(store)
    return _survey(store, found, find_roots(found, locked=False), run_limit=run_limit, older_than=older_than)


def clean(store: Store, find_roots: FindRoots, *, run_limit: float, older_than: float = 0.0) -> list[Version]:
    """Remove unreferenced versions, asset by asset, and return them. The parameters are those of `survey`.

    Raises:
        DamagedStore: something that determines what is kept is damaged; nothing was removed because of it.
    """
    removed: list[Version] = []
    first = survey(store, find_roots, run_limit=run_limit, older_than=older_than)
    for asset in dict.fromkeys(one.asset for one in first if one.kept is None):
        with store.backend.commit_lock():
            found = index.read(store)
            roots = find_roots(found, locked=True)
            for one in _survey(store, found, roots, run_limit=run_limit, older_than=older_than):
                if one.asset == asset and one.kept is None and not _is_used_again(store, found, one, run_limit):
                    _remove(store, found, one)
                    removed.append(one)
    return removed


def _is_used_again(store: Store, found: StoreIndex, one: Version, run_limit: float) -> bool:
    """Return whether a version is in use since the listing, or although the listing, which is behind, lacks it."""
    made_again = reuse.age(store.backend, one.asset, one.version, time.time())
    return (made_again is not None and made_again < 2 * run_limit) or _became_current(store, found, one)


def _became_current(store: Store, found: StoreIndex, one: Version) -> bool:
    """Return whether another machine, which the lock does not exclude, has made a version current since the listing."""
    named = {(one.asset, None), *(stated.pointed for stated in found.stated.get((one.asset, one.version), ()))}
    now = (store.current(*pointed) for pointed in named)
    return any(manifest is not None and manifest.version == one.version for manifest in now)


def _remove(store: Store, found: StoreIndex, one: Version) -> None:
    """Remove a version: first the manifests of past runs and experiments, then its files, then its pairs.

    The order matters: a manifest without files would be damage.
    """
    for stated in found.stated.get((one.asset, one.version), ()):
        store.backend.remove(stated.file.path)
    store.backend.remove(str(PurePosixPath(found.versions[one.asset, one.version][0].path).parent))
    reuse.forget(store.backend, one.asset, one.version)
    if one.asset == "fitted_pipeline":
        store.backend.remove(paths.pairs(one.version))


def _survey(store: Store, found: StoreIndex, roots: Roots, *, run_limit: float, older_than: float) -> list[Version]:
    if problems := [*(f"{error.what}: {error.where}" for error in found.damaged), *roots.problems]:
        raise _refused(store, problems)
    now = time.time()
    # The last reason is shown: that a version is current.
    kept_as_such = {
        **dict(_without_pointer(found)),
        **roots.reasons,
        **{p.key: "current" for p in found.pointers.values()},
    }
    reasons = _with_lineage(store, found, kept_as_such)
    listed = []
    for key, files in sorted(found.versions.items()):
        asset, version = key
        age = now - max(file.written for file in files)
        kept = reasons.get(key) or _in_use(store, found, key, age, now, run_limit)
        if kept is None and age < older_than and not found.is_removed(key):
            kept = "young"
        size = sum(file.size for file in files)
        listed.append(Version(asset, version, size, age, kept, is_input=key in reasons and key not in kept_as_such))
    return listed


def _refused(store: Store, problems: Iterable[str]) -> DamagedStore:
    return DamagedStore(
        "the store is damaged, so the versions still in use cannot be determined: " + "; ".join(problems),
        where=store.url,
        hint="Nothing was removed. Restore these files from a backup. Without a backup: `wdbc run` rebuilds a pointer,"
        " `wdbc rollback --to VERSION` the champion's pointer; delete a damaged manifest under runs/; for a damaged"
        f" audit log, move {paths.HISTORY} and {paths.HISTORY_HEAD} out of the store, then start a new log with"
        " `wdbc rollback --to VERSION`, and all champions are kept.",
    )


def _without_pointer(found: StoreIndex) -> Iterator[tuple[Key, str]]:
    """Yield the versions that a missing pointer may have named."""
    for key in {*found.versions, *found.stated}:
        named = {one.pointed for one in found.stated.get(key, ())}
        if not named <= found.pointers.keys() | found.removed or not (named or _has_pointer(found, key[0])):
            yield key, f"the pointer of {key[0]} is missing"


def _has_pointer(found: StoreIndex, asset: str) -> bool:
    return any(name == asset for name, _ in found.pointers)


def _with_lineage(store: Store, found: StoreIndex, roots: Mapping[Key, str]) -> dict[Key, str]:
    """Return why versions are kept: they are roots, or inputs of kept versions.

    Raises:
        DamagedStore: no manifest states the inputs of a stored version.
    """
    reasons = dict(roots)
    waiting = list(reasons)
    unknown = []
    while waiting:
        key = waiting.pop()
        stated = found.stated.get(key, ())
        if not stated and key in found.versions and _has_pointer(found, key[0]):
            unknown.append(f"no manifest states the inputs of {key[0]} {formatting.short(key[1])}")
        for source in (item for one in stated for item in one.manifest.inputs.items()):
            if source not in reasons and not found.is_removed(source):
                reasons[source] = f"input of {key[0]} {formatting.short(key[1])}"
                waiting.append(source)
    if unknown:
        raise _refused(store, unknown)
    return reasons


def _in_use(store: Store, found: StoreIndex, key: Key, age: float, now: float, run_limit: float) -> str | None:
    """Return why a version that nothing refers to may be in use."""
    asset, _ = key
    stated = found.stated.get(key, ())
    if min([age, *(_age(one, now) for one in stated)]) < 2 * run_limit:
        return _BY_A_RUN
    named = {one.pointed for one in stated} or {one for one in found.pointers if one[0] == asset}
    if any(_has_just_moved(store, found, pointer, now) for name, pointer in found.pointers.items() if name in named):
        return _BY_A_READER
    return None


def _has_just_moved(store: Store, found: StoreIndex, pointer: ManifestFile, now: float) -> bool:
    """Return whether a pointer moved a moment ago, or after the listing.

    A listing that is behind lacks the version, or the version is an old one that has just been made again.
    """
    if _age(pointer, now) < READ_SECONDS or pointer.key not in found.versions:
        return True
    made_again = reuse.age(store.backend, *pointer.key, now)
    return made_again is not None and made_again < READ_SECONDS


def _age(stated: ManifestFile, now: float) -> float:
    return now - stated.file.written
