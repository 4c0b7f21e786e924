"""What the registry keeps from garbage collection: see `store.gc`.

These are the champions of the last log entries, to which a rollback can return, and a challenger in an experiment.
Verdict documents are never removed, and they keep nothing alive.

This is decided from the audit log and the experiment. If one of them is damaged, nothing is removed. If one is missing,
everything it may have named is kept: all champions with a manifest under `promoted/` that the log does not mention, all
challengers that are in an experiment according to the log.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from wdbc_assets.registry import audit_log, challenger, standings
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store import paths
from wdbc_assets.store.gc import FindRoots, Roots
from wdbc_assets.store.index import Key, StoreIndex
from wdbc_assets.store.store import Store


def of(store: Store, *, keep: int) -> FindRoots:
    """Return the function that finds the roots of a store's registry; `keep` is the number of latest champions."""
    registry = open_registry(store)

    def find(found: StoreIndex, *, locked: bool) -> Roots:
        standing = registry.standing_under_lock() if locked else registry.standing()
        problems = [*standing.history.problems]
        if standing.history.unfinished is None and (paths.CHAMPION, None) in found.pointers:
            problems += standings.mismatches(standing.manifest, standing.history)
        if problems or found.damaged:
            return Roots(problems=tuple(problems))
        return Roots(dict(_roots(found, standing, challenger.current(store), keep)))

    return find


def _roots(
    index: StoreIndex, standing: Standing, experiment: Experiment | None, keep: int
) -> Iterator[tuple[Key, str]]:
    """Yield each version, and why it is kept. The last reason is the one to show."""
    known = {entry.after for entry in standing.history.moves}
    for file in (manifest_file.file.path for stated in index.stated.values() for manifest_file in stated):
        version = PurePosixPath(file).stem
        if file.startswith(f"{paths.PROMOTED}/") and version not in known:
            yield (paths.CHAMPION, version), "a champion that is not in the audit log"
    for version in _champions(standing, keep):
        yield (paths.CHAMPION, version), "a champion that a rollback can restore"
    for version in _under_test(index, standing, experiment):
        yield (paths.CHAMPION, version), "a challenger in an experiment"
    for manifest in (standing.manifest, experiment.challenger if experiment else None):
        if manifest and (paths.CHAMPION, manifest.version) not in index.stated:  # the listing is behind
            for source in manifest.inputs.items():
                yield source, "an input of a champion or challenger"


def _champions(standing: Standing, keep: int) -> list[str]:
    """Return the latest champion versions, the newest first."""
    return list(dict.fromkeys(entry.after for entry in reversed(standing.history.moves) if entry.after))[:keep]


def _under_test(index: StoreIndex, standing: Standing, experiment: Experiment | None) -> set[str]:
    """Return the challenger in an experiment, or else those of an experiment that, by the log, was not stopped."""
    if experiment is not None:
        return {experiment.challenger.version}
    entries = [entry for entry in standing.history.entries if entry.action in (*audit_log.MOVES, *audit_log.EXPERIMENT)]
    if not entries or entries[-1].action != audit_log.EXPERIMENT_STARTED:
        return set()
    return {
        manifest_file.manifest.version
        for stated in index.stated.values()
        for manifest_file in stated
        if manifest_file.file.path.startswith(f"{paths.CHAMPION}/{paths.CHALLENGERS}/")
        and manifest_file.manifest.inputs.get("fitted_pipeline") == entries[-1].candidate
    }
