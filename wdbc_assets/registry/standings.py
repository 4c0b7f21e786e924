"""How it stands with the champion: what is in production, since when, its problems, and where a rollback leads."""

from collections.abc import Iterable
from dataclasses import dataclass

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.audit_log import Entry, History
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.parsing import DamagedStore


@dataclass(frozen=True)
class Standing:
    """The champion as it stands: its manifest, if any, the history, and its problems with either; empty if nothing.

    `settled` says that pointer and history agree, and no decision is half written.
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
    def believed(self) -> str | None:
        """The version in production, by the history if the pointer cannot be read."""
        return self.version or moved_to(self.history)

    @property
    def since(self) -> Entry | None:
        """The entry by which the champion came to be what it is."""
        moves = self.history.moves
        return moves[-1] if moves and moves[-1].after == self.version else None

    @property
    def promotion(self) -> Entry | None:
        """The entry by which the champion was promoted last: what it says of verdict and force holds until the next."""
        found = [one for one in self.history.moves if (one.action, one.after) == (audit_log.PROMOTED, self.version)]
        return found[-1] if found else None

    @property
    def recipe(self) -> str | None:
        """The champion's recipe."""
        return self.since.recipe if self.since else None

    @property
    def earlier(self) -> list[Entry]:
        """The entries of the champions that a rollback leads to, the nearest one first.

        What was gone back from is not among them: another rollback leads further back, and not to and fro.
        """
        stack: list[Entry] = []
        for entry in self.history.moves:
            versions = [one.after for one in stack]
            if entry.action == audit_log.ROLLED_BACK and entry.after in versions:
                del stack[versions.index(entry.after) + 1 :]
            else:
                stack = [one for one in stack if one.after != entry.after] + [entry]
        return [entry for entry in reversed(stack) if entry.after != self.version]


@dataclass(frozen=True)
class WayBack:
    """A champion that a rollback leads to, or will once there is another: its recipe, if known, and its damage."""

    version: str
    recipe: str | None
    damage: str | None

    def __str__(self) -> str:
        return f"no rollback leads to {self.recipe or 'champion'} {short(self.version)}: {self.damage}"


def moved_to(found: History) -> str | None:
    """Return the version that the history says is in production."""
    return found.moves[-1].after if found.moves else None


def unlike(manifest: Manifest | None, found: History) -> list[str]:
    """Say in what pointer and history do not fit each other."""
    if found.unfinished is not None:
        return [f"entry {found.unfinished.number} was begun and not finished: the next decision finishes it"]
    said, now = moved_to(found), manifest.version if manifest else None
    if said == now:
        return []
    return [f"the pointer is at {short(now)}, and by the history it is at {short(said)}"]


def target(standing: Standing, version: str | None, known: Iterable[str], where: str) -> str:
    """Return the version of the champion to go back to: the one before, or the one of those known that begins so.

    Raises:
        WdbcError: there is none such, or not one alone, or it is what is in production.
        DamagedStore: it is the one before that is asked for, and the history is damaged.
    """
    if version is None:
        if standing.history.faults:
            raise DamagedStore(
                "the history is damaged, and does not say for certain which champion was before: "
                + standing.history.faults[0],
                where=where,
                hint="Name the champion to go back to: `wdbc rollback --to VERSION --reason TEXT`. " + _listed(known),
            )
        if not standing.earlier:
            raise no_such("there is no earlier champion to go back to", where, known)
        return str(standing.earlier[0].after)
    matches = [one for one in known if one.startswith(version)]
    if len(matches) != 1:
        many = "more than one version" if matches else "no version"
        raise no_such(f"{many} that begins with {version} was ever champion", where, known)
    if matches[0] == standing.version and standing.settled:
        raise no_such(f"{short(standing.version)} is the champion already", where, known)
    return matches[0]


def no_such(what: str, where: str, known: Iterable[str]) -> WdbcError:
    """Return the error for a version that cannot be gone back to; `known` are those that were ever champion."""
    return WdbcError(what, where=where, hint=f"{_listed(known)} See `wdbc history`.")


def _listed(known: Iterable[str]) -> str:
    return f"Champions were: {', '.join(sorted(map(short, known))) or 'none'}."


def short(version: str | None) -> str:
    """Return the first digits of a version."""
    return version[:12] if version else "none"
