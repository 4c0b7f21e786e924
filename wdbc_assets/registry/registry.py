"""What is in production: the champion's pointer, which only a promotion or a rollback moves, and its audit log.

    champion/current.json             the pointer: the manifest of what is in production
    champion/versions/<digest>/...    the bundles, as for any asset
    champion/promoted/<digest>.json   the manifest of each champion, for a rollback
    champion/evidence/<digest>.json   each verdict document: versions, criteria, intervals
    champion/references/<digest>.parquet    the patients of a rebased reference: see `references`
    champion/history.jsonl, .json     who moved the pointer, when and why: see `audit_log`
    champion/experiment.json, ...     a challenger beside it: see `challenger`

This module has the decisions, and `reader` what is read. `decision_log` has the order in which a decision is written.
The pointer moves only if it has not moved since the decision was made: of two concurrent promotions one succeeds, and
the other fails with an error.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from wdbc_assets.domain import formatting
from wdbc_assets.registry import audit_log, standings
from wdbc_assets.registry.audit_log import Entry, PolicyVersion
from wdbc_assets.registry.decision_log import Decision, Superseded
from wdbc_assets.registry.reader import RegistryReader
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store import parsing, paths
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.parsing import Malformed
from wdbc_assets.store.store import Draft, Store


class Registry(RegistryReader):
    """The champion of one store, and the decisions that change it."""

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
