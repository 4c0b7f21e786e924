"""Cleaning up: which versions nothing refers to any more, and their removal without hurting whoever reads or writes.

Kept is what is current; the champion, and those of the last entries of the history; a challenger under test; all that
any of these was made of and judged by, back to the raw bytes, so that every number can be derived again; and whatever
may be in use: what was written, or stated by a run, within twice the longest time that a run may last, and what is of
an asset whose pointer has just moved, for a reader may be in the version before.

What is kept is read from the pointers, the history, the experiment, and the manifests. Where one of them is damaged,
nothing is removed, and the damage is named. Where one is missing, what it may have named is kept: every version of an
asset without a pointer, every champion with a manifest under `promoted/` that the history does not know, every
challenger that the history says is under test. The documents of judgements are never removed, and nothing is kept
because of them.

A writer moves its pointer under the store's lock, and makes sure under it that the files are there. Removal holds the
same lock and looks again first: so nothing that has become current in between is removed.
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
from wdbc_assets.store.index import Catalogue, Key, Stated
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import Store

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


def survey(store: Store, *, keep: int, run_limit: float, older_than: float = 0.0) -> list[Version]:
    """Say of every version whether and why it is kept.

    `keep` is how many of the last champions are; no run lasts longer than `run_limit` seconds; what is younger than
    `older_than` seconds is kept anyway.

    Raises:
        DamagedStore: something is damaged that says what is kept.
    """
    return _survey(store, index.read(store), keep=keep, run_limit=run_limit, older_than=older_than)


def clean(store: Store, *, keep: int, run_limit: float, older_than: float = 0.0) -> list[Version]:
    """Remove what nothing refers to, asset by asset, and return it. The parameters are those of `survey`.

    Raises:
        DamagedStore: something is damaged that says what is kept; nothing was removed because of it.
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


def _remove(store: Store, found: Catalogue, one: Version) -> None:
    """Remove the manifests that state a version of past runs and experiments, then its files, and what was paired of
    it.

    In this order: a manifest without files would be damage.
    """
    for stated in found.stated.get((one.asset, one.version), ()):
        store.backend.remove(stated.file.path)
    store.backend.remove(str(PurePosixPath(found.versions[one.asset, one.version][0].path).parent))
    if one.asset == "fitted_pipeline":
        store.backend.remove(paths.pairs(one.version))


def _survey(
    store: Store, found: Catalogue, *, keep: int, run_limit: float, older_than: float, locked: bool = False
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
        listed.append(Version(asset, version, sum(file.size for file in files), age, kept))
    return listed


def _require_sound(store: Store, found: Catalogue, standing: Standing) -> None:
    """Refuse a store of which the history, the champion's pointer or any manifest is damaged.

    Raises:
        DamagedStore: one is. All are named.
    """
    problems = [f"{error.what}: {error.where}" for error in found.damaged]
    problems += standing.history.faults
    if standing.history.unfinished is None and paths.CHAMPION in found.pointers:
        problems += standings.unlike(standing.manifest, standing.history)
    if problems:
        raise _refused(store, problems)


def _refused(store: Store, problems: Iterable[str]) -> DamagedStore:
    return DamagedStore(
        "the store is damaged, and what is still needed cannot be told: " + "; ".join(problems),
        where=store.url,
        hint="Nothing was removed. Restore these files from a backup. Without one: `wdbc run` makes a pointer again,"
        " `wdbc rollback --to VERSION` the champion's; a damaged manifest under runs/ can be deleted; in the place of a"
        f" damaged history another begins once {paths.HISTORY} and {paths.HISTORY_HEAD} were moved out of the store,"
        " by `wdbc rollback --to VERSION`: then every champion is kept.",
    )


def _roots(found: Catalogue, standing: Standing, experiment: Experiment | None, keep: int) -> Iterator[tuple[Key, str]]:
    """Yield what is kept for its own sake, and why; what is current last, for that is the reason to be shown."""
    known = {entry.after for entry in standing.history.moves}
    for asset, version in {*found.versions, *found.stated}:
        if asset not in found.pointers:
            yield (asset, version), f"the pointer of {asset} is missing"
    for file in (one.file.path for stated in found.stated.values() for one in stated):
        version = PurePosixPath(file).stem
        if file.startswith(f"{paths.PROMOTED}/") and version not in known:
            yield (paths.CHAMPION, version), "a champion that the history does not know"
    for version in _champions(standing, keep):
        yield (paths.CHAMPION, version), "a champion that can be gone back to"
    for version in _under_test(found, standing, experiment):
        yield (paths.CHAMPION, version), "a challenger under test"
    for stated in found.pointers.values():
        yield stated.key, "current"


def _champions(standing: Standing, keep: int) -> list[str]:
    """Return the versions that are or were champion last, the newest first."""
    return list(dict.fromkeys(entry.after for entry in reversed(standing.history.moves) if entry.after))[:keep]


def _under_test(found: Catalogue, standing: Standing, experiment: Experiment | None) -> set[str]:
    """Return the challenger under test; if none is, those of an experiment that by the history was not stopped."""
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


def _with_lineage(store: Store, found: Catalogue, roots: Mapping[Key, str]) -> dict[Key, str]:
    """Return why versions are kept: they are roots, or these were made of them.

    Raises:
        DamagedStore: no manifest says what a version that lies there was made of.
    """
    reasons = dict(roots)
    waiting = list(reasons)
    unknown = []
    while waiting:
        key = waiting.pop()
        stated = found.stated.get(key, ())
        if not stated and key in found.versions and key[0] in found.pointers:
            unknown.append(f"no manifest says what {key[0]} {key[1][:12]} was made of")
        for source in (item for one in stated for item in one.manifest.inputs.items()):
            if source not in reasons:
                reasons[source] = f"{key[0]} {key[1][:12]} was made of it"
                waiting.append(source)
    if unknown:
        raise _refused(store, unknown)
    return reasons


def _in_use(found: Catalogue, key: Key, age: float, now: float, run_limit: float) -> str | None:
    """Return why a version that nothing refers to may be in use."""
    asset, _ = key
    stated = [_age(one, now) for one in found.stated.get(key, ())]
    if min([age, *stated]) < 2 * run_limit:
        return "a run may be at work with it"
    pointer = found.pointers.get(asset)
    if pointer is not None and _age(pointer, now) < READ_SECONDS:
        return "somebody may be reading it"
    return None


def _age(stated: Stated, now: float) -> float:
    return now - stated.file.written
