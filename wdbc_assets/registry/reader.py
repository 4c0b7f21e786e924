"""The reading half of a registry: what is in production, how it got there, and what a rollback can restore."""

import contextlib
import hashlib
import time
from pathlib import PurePosixPath

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import standings
from wdbc_assets.registry.decision_log import DecisionLog
from wdbc_assets.registry.standings import Standing, WayBack
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store import index, parsing, paths
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.parsing import DamagedStore, Malformed
from wdbc_assets.store.store import Store

_LOOKS, _LOOK_SECONDS = 20, 0.05  # completing a decision takes milliseconds
_REMOVED = "removed by gc"


class RegistryReader:
    """The champion of one store and its audit log, for reading."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._backend = store.backend
        self._log = DecisionLog(store)

    def standing(self) -> Standing:
        """Return what is in production and how it got there. Reading repairs nothing.

        If another process is writing a decision, wait a moment for its end.

        Raises:
            UnsupportedFormat: the store has a format that this release does not read.
            DamagedStore: the store's format file is damaged.
        """
        standing = self.standing_under_lock()
        for _ in range(_LOOKS):
            if standing.settled or not self._backend.is_locked():
                break
            time.sleep(_LOOK_SECONDS)
            standing = self.standing_under_lock()
        return self.standing_under_lock() if not standing.settled else standing

    def standing_under_lock(self) -> Standing:
        """Return the same for a holder of the store's lock: nobody else writes, so there is no wait."""
        self._store.require_known_format()
        history = self._log.history()
        problems = [*history.problems]
        settled = True
        try:
            manifest = self._current()
        except DamagedStore as error:
            manifest = None
            problems.append(error.what)
        else:
            if manifest is not None and (damage := self._store.damage(manifest)):
                problems.append(damage)
            mismatches = standings.mismatches(manifest, history)
            settled = not mismatches
            problems += mismatches
        return Standing(manifest, history, tuple(problems), settled)

    def evidence(self, digest: str) -> VerdictDocument:
        """Return a verdict document.

        Raises:
            DamagedStore: it is missing or was altered.
        """
        content = self._log.content(paths.evidence(digest)).data or b""
        document: VerdictDocument | None = None
        with contextlib.suppress(Malformed):
            if hashlib.sha256(content).hexdigest() == digest:
                document = parsing.read(VerdictDocument, content)
        if document is None:
            raise DamagedStore(
                "the evidence of a decision is missing or was altered",
                where=f"{self._store.url}/{paths.evidence(digest)}",
                hint="The champion is unchanged. Run `wdbc promote --dry-run` to compare again.",
            )
        return document

    def compared(self, standing: Standing, patients: str) -> list[str]:
        """Return the definitions of the candidates that were compared with the champion on these patients, in order.

        Its policy does not matter: the comparison is one of models.
        A comparison whose evidence is lost counts as a candidate of its own.
        """
        definitions: dict[str, None] = {}
        for entry in standing.history.entries:
            if entry.before not in standing.versions_of_model or not entry.evidence:
                continue
            try:
                document = self.evidence(entry.evidence)
            except DamagedStore:
                definitions[entry.evidence] = None
                continue
            if document.patients == patients:
                definitions[document.candidate.definition] = None
        return list(definitions)

    def lost_evidence(self) -> list[str]:
        """Return a message for each entry whose evidence is missing or was altered."""
        lost = []
        for entry in self._log.history().entries:
            try:
                if entry.evidence:
                    self.evidence(entry.evidence)
            except DamagedStore:
                lost.append(f"the evidence of entry {entry.number} is missing or was altered")
            table = entry.reference.table if entry.reference else ""
            if table and hashlib.sha256(self._log.content(paths.reference(table)).data or b"").hexdigest() != table:
                lost.append(f"the reference patients of entry {entry.number} are missing or were altered")
        return lost

    def promoted(self, version: str) -> Manifest | None:
        """Return the manifest of a version that is or was champion, or None if there is none.

        Raises:
            DamagedStore: it was altered.
        """
        return self._log.promoted(version)

    def known(self, standing: Standing) -> dict[str, str | None]:
        """Return every version that is or was champion, with its recipe if the log states it.

        The next rollback target comes first. A version of which only the manifest is left is included.
        """
        recipes = {str(entry.after): entry.recipe for entry in (*standing.earlier, *standing.history.moves)}
        names = (PurePosixPath(file.path) for file in self._backend.listed(paths.PROMOTED))
        stems = [name.stem for name in names if name.suffix == ".json" and paths.VERSION.fullmatch(name.stem)]
        return recipes | {stem: None for stem in sorted(stems) if stem not in recipes}

    def ways_back(self, standing: Standing, *, most: int | None = None) -> list[WayBack]:
        """Return the rollback targets, the next one first, with their damage.

        The current champion is included, because it becomes a target once there is another. A version removed by
        `wdbc gc` is not: neither its manifest nor its files exist. `most` limits how many are checked; every file of
        them is read.
        """
        known = list(self.known(standing).items())[:most]
        ways = (WayBack(version, recipe, self._obstacle(version)) for version, recipe in known)
        return [way for way in ways if way.damage != _REMOVED]

    def problems(self, standing: Standing, *, most: int | None = None) -> list[str]:
        """Return the damage of what is in production and of the rollback targets; empty if there is none."""
        return [*standing.problems, *(str(way) for way in self.ways_back(standing, most=most) if way.damage)]

    def _obstacle(self, version: str) -> str | None:
        try:
            manifest = self.promoted(version)
            if manifest is not None:
                return self._store.damage(manifest)
            if self._backend.listed(paths.bundle(version)):
                return f"its manifest is missing: {paths.promoted(version)}"
        except WdbcError as error:
            return f"{error.what}: {error.where}"
        return _REMOVED

    def _manifest_of(self, version: str) -> Manifest | None:
        """Return the manifest of a rollback target: its own, or if that is damaged any other of the version."""
        with contextlib.suppress(DamagedStore):
            if (manifest := self.promoted(version)) is not None:
                return manifest
        stated = index.read(self._store).stated.get((paths.CHAMPION, version), ())
        return next((file.manifest for file in stated), None)

    def _current(self) -> Manifest | None:
        self._store.require_known_format()
        try:
            return self._store.current(paths.CHAMPION)
        except DamagedStore as error:
            raise DamagedStore(
                "the champion's pointer is damaged: its content does not match its digest",
                where=error.where,
                hint="Restore the champion of the audit log: `wdbc rollback --reason TEXT`. The bundles are unchanged.",
            ) from None
