"""The state of production: the champion, since when, its problems, and the targets of a rollback."""

from collections.abc import Iterable
from dataclasses import dataclass

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.audit_log import Entry, History, PolicyVersion
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.parsing import DamagedStore


@dataclass(frozen=True)
class Standing:
    """The champion: its manifest, if any, the audit log, and the problems of both.

    `settled` tells that pointer and log agree and that no decision is half written.
    """

    manifest: Manifest | None
    history: History
    problems: tuple[str, ...]
    settled: bool

    @property
    def version(self) -> str | None:
        """The version in production."""
        return self.manifest.version if self.manifest else None

    @property
    def assumed_version(self) -> str | None:
        """The version in production, taken from the audit log if the pointer cannot be read."""
        return self.version or moved_to(self.history)

    @property
    def since(self) -> Entry | None:
        """The log entry that made this version champion."""
        moves = self.history.moves
        return moves[-1] if moves and moves[-1].after == self.version else None

    @property
    def promotion(self) -> Entry | None:
        """The latest promotion of this model, whose verdict and force apply to it, also with another policy."""
        versions = self.versions_of_model
        promotions = [
            entry for entry in self.history.moves if entry.action == audit_log.PROMOTED and entry.after in versions
        ]
        return promotions[-1] if promotions else None

    @property
    def versions_of_model(self) -> set[str | None]:
        """This version, and those that have the same model with another policy."""
        versions = {self.version}
        pairs = [
            {entry.before, entry.after}
            for entry in self.history.moves
            if entry.action == audit_log.POLICY_PROMOTED and None not in (entry.before, entry.after)
        ]
        while joined := [pair for pair in pairs if pair & versions and not pair <= versions]:
            versions.update(*joined)
        return versions

    @property
    def policy(self) -> PolicyVersion | None:
        """The champion's policy, if it was promoted by itself or is for another prevalence."""
        return self.since.policy if self.since else None

    @property
    def recalibrated(self) -> PolicyVersion | None:
        """The champion's policy, if it is for another prevalence than that of the training set."""
        return self.policy if self.policy and self.policy.is_recalibrated else None

    @property
    def recipe(self) -> str | None:
        """The champion's recipe."""
        return self.since.recipe if self.since else None

    @property
    def earlier(self) -> list[Entry]:
        """The entries of the rollback targets, the nearest one first.

        A champion that was rolled back is not among them: a second rollback goes further back, and not back and forth.
        """
        stack: list[Entry] = []
        for entry in self.history.moves:
            versions = [earlier.after for earlier in stack]
            if entry.action == audit_log.ROLLED_BACK and entry.after in versions:
                del stack[versions.index(entry.after) + 1 :]
            else:
                stack = [earlier for earlier in stack if earlier.after != entry.after] + [entry]
        return [entry for entry in reversed(stack) if entry.after != self.version]

    @property
    def previous_model(self) -> Entry | None:
        """The entry of the nearest rollback target with another model. Another policy is not another model."""
        versions = self.versions_of_model
        return next((entry for entry in self.earlier if entry.after not in versions), None)


@dataclass(frozen=True)
class WayBack:
    """A rollback target, now or once there is another champion: its recipe, if known, and its damage."""

    version: str
    recipe: str | None
    damage: str | None

    def __str__(self) -> str:
        return (
            f"rollback to {self.recipe or 'champion'} {formatting.short(self.version)} is not possible: {self.damage}"
        )


def moved_to(history: History) -> str | None:
    """Return the version that is in production according to the audit log."""
    return history.moves[-1].after if history.moves else None


def mismatches(manifest: Manifest | None, history: History) -> list[str]:
    """Return how the pointer and the audit log disagree."""
    if history.unfinished is not None:
        return [f"entry {history.unfinished.number} is unfinished: the next decision completes it"]
    logged, current = moved_to(history), manifest.version if manifest else None
    if logged == current:
        return []
    actual, stated = formatting.short(current), formatting.short(logged)
    return [f"the pointer is at {actual}, but according to the audit log it is at {stated}"]


def target(standing: Standing, version: str | None, known: Iterable[str], where: str) -> str:
    """Return the version to roll back to: the previous champion, or the known version that starts with `version`.

    Raises:
        WdbcError: no version or several match, or the version is in production already.
        DamagedStore: no version was given, and the log is damaged.
    """
    if version is None:
        if standing.history.problems:
            raise DamagedStore(
                "the audit log is damaged, so the previous champion cannot be determined: "
                + standing.history.problems[0],
                where=where,
                hint="Give the version to restore: `wdbc rollback --to VERSION --reason TEXT`. " + _listed(known),
            )
        if not standing.earlier:
            raise no_such("there is no earlier champion to restore", where, known)
        return str(standing.earlier[0].after)
    matches = [candidate for candidate in known if candidate.startswith(version)]
    if len(matches) != 1:
        count = "more than one champion version" if matches else "no champion version"
        raise no_such(f"{count} starts with {version}", where, known)
    if matches[0] == standing.version and standing.settled:
        raise no_such(f"{formatting.short(standing.version)} is already the champion", where, known)
    return matches[0]


def no_such(what: str, where: str, known: Iterable[str]) -> WdbcError:
    """Return the error for a version that cannot be restored; `known` are all that ever were champion."""
    return WdbcError(what, where=where, hint=f"{_listed(known)} See `wdbc history`.")


def _listed(known: Iterable[str]) -> str:
    return f"Champions so far: {', '.join(sorted(map(formatting.short, known))) or 'none'}."
