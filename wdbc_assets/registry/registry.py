"""What is in production: the champion's pointer, which only a promotion or a rollback moves, and its audit log.

    champion/current.json             the pointer: the manifest of what is in production
    champion/versions/<digest>/...    the bundles, as for any asset
    champion/promoted/<digest>.json   the manifest of each champion, for a rollback
    champion/evidence/<digest>.json   each verdict document: versions, criteria, intervals
    champion/references/<digest>.parquet    the patients of a rebased reference: see `references`
    champion/history.jsonl, .json     who moved the pointer, when and why: see `audit_log`
    champion/experiment.json, ...     a challenger beside it: see `challenger`

`decision_log` has the order in which a decision is written. The pointer moves only if it has not moved since the
decision was made: of two concurrent promotions one succeeds, and the other fails with an error.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log, standings
from wdbc_assets.registry.audit_log import Entry, PolicyVersion
from wdbc_assets.registry.decision_log import Decision, DecisionLog, Superseded
from wdbc_assets.registry.standings import Standing, WayBack
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store import index, parsing, paths
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.parsing import DamagedStore, Malformed
from wdbc_assets.store.store import Draft, Store

_LOOKS, _LOOK_SECONDS = 20, 0.05  # completing a decision takes milliseconds
_REMOVED = "removed by gc"


class Registry:
    """The champion of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._backend = store.backend
        self._log = DecisionLog(store)

    # Reading

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

        The current champion is included, because it becomes a target once there is another. A version removed by `wdbc
        gc` is
        not: neither its manifest nor its files exist. `most` limits how many are checked; every file of them is read.
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

    # Writing

    def keep_evidence(self, document: VerdictDocument) -> str:
        """Store a verdict document and return its digest."""
        content = json.dumps(parsing.plain(document), indent=2, allow_nan=False).encode() + b"\n"
        digest = hashlib.sha256(content).hexdigest()
        self._backend.replace(paths.evidence(digest), content)
        return digest

    def promote(
        self,
        draft: Draft,
        decision: Decision,
        *,
        expected: str | None,
        made_of: Iterable[Manifest] = (),
        action: str = audit_log.PROMOTED,
    ) -> Entry:
        """Put a bundle into production, if the champion still is the version that it was compared with.

        `made_of` are the manifests of its inputs and evidence. `action` is what the log calls it.

        Raises:
            Superseded: the champion has changed; nothing was moved.
            DamagedStore: an input of the bundle is missing or damaged.
        """
        self._store.write(draft)
        self._backend.replace(paths.promoted(draft.manifest.version), draft.manifest.to_json())
        if decision.run_id:
            self._backend.replace(paths.made_by(decision.run_id, paths.CHAMPION), draft.manifest.to_json())
        with self.deciding():
            self.require(expected)
            self._store.write(draft)  # before the lock is held, garbage collection may remove it
            for manifest in made_of:
                self._store.files(manifest)
            return self._log.record(action, decision, before=expected, after=draft.manifest.version)

    def keep(self, decision: Decision, *, expected: str | None) -> Entry:
        """Record that the champion stays after a comparison. The same comparison is recorded only once.

        Raises:
            Superseded: the champion is not the one that the candidate was compared with.
        """
        with self.deciding():
            self.require(expected)
            last = self._log.history().last
            if last and last.action == audit_log.KEPT and (last.evidence, last.after) == (decision.evidence, expected):
                return last
            return self.note(audit_log.KEPT, decision, version=expected)

    def note(self, action: str, decision: Decision, *, version: str | None) -> Entry:
        """Record and carry out a decision that leaves the champion unchanged. Call it only inside `deciding`."""
        moves = self._log.history().moves
        recipe = moves[-1].recipe if moves else None
        return self._log.record(action, replace(decision, recipe=recipe), before=version, after=version)

    def rollback(self, version: str | None, decision: Decision, *, instead_of: str | None = None) -> Entry:
        """Restore an earlier champion: the previous one, or a version given by its first digits.

        A version can be restored if its own files are intact, whatever else is damaged. Which champion was the previous
        one is not taken from a damaged log. `instead_of` is the champion that the decision is about, if it is about
        a certain one.

        Raises:
            Superseded: another champion than `instead_of` is in production; nothing was moved.
            WdbcError: no version or several match, or the version is in production already.
            DamagedStore: its files are missing or damaged; or the log is, and no version was given.
        """
        with self.deciding():
            if instead_of is not None:
                self.require(instead_of)
            standing = self.standing_under_lock()
            known = self.known(standing)
            target = standings.target(standing, version, known, self._store.url)
            manifest = self._manifest_of(target)
            if manifest is None:
                name = formatting.short(target)
                what = f"the manifest of champion {name} is damaged, or missing (removed by `wdbc gc`?)"
                raise standings.no_such(what, self._store.url, known)
            bundle = self._store.files(manifest)
            self._backend.replace(paths.promoted(target), manifest.to_json())
            recipe, policy = known[target] or _recipe(bundle), _recalibrated(bundle, manifest)
            decision = replace(decision, recipe=recipe, policy=policy)
            return self._log.record(
                audit_log.ROLLED_BACK, decision, before=standing.assumed_version, after=manifest.version
            )

    def _manifest_of(self, version: str) -> Manifest | None:
        """Return the manifest of a rollback target: its own, or if that is damaged any other of the version."""
        with contextlib.suppress(DamagedStore):
            if (manifest := self.promoted(version)) is not None:
                return manifest
        stated = index.read(self._store).stated.get((paths.CHAMPION, version), ())
        return next((file.manifest for file in stated), None)

    def deciding(self) -> AbstractContextManager[Entry | None]:
        """Block all other decisions; yield the entry of a killed writer, if any, which is completed first."""
        return self._log.deciding()

    def require(self, expected: str | None) -> None:
        """Raise Superseded if the champion is not the version that a decision expects."""
        now = self._current()
        version = now.version if now else None
        if version != expected:
            change = f"{formatting.short(expected)} -> {formatting.short(version)}"
            raise Superseded(
                f"another decision moved the champion in the meantime: {change}",
                where=self._store.url,
                hint="Nothing was changed. Run `wdbc promote` to compare with the new champion.",
            )

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


def open_registry(store: Store) -> Registry:
    """Return the registry of a store."""
    return Registry(store)


def _recipe(bundle: Mapping[str, bytes]) -> str | None:
    """Return the recipe that a bundle states, for a champion without a readable log entry."""
    recipe = _field(bundle, paths.BUNDLE, "recipe")
    return recipe if isinstance(recipe, str) else None


def _recalibrated(bundle: Mapping[str, bytes], manifest: Manifest) -> PolicyVersion | None:
    """Return the policy of a bundle, if it is for another prevalence than that of its training set."""
    version, stated = manifest.inputs.get("decision_policy"), _field(bundle, paths.POLICY, "recalibration")
    if version is None or not isinstance(stated, dict):
        return None
    try:
        return parsing.build(
            PolicyVersion, {"version": version, "prevalence": stated["prevalence"], "trained": stated["trained"]}
        )
    except (KeyError, Malformed):
        return None


def _field(bundle: Mapping[str, bytes], file: str, name: str) -> Any:
    try:
        plain = parsing.decode(bundle[file])
    except (KeyError, Malformed):
        return None
    return plain.get(name) if isinstance(plain, dict) else None
