"""Garbage collection: find the versions that nothing refers to, and remove them safely beside readers and writers.

Kept are: current versions; the champion and those of the last log entries; a challenger in an experiment; all inputs
and evidence of these, back to the raw bytes, so that every number can be reproduced; and whatever may be in use: what
was written, or recorded by a run, within twice the run limit, and the versions of an asset whose pointer has just
moved, because a reader may be using the previous one.

This is decided from the pointers, the audit log, the experiment and the manifests. If one of them is damaged, nothing
is removed and the damage is reported. If one is missing, everything it may have named is kept: all versions of an asset
without a pointer, all champions with a manifest under `promoted/` that the log does not mention, all challengers that
are in an experiment according to the log. Verdict documents are never removed, and they keep nothing alive.

A writer moves its pointer under the store's lock, and checks under the lock that the files exist. Removal holds the
same lock and decides again first, so a version that has become current in between is not removed.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from wdbc_assets.registry import audit_log, challenger, standings
from wdbc_assets.registry.challenger import Experiment
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store import index, paths
from wdbc_assets.store.index import Key, ManifestFile, StoreIndex
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store

READ_SECONDS = 600
"""Far more than any reader needs from reading a pointer to reading the last file of its version."""


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


def survey(store: Store, *, keep: int, run_limit: float, older_than: float = 0.0) -> list[Version]:
    """Return every version with the reason to keep it, if any.

    `keep` is the number of latest champions to keep, `run_limit` the maximum duration of a run in seconds; versions
    younger than `older_than` seconds are kept in any case.

    Raises:
        DamagedStore: something that determines what is kept is damaged.
    """
    return _survey(store, index.read(store), keep=keep, run_limit=run_limit, older_than=older_than)


def clean(store: Store, *, keep: int, run_limit: float, older_than: float = 0.0) -> list[Version]:
    """Remove unreferenced versions, asset by asset, and return them. The parameters are those of `survey`.

    Raises:
        DamagedStore: something that determines what is kept is damaged; nothing was removed because of it.
    """
    removed: list[Version] = []
    first = survey(store, keep=keep, run_limit=run_limit, older_than=older_than)
    for asset in dict.fromkeys(one.asset for one in first if one.kept is None):
        with store.backend.commit_lock():
            found = index.read(store)
            for one in _survey(store, found, keep=keep, run_limit=run_limit, older_than=older_than, locked=True):
                if one.asset == asset and one.kept is None:
                    _remove(store, found, one)
                    removed.append(one)
    return removed


def _remove(store: Store, found: StoreIndex, one: Version) -> None:
    """Remove a version: first the manifests of past runs and experiments, then its files, then its pairs.

    The order matters: a manifest without files would be damage.
    """
    for stated in found.stated.get((one.asset, one.version), ()):
        store.backend.remove(stated.file.path)
    store.backend.remove(str(PurePosixPath(found.versions[one.asset, one.version][0].path).parent))
    if one.asset == "fitted_pipeline":
        store.backend.remove(paths.pairs(one.version))


def _survey(
    store: Store, found: StoreIndex, *, keep: int, run_limit: float, older_than: float, locked: bool = False
) -> list[Version]:
    now = time.time()
    standing = open_registry(store).standing_under_lock() if locked else open_registry(store).standing()
    _require_sound(store, found, standing)
    roots = dict(_roots(found, standing, challenger.current(store), keep))
    reasons = _with_lineage(store, found, roots)
    listed = []
    for key, files in sorted(found.versions.items()):
        asset, version = key
        age = now - max(file.written for file in files)
        kept = reasons.get(key) or _in_use(found, key, age, now, run_limit)
        if kept is None and age < older_than:
            kept = "young"
        size = sum(file.size for file in files)
        listed.append(Version(asset, version, size, age, kept, is_input=key in reasons and key not in roots))
    return listed


def _require_sound(store: Store, found: StoreIndex, standing: Standing) -> None:
    """Reject a store whose audit log, champion pointer or manifests are damaged.

    Raises:
        DamagedStore: something is damaged; the message lists everything.
    """
    problems = [f"{error.what}: {error.where}" for error in found.damaged]
    problems += standing.history.problems
    if standing.history.unfinished is None and paths.CHAMPION in found.pointers:
        problems += standings.mismatches(standing.manifest, standing.history)
    if problems:
        raise _refused(store, problems)


def _refused(store: Store, problems: Iterable[str]) -> DamagedStore:
    return DamagedStore(
        "the store is damaged, so the versions still in use cannot be determined: " + "; ".join(problems),
        where=store.url,
        hint="Nothing was removed. Restore these files from a backup. Without a backup: `wdbc run` rebuilds a pointer,"
        " `wdbc rollback --to VERSION` the champion's pointer; delete a damaged manifest under runs/; for a damaged"
        f" audit log, move {paths.HISTORY} and {paths.HISTORY_HEAD} out of the store, then start a new log with"
        " `wdbc rollback --to VERSION`, and all champions are kept.",
    )


def _roots(
    found: StoreIndex, standing: Standing, experiment: Experiment | None, keep: int
) -> Iterator[tuple[Key, str]]:
    """Yield what is kept for its own sake, and why. Current versions come last: theirs is the reason to show."""
    known = {entry.after for entry in standing.history.moves}
    for asset, version in {*found.versions, *found.stated}:
        if asset not in found.pointers:
            yield (asset, version), f"the pointer of {asset} is missing"
    for file in (one.file.path for stated in found.stated.values() for one in stated):
        version = PurePosixPath(file).stem
        if file.startswith(f"{paths.PROMOTED}/") and version not in known:
            yield (paths.CHAMPION, version), "a champion that is not in the audit log"
    for version in _champions(standing, keep):
        yield (paths.CHAMPION, version), "a champion that a rollback can restore"
    for version in _under_test(found, standing, experiment):
        yield (paths.CHAMPION, version), "a challenger in an experiment"
    for stated in found.pointers.values():
        yield stated.key, "current"


def _champions(standing: Standing, keep: int) -> list[str]:
    """Return the latest champion versions, the newest first."""
    return list(dict.fromkeys(entry.after for entry in reversed(standing.history.moves) if entry.after))[:keep]


def _under_test(found: StoreIndex, standing: Standing, experiment: Experiment | None) -> set[str]:
    """Return the challenger in an experiment, or else those of an experiment that, by the log, was not stopped."""
    if experiment is not None:
        return {experiment.challenger.version}
    entries = [one for one in standing.history.entries if one.action in (*audit_log.MOVES, *audit_log.EXPERIMENT)]
    if not entries or entries[-1].action != audit_log.EXPERIMENT_STARTED:
        return set()
    return {
        one.manifest.version
        for stated in found.stated.values()
        for one in stated
        if one.file.path.startswith(f"{paths.CHAMPION}/{paths.CHALLENGERS}/")
        and one.manifest.inputs.get("fitted_pipeline") == entries[-1].candidate
    }


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
        if not stated and key in found.versions and key[0] in found.pointers:
            unknown.append(f"no manifest states the inputs of {key[0]} {key[1][:12]}")
        for source in (item for one in stated for item in one.manifest.inputs.items()):
            if source not in reasons:
                reasons[source] = f"input of {key[0]} {key[1][:12]}"
                waiting.append(source)
    if unknown:
        raise _refused(store, unknown)
    return reasons


def _in_use(found: StoreIndex, key: Key, age: float, now: float, run_limit: float) -> str | None:
    """Return why a version that nothing refers to may be in use."""
    asset, _ = key
    stated = [_age(one, now) for one in found.stated.get(key, ())]
    if min([age, *stated]) < 2 * run_limit:
        return "a run may be using it"
    pointer = found.pointers.get(asset)
    if pointer is not None and _age(pointer, now) < READ_SECONDS:
        return "a reader may be using it"
    return None


def _age(stated: ManifestFile, now: float) -> float:
    return now - stated.file.written
