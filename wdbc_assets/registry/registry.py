"""What is in production: the champion's pointer, which only a promotion or a rollback moves, and its audit log.

    champion/current.json             the pointer: the manifest of what is in production
    champion/versions/<digest>/...    the bundles, as for any asset
    champion/promoted/<digest>.json   the manifest of each champion, for a rollback
    champion/evidence/<digest>.json   each verdict document: versions, criteria, intervals
    champion/history.jsonl, .json     who moved the pointer, when and why: see `audit_log`
    champion/experiment.json, ...     a challenger beside it: see `challenger`

Write order of a decision: everything it needs (files, manifest and evidence of a new champion, the terms of an
experiment); then, under the lock, the log entry, the file that it decides about (the pointer or the experiment), and
the head of the log. The entry is the decision. A writer killed after it leaves an unfinished entry, which the next
decision completes first: no pointer and no experiment exists without its entry. Until then readers see the previous
champion or experiment, complete. A termination signal takes effect before the entry or after the head.

The pointer moves only if it has not moved since the decision was made: of two concurrent promotions one succeeds, and
the other fails with an error.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from wdbc_assets import safe_text, signals
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log, standings
from wdbc_assets.registry.audit_log import Content, Entry, History
from wdbc_assets.registry.standings import Standing, WayBack
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store import index, parsing, paths
from wdbc_assets.store.backends import Backend, CannotRead
from wdbc_assets.store.manifest import CHAMPION_MANIFEST, Manifest
from wdbc_assets.store.parsing import DamagedStore, Malformed
from wdbc_assets.store.store import Draft, Store

_READS = 5
_LOOKS, _LOOK_SECONDS = 20, 0.05  # completing a decision takes milliseconds
_REMOVED = "removed by gc"


class Superseded(WdbcError):
    """Another decision moved the champion in the meantime."""


@dataclass(frozen=True)
class Decision:
    """What the audit log records about a move of the pointer, or about a candidate that was not promoted."""

    actor: str
    run_id: str | None
    candidate: str | None = None
    recipe: str | None = None
    verdict: str | None = None
    evidence: str | None = None
    reason: str = ""
    forced: bool = False

    def __post_init__(self) -> None:
        """Reduce actor and reason to one line each: they appear in a list that others read."""
        for name in ("actor", "reason"):
            object.__setattr__(self, name, safe_text.one_line(getattr(self, name)))


class Registry:
    """The champion of one store."""

    def __init__(self, store: Store, backend: Backend) -> None:
        self._store = store
        self._backend = backend

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
        history = self._history()
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

    def evidence(self, digest: str) -> dict[str, Any]:
        """Return a verdict document.

        Raises:
            DamagedStore: it is missing or was altered.
        """
        content = self._content(paths.evidence(digest)).data or b""
        document: dict[str, Any] | None = None
        with contextlib.suppress(Malformed):
            if hashlib.sha256(content).hexdigest() == digest:
                plain = parsing.decode(content)
                parsing.build(VerdictDocument, plain)
                document = plain
        if document is None:
            raise DamagedStore(
                "the evidence of a decision is missing or was altered",
                where=f"{self._store.url}/{paths.evidence(digest)}",
                hint="The champion is unchanged. Run `wdbc promote --dry-run` to compare again.",
            )
        return document

    def lost_evidence(self) -> list[str]:
        """Return a message for each entry whose evidence is missing or was altered."""
        lost = []
        for entry in self._history().entries:
            try:
                if entry.evidence:
                    self.evidence(entry.evidence)
            except DamagedStore:
                lost.append(f"the evidence of entry {entry.number} is missing or was altered")
        return lost

    def promoted(self, version: str) -> Manifest | None:
        """Return the manifest of a version that is or was champion, or None if there is none.

        Raises:
            DamagedStore: it was altered.
        """
        path = paths.promoted(version)
        try:
            content = self._backend.read(path)
        except FileNotFoundError:
            return None
        where = f"{self._store.url}/{path}"
        return Manifest.from_json(content, where=where, name=CHAMPION_MANIFEST, asset=paths.CHAMPION, version=version)

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

    def keep_evidence(self, document: Mapping[str, Any]) -> str:
        """Store a verdict document and return its digest."""
        content = json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"
        digest = hashlib.sha256(content).hexdigest()
        self._backend.replace(paths.evidence(digest), content)
        return digest

    def promote(
        self, draft: Draft, decision: Decision, *, expected: str | None, made_of: Iterable[Manifest] = ()
    ) -> Entry:
        """Put a bundle into production, if the champion still is the version that it was compared with.

        `made_of` are the manifests of its inputs and evidence.

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
            return self._record(audit_log.PROMOTED, decision, before=expected, after=draft.manifest.version)

    def keep(self, decision: Decision, *, expected: str | None) -> Entry:
        """Record that the champion stays after a comparison. The same comparison is recorded only once.

        Raises:
            Superseded: the champion is not the one that the candidate was compared with.
        """
        with self.deciding():
            self.require(expected)
            last = self._history().last
            if last and last.action == audit_log.KEPT and (last.evidence, last.after) == (decision.evidence, expected):
                return last
            return self.note(audit_log.KEPT, decision, version=expected)

    def note(self, action: str, decision: Decision, *, version: str | None) -> Entry:
        """Record and carry out a decision that leaves the champion unchanged. Call it only inside `deciding`."""
        moves = self._history().moves
        recipe = moves[-1].recipe if moves else None
        return self._record(action, replace(decision, recipe=recipe), before=version, after=version)

    def rollback(self, version: str | None, decision: Decision) -> Entry:
        """Restore an earlier champion: the previous one, or a version given by its first digits.

        A version can be restored if its own files are intact, whatever else is damaged. Which champion was the previous
        one is not taken from a damaged log.

        Raises:
            WdbcError: no version or several match, or the version is in production already.
            DamagedStore: its files are missing or damaged; or the log is, and no version was given.
        """
        with self.deciding():
            standing = self.standing_under_lock()
            known = self.known(standing)
            target = standings.target(standing, version, known, self._store.url)
            manifest = self._manifest_of(target)
            if manifest is None:
                what = (
                    f"the manifest of champion {standings.short(target)} is damaged, or missing (removed by `wdbc gc`?)"
                )
                raise standings.no_such(what, self._store.url, known)
            bundle = self._store.files(manifest)
            self._backend.replace(paths.promoted(target), manifest.to_json())
            decision = replace(decision, recipe=known[target] or _recipe(bundle))
            return self._record(
                audit_log.ROLLED_BACK, decision, before=standing.assumed_version, after=manifest.version
            )

    def _manifest_of(self, version: str) -> Manifest | None:
        """Return the manifest of a rollback target: its own, or if that is damaged any other of the version."""
        with contextlib.suppress(DamagedStore):
            if (manifest := self.promoted(version)) is not None:
                return manifest
        stated = index.read(self._store).stated.get((paths.CHAMPION, version), ())
        return next((file.manifest for file in stated), None)

    @contextmanager
    def deciding(self) -> Iterator[Entry | None]:
        """Block all other decisions; yield the entry of a killed writer, if any, which is completed first."""
        with self._backend.commit_lock():
            yield self._finish()

    def _finish(self) -> Entry | None:
        unfinished = self._history().unfinished
        if unfinished is None:
            return None
        try:
            files = self._completion(unfinished)
        except DamagedStore:  # the champion stays, and the mismatch is reported until the next rollback
            files = {paths.HISTORY_HEAD: audit_log.head_of(unfinished)}
        self._write(files)
        return unfinished

    def _record(self, action: str, decision: Decision, *, before: str | None, after: str | None) -> Entry:
        entry = _entry(action, decision, before=before, after=after)
        content, placed = self._history().with_entry(entry)
        completion = self._completion(placed)
        if self._content(paths.HISTORY).problem:
            self._backend.set_aside(paths.HISTORY)  # keep it as evidence
        self._write({paths.HISTORY: content, **completion})
        return placed

    def _completion(self, entry: Entry) -> dict[str, bytes]:
        """Return the files to write after an entry, in order. Writing them again changes nothing."""
        files = {}
        if entry.action in audit_log.MOVES and entry.after and (manifest := self.promoted(entry.after)) is not None:
            files[paths.pointer(paths.CHAMPION)] = manifest.to_json()
        elif entry.action == audit_log.EXPERIMENT_STARTED:
            files[paths.EXPERIMENT] = self._content(paths.NEXT_EXPERIMENT).data or b""
        elif entry.action == audit_log.EXPERIMENT_STOPPED:
            files[paths.EXPERIMENT] = b""
        return {**files, paths.HISTORY_HEAD: audit_log.head_of(entry)}

    def _write(self, files: Mapping[str, bytes]) -> None:
        with signals.deferred():
            for path, content in files.items():
                self._backend.replace(path, content)

    def require(self, expected: str | None) -> None:
        """Raise Superseded if the champion is not the version that a decision expects."""
        now = self._current()
        version = now.version if now else None
        if version != expected:
            change = f"{standings.short(expected)} -> {standings.short(version)}"
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

    def _history(self) -> History:
        """Read the audit log and its head, consistent with each other as far as possible without the lock."""
        head = self._content(paths.HISTORY_HEAD)
        for _ in range(_READS):
            lines = self._content(paths.HISTORY)
            again = self._content(paths.HISTORY_HEAD)
            if again == head:
                break
            head = again
        return audit_log.read(lines, head)

    def _content(self, path: str) -> Content:
        try:
            return Content(self._backend.read(path))
        except FileNotFoundError:
            return Content(None)
        except (DamagedStore, CannotRead) as error:
            return Content(None, error.what)


def open_registry(store: Store) -> Registry:
    """Return the registry of a store."""
    return Registry(store, store.backend)


def _entry(action: str, decision: Decision, *, before: str | None, after: str | None) -> Entry:
    return Entry(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        actor=decision.actor,
        action=action,
        run_id=decision.run_id,
        before=before,
        after=after,
        recipe=decision.recipe,
        candidate=decision.candidate,
        verdict=decision.verdict,
        evidence=decision.evidence,
        reason=decision.reason,
        forced=decision.forced,
    )


def _recipe(bundle: Mapping[str, bytes]) -> str | None:
    """Return the recipe that a bundle states, for a champion without a readable log entry."""
    try:
        plain = parsing.decode(bundle[paths.BUNDLE])
    except (KeyError, Malformed):
        return None
    recipe = plain.get("recipe") if isinstance(plain, dict) else None
    return recipe if isinstance(recipe, str) else None
